import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { identity, signOut, type SignedIn } from "./identity";
import { Organisation } from "./organisations";
import { route, type Route } from "./router";
import { theme, type Theme } from "./theme";

const LINKS: { to: string; name: string; pages: Route["page"][] }[] = [
  { to: "/", name: "Live", pages: ["wall", "session"] },
  { to: "/assessments", name: "Assessments", pages: ["assessments", "assessment"] },
  { to: "/compare", name: "Compare", pages: ["compare"] },
  { to: "/settings", name: "Settings", pages: ["settings"] },
];

/** What is around every page. */
export function Layout({ children }: { children: ComponentChildren }) {
  const who = identity.value.is === "signed-in" ? identity.value.who : null;
  return (
    <>
      <a class="skip" href="#page">
        Skip to the page
      </a>
      <header class="top">
        <a class="brand" href="/" aria-label="Promptster: live">
          <svg viewBox="0 0 32 32" aria-hidden="true">
            <path d="M4 17h5l3-9 6 17 4-8h6" />
          </svg>
          <span>Promptster</span>
        </a>
        {who && <Navigation />}
        <div class="top-end">
          <ThemeSwitch />
          {who && <Who who={who} />}
        </div>
      </header>
      <main id="page" tabIndex={-1}>
        {children}
      </main>
    </>
  );
}

function Navigation() {
  const { page } = route.value;
  return (
    <nav class="links" aria-label="Pages">
      {LINKS.map(({ to, name, pages }) => (
        <a key={to} href={to} aria-current={pages.includes(page) ? "page" : undefined}>
          {name}
        </a>
      ))}
    </nav>
  );
}

const NEXT: Record<Theme, Theme> = { system: "light", light: "dark", dark: "system" };
const SIGNS: Record<Theme, string> = {
  system: "M4 5h16v11H4zM9 20h6M12 16v4",
  light: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 3v2M12 19v2M3 12h2M19 12h2M5.6 5.6 7 7M17 17l1.4 1.4M18.4 5.6 17 7M7 17l-1.4 1.4",
  dark: "M20 14.5A8 8 0 0 1 9.5 4a8 8 0 1 0 10.5 10.5z",
};

function ThemeSwitch() {
  const now = theme.value;
  const says = `Theme: ${now}. Change to ${NEXT[now]}.`;
  return (
    <button type="button" class="icon-button" title={says} aria-label={says} onClick={() => (theme.value = NEXT[now])}>
      <svg viewBox="0 0 24 24" aria-hidden="true">
        <path d={SIGNS[now]} />
      </svg>
    </button>
  );
}

function Who({ who }: { who: SignedIn }) {
  const [failed, setFailed] = useState(false);
  return (
    <div class="who">
      <Organisation who={who} />
      <button
        type="button"
        class="button quiet"
        onClick={() => void signOut().catch(() => setFailed(true))}
        title={failed ? "The server could not be reached: you are still signed in." : undefined}
      >
        {failed ? "Sign out again" : "Sign out"}
      </button>
    </div>
  );
}
