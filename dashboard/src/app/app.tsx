import { useEffect } from "preact/hooks";
import { ask, identity, toSignIn } from "./identity";
import { Layout } from "./layout";
import { lazy } from "./lazy";
import { route } from "./router";
import { Failed, Loading, Problem } from "./states";

const Wall = lazy(() => import("../wall/page").then((module) => module.WallPage));
const Session = lazy(() => import("../session/page").then((module) => module.SessionPage));
const Compare = lazy(() => import("../compare/page").then((module) => module.ComparePage));
const Assessments = lazy(() => import("../assessments/list").then((module) => module.AssessmentsPage));
const Assessment = lazy(() => import("../assessments/page").then((module) => module.AssessmentPage));
const Settings = lazy(() => import("../settings/page").then((module) => module.SettingsPage));
const SignIn = lazy(() => import("../sign-in/page").then((module) => module.SignInPage));

const TITLES = {
  wall: "Live",
  session: "Session",
  compare: "Compare",
  assessments: "Assessments",
  assessment: "Assessment",
  settings: "Settings",
  "sign-in": "Sign in",
  unknown: "Not found",
};

const PAGES = {
  wall: Wall,
  session: Session,
  compare: Compare,
  assessments: Assessments,
  assessment: Assessment,
  settings: Settings,
  "sign-in": SignIn,
  unknown: null,
};

export function App() {
  const { page } = route.value;
  useEffect(() => {
    // The code of the page comes while the server is asked who this is.
    PAGES[route.peek().page]?.preload();
    void ask();
  }, []);
  useEffect(() => void (document.title = `${TITLES[page]} · Promptster`), [page]);
  return (
    <Layout>
      <Page />
    </Layout>
  );
}

function Page() {
  const now = route.value;
  const who = identity.value;
  const isSignedOut = who.is === "signed-out";
  useEffect(() => {
    if (isSignedOut) toSignIn();
  }, [isSignedOut, now]);

  if (who.is === "asking") return <Loading what="the dashboard" />;
  if (who.is === "unknown") return <Failed error={who.error} what="dashboard" again={() => void ask()} />;
  if (now.page === "sign-in") return <SignIn />;
  if (isSignedOut) return <Loading what="the dashboard" />;
  switch (now.page) {
    case "wall":
      return <Wall />;
    case "session":
      return <Session key={now.sessionId} sessionId={now.sessionId} />;
    case "compare":
      return <Compare />;
    case "assessments":
      return <Assessments />;
    case "assessment":
      return <Assessment key={now.assessmentId} assessmentId={now.assessmentId} />;
    case "settings":
      return <Settings part={now.part} />;
    case "unknown":
      return (
        <Problem title="There is no such page.">
          <a class="button" href="/">
            To the live sessions
          </a>
        </Problem>
      );
  }
}
