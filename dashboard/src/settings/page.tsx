import { identity } from "../app/identity";
import { AddOrganisation, SignedInAs } from "../app/organisations";
import { Plain } from "../text/plain-text";
import { dayAndTime } from "../app/time";
import { ApiKeys } from "./api-keys";
import { Members } from "./members";
import { Webhooks } from "./webhooks";
import "./settings.css";

export function SettingsPage() {
  const now = identity.value;
  if (now.is !== "signed-in") return null;
  const { who } = now;
  return (
    <div class="page settings">
      <header class="page-head">
        <h1>Settings</h1>
      </header>
      <p class="muted">
        <Plain text={who.org.name} /> · signed in <SignedInAs who={who} /> until {dayAndTime(who.expiresAt)}
      </p>
      <AddOrganisation />
      <Members own={who.member?.id ?? ""} />
      <ApiKeys own={who.apiKey?.id ?? ""} />
      <Webhooks />
      <section class="section" aria-labelledby="retention">
        <div class="section-head">
          <h2 id="retention">Retention</h2>
        </div>
        <p class="card note-card muted">
          Sessions stay until somebody deletes them, or for as many days after their end as the operator of this server says with{" "}
          <code>promptster-server org retention --org {who.org.id} --days …</code>
        </p>
      </section>
    </div>
  );
}
