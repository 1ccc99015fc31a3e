import preact from "@preact/preset-vite";
import { defineConfig } from "vite";

/** Where `npm run dev` finds the API. */
const server = process.env["PROMPTSTER_URL"] ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [preact({ prefreshEnabled: false })],
  build: {
    target: "es2022",
    // Everything is a file of the server: nothing inline, so that the content policy may be strict.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy: { "/v1": { target: server, ws: true, changeOrigin: true }, "/auth": { target: server, changeOrigin: true } } },
});
