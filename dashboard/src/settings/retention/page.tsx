import { useState } from "preact/hooks";
import type { components } from "../../api/schema";
import { Field, FieldError, number, useSending } from "../../app/form";
import { api, mayWrite } from "../../app/identity";
import { useResource } from "../../app/resource";
import { Part } from "../part";
import { ConfirmRetention } from "./confirm";
import { daysInWords, isSooner, type Days } from "./days";
import { LifeOfASession } from "./life";

type OrgReply = components["schemas"]["OrgReply"];

/** For how long sessions are kept. */
export function Retention() {
  const org = useResource((signal) => api.get<OrgReply>("/v1/org", {}, signal));
  const [isSaved, setIsSaved] = useState(false);
  const put = (reply: OrgReply) => {
    org.put(() => reply);
    setIsSaved(true);
  };
  return (
    <Part title="Retention" lead="For how long sessions are kept after their end." resource={org}>
      {({ org: { retentionDays = null } }) => (
        <>
          <Edit key={String(retentionDays)} days={retentionDays} isSaved={isSaved} onDone={put} />
          <div class="goes-and-stays">
            <section class="card note-card" aria-labelledby="goes">
              <h3 id="goes">What is deleted</h3>
              <p>
                All of a session: its events, the code that was handed in, signals, artifacts, scores and notes, in every store, for good. Nobody can
                bring it back; backups have to expire by themselves.
              </p>
              <p>A session that runs is never deleted by this. The time counts from when the server learned of the end.</p>
            </section>
            <section class="card note-card" aria-labelledby="stays">
              <h3 id="stays">What stays</h3>
              <p>
                Assessments, candidate keys, rubrics and issues; and that a session of this id was there, so that it does not come back. Cohorts
                compare the sessions that are left.
              </p>
            </section>
          </div>
        </>
      )}
    </Part>
  );
}

function Edit({ days, isSaved, onDone }: { days: Days; isSaved: boolean; onDone: (reply: OrgReply) => void }) {
  const [isLimited, setIsLimited] = useState(days !== null);
  const [text, setText] = useState(days === null ? "" : String(days));
  const [asked, setAsked] = useState<number | null>(null);
  const { isSending, faults, send } = useSending();
  const wanted = isLimited ? number(text) : null;
  const isWhole = typeof wanted === "number" && Number.isInteger(wanted) && wanted >= 1;
  const save = async () => onDone(await api.patch<OrgReply>("/v1/org", { retentionDays: wanted }));
  const submit = (event: Event) => {
    event.preventDefault();
    // What is no number of days is not asked about: the server says what is wrong with it.
    if (isWhole && isSooner(days, wanted)) setAsked(wanted);
    else void send(save);
  };
  return (
    <div class="card retention">
      <p class="retention-now">
        {days === null ? (
          <>Sessions are <strong>kept until they are deleted</strong> one by one.</>
        ) : (
          <>Sessions are deleted <strong>{daysInWords(days)}</strong> after their end.</>
        )}
      </p>
      <LifeOfASession days={isLimited ? (isWhole ? wanted : undefined) : null} />
      {mayWrite() ? (
        <form class="form" onSubmit={submit} noValidate>
          <fieldset>
            <legend>Keep sessions</legend>
            <label class="inline">
              <input type="radio" name="retention" checked={!isLimited} onChange={() => setIsLimited(false)} />
              Until somebody deletes them
            </label>
            <label class="inline">
              <input type="radio" name="retention" checked={isLimited} onChange={() => setIsLimited(true)} />
              For a number of days
            </label>
          </fieldset>
          {isLimited && (
            <Field label="Days after the end of a session" hint="From 1 to 3650." fault={faults["retentionDays"]}>
              {(about) => <input {...about} class="short" inputMode="numeric" value={text} onInput={(event) => setText(event.currentTarget.value)} />}
            </Field>
          )}
          <FieldError text={faults[""]} />
          <p class="actions">
            <button type="submit" class="button primary" disabled={isSending || wanted === days}>
              Save
            </button>
            <span role="status" class="muted">
              {isSaved && wanted === days && "Saved."}
            </span>
          </p>
        </form>
      ) : (
        <p class="muted">Who is signed in may look at this, and not change it.</p>
      )}
      {asked !== null && <ConfirmRetention days={asked} before={days} onConfirm={save} onClose={() => setAsked(null)} />}
    </div>
  );
}
