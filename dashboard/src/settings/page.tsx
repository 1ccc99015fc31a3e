import { identity } from "../app/identity";
import { AddOrganisation, SignedInAs } from "../app/organisations";
import { SETTINGS, type SettingsPart } from "../app/router";
import { dayAndTime } from "../app/time";
import { Plain } from "../text/plain-text";
import { ApiKeys } from "./api-keys";
import { Issues } from "./issues/list";
import { Members } from "./members";
import { Retention } from "./retention/page";
import { Rubrics } from "./rubrics/list";
import { Webhooks } from "./webhooks";
import "./settings.css";

const NAMES: Record<SettingsPart, string> = {
  access: "Access",
  issues: "Issues",
  rubrics: "Rubrics",
  webhooks: "Webhooks",
  retention: "Retention",
};

/** What an organisation says of itself, by parts. */
export function SettingsPage({ part }: { part: SettingsPart }) {
  const now = identity.value;
  if (now.is !== "signed-in") return null;
  const { who } = now;
  return (
    <div class="page settings">
      <header class="page-head">
        <h1>Settings</h1>
        <p class="muted">
          <Plain text={who.org.name} /> · signed in <SignedInAs who={who} /> until {dayAndTime(who.expiresAt)}
        </p>
      </header>
      <div class="settings-body">
        <nav class="parts" aria-label="Parts of the settings">
          {SETTINGS.map((name) => (
            <a key={name} href={name === "access" ? "/settings" : `/settings/${name}`} aria-current={name === part ? "page" : undefined}>
              {NAMES[name]}
            </a>
          ))}
        </nav>
        <div class="settings-part">
          {part === "access" && (
            <>
              <Members own={who.member?.id ?? ""} />
              <ApiKeys own={who.apiKey?.id ?? ""} />
              <div class="section">
                <AddOrganisation />
              </div>
            </>
          )}
          {part === "issues" && <Issues />}
          {part === "rubrics" && <Rubrics />}
          {part === "webhooks" && <Webhooks />}
          {part === "retention" && <Retention />}
        </div>
      </div>
    </div>
  );
}
