import { computed, signal } from "@preact/signals";

/** The parts of the settings, each on a page of its own; the first is at `/settings`. */
export const SETTINGS = ["access", "issues", "rubrics", "webhooks", "retention"] as const;
export type SettingsPart = (typeof SETTINGS)[number];

/** What is looked at. */
export type Route =
  | { page: "wall" }
  | { page: "session"; sessionId: string }
  | { page: "compare" }
  | { page: "assessments" }
  | { page: "assessment"; assessmentId: string }
  | { page: "settings"; part: SettingsPart }
  | { page: "sign-in" }
  | { page: "unknown" };

/** Path and query of the page, as they are in the address bar. */
export const address = signal(here());

export const route = computed<Route>(() => match(address.value));

/** The query of the page. */
export const query = computed(() => new URLSearchParams(address.value.split("?")[1] ?? ""));

/** The page of a path. The server answers these paths, and no others, with the dashboard: `src/http/dashboard.rs`. */
export function match(target: string): Route {
  const [first, second, ...more] = (target.split("?")[0] ?? "").split("/").filter(Boolean);
  if (first === undefined) return { page: "wall" };
  if (more.length > 0) return { page: "unknown" };
  const name = second === undefined ? null : decoded(second);
  if (name === null) {
    if (first === "compare" || first === "assessments" || first === "sign-in") return { page: first };
    if (first === "settings") return { page: "settings", part: "access" };
    return { page: "unknown" };
  }
  if (first === "sessions") return { page: "session", sessionId: name };
  if (first === "assessments") return { page: "assessment", assessmentId: name };
  const part = SETTINGS.slice(1).find((part) => part === name);
  if (first === "settings" && part) return { page: "settings", part };
  return { page: "unknown" };
}

/** Goes to another page of the dashboard. */
export function navigate(to: string, { replace = false } = {}): void {
  if (replace) history.replaceState(null, "", to);
  else history.pushState(null, "", to);
  address.value = here();
  scrollTo(0, 0);
}

/** Makes links within the dashboard change the page without loading it anew. */
export function followLinks(): void {
  addEventListener("popstate", () => (address.value = here()));
  addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (!link || link.origin !== location.origin || link.target || link.hasAttribute("download")) return;
    if (link.pathname === location.pathname && link.hash) return;
    if (match(link.pathname).page === "unknown") return;
    event.preventDefault();
    navigate(link.pathname + link.search + link.hash);
  });
}

/** The page that compares these sessions. */
export function comparison(sessionIds: readonly string[]): string {
  return `/compare?sessions=${sessionIds.map(encodeURIComponent).join(",")}`;
}

/** Where to go after signing in: only to a page of the dashboard, never to what a link put into the query. */
export function safeNext(next: string | null): string {
  if (next === null || !next.startsWith("/") || next.startsWith("//") || next.includes("\\")) return "/";
  const { page } = match(next);
  return page === "unknown" || page === "sign-in" ? "/" : next;
}

function here(): string {
  return typeof location === "undefined" ? "/" : location.pathname + location.search;
}

function decoded(part: string): string | null {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
