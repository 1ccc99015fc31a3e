import { render } from "preact";
import { App } from "./app/app";
import { followLinks } from "./app/router";
import { startTheme } from "./app/theme";
import "./styles/tokens.css";
import "./styles/base.css";

startTheme();
followLinks();
render(<App />, document.getElementById("app")!);
