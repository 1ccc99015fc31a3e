import { useState } from "preact/hooks";
import { path } from "../api/client";
import type { components } from "../api/schema";
import { Confirm, Dialog, Field, useSending } from "../app/form";
import { api, ask, mayWrite } from "../app/identity";
import { useResource } from "../app/resource";
import { Failed, Loading } from "../app/states";
import { ago, day, now } from "../app/time";
import { Plain } from "../text/plain-text";

type Member = components["schemas"]["Member"];

/** Who may sign in with the identity provider. `own` is the member who is signed in; empty with an API key. */
export function Members({ own }: { own: string }) {
  const { state, again } = useResource((signal) => api.get<{ members: Member[] }>("/v1/org/members", {}, signal));
  const [isNew, setIsNew] = useState(false);
  const [changed, setChanged] = useState<Member | null>(null);
  const [removed, setRemoved] = useState<Member | null>(null);
  const canWrite = mayWrite();
  return (
    <section class="section" aria-labelledby="members">
      <div class="section-head">
        <h2 id="members">Members</h2>
        {canWrite && (
          <div class="actions">
            <button type="button" class="button" onClick={() => setIsNew(true)}>
              Add a member
            </button>
          </div>
        )}
      </div>
      {state.is === "loading" && <Loading what="the members" />}
      {state.is === "failed" && <Failed error={state.error} what="members" again={again} />}
      {state.is === "here" && state.value.members.length === 0 && (
        <p class="card note-card muted">Nobody yet. Members sign in with the identity provider of this server, where there is one.</p>
      )}
      {state.is === "here" && state.value.members.length > 0 && (
        <div class="card table-scroll" tabIndex={0} role="region" aria-label="Members">
          <table>
            <thead>
              <tr>
                <th>E-mail address</th>
                <th>May</th>
                <th>Added</th>
                <th>Signed in</th>
                <th>
                  <span class="visually-hidden">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {state.value.members.map((member) => (
                <tr key={member.id}>
                  <td>
                    <Plain text={member.email} /> {member.id === own && <span class="badge accent">you</span>}
                  </td>
                  <td>{member.scopes.join(", ")}</td>
                  <td class="muted">{day(member.createdAt)}</td>
                  <td class="muted">{member.lastSignInAt ? ago(Date.parse(member.lastSignInAt), now.value) : "never"}</td>
                  <td class="end">
                    {canWrite && (
                      <>
                        <button type="button" class="button quiet small" onClick={() => setChanged(member)}>
                          Change
                        </button>
                        <button type="button" class="button quiet small" onClick={() => setRemoved(member)}>
                          Remove
                        </button>
                      </>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {isNew && <EditMember onDone={again} onClose={() => setIsNew(false)} />}
      {changed && (
        <EditMember
          member={changed}
          onDone={() => (changed.id === own ? void ask() : again())}
          onClose={() => setChanged(null)}
        />
      )}
      {removed && (
        <Confirm
          title={`Remove ${removed.email}?`}
          action="Remove"
          onClose={() => setRemoved(null)}
          onConfirm={async () => {
            await api.delete(path`/v1/org/members/${removed.id}`);
            setRemoved(null);
            if (removed.id === own) await ask();
            else again();
          }}
        >
          <p>
            Whoever that is can do nothing here any more from now on, signed in or not.
            {removed.id === own && <strong> That is you.</strong>}
          </p>
        </Confirm>
      )}
    </section>
  );
}

/** Adds a member, or says what one may do: an address stays what it is. */
function EditMember({ member, onDone, onClose }: { member?: Member; onDone: () => void; onClose: () => void }) {
  const [email, setEmail] = useState("");
  const [mayChange, setMayChange] = useState(member?.scopes.includes("write") ?? false);
  const { isSending, faults, send } = useSending();
  const submit = (event: Event) => {
    event.preventDefault();
    void send(async () => {
      const scopes = mayChange ? ["read", "write"] : ["read"];
      if (member) await api.patch(path`/v1/org/members/${member.id}`, { scopes });
      else await api.post("/v1/org/members", { email, scopes });
      onDone();
      onClose();
    });
  };
  return (
    <Dialog title={member ? `What ${member.email} may do` : "Add a member"} onClose={onClose}>
      <form class="form" onSubmit={submit} noValidate>
        {!member && (
          <Field label="E-mail address" hint="The one that the identity provider vouches for." fault={faults["email"]}>
            {(about) => (
              <input {...about} type="email" autocomplete="off" value={email} maxLength={254} onInput={(event) => setEmail(event.currentTarget.value)} />
            )}
          </Field>
        )}
        <fieldset>
          <legend>May</legend>
          <label class="inline">
            <input type="radio" name="scopes" checked={!mayChange} onChange={() => setMayChange(false)} />
            Read
          </label>
          <label class="inline">
            <input type="radio" name="scopes" checked={mayChange} onChange={() => setMayChange(true)} />
            Read and change
          </label>
        </fieldset>
        {(faults[""] ?? faults["scopes"]) && (
          <p class="field-error" role="alert">
            {faults[""] ?? faults["scopes"]}
          </p>
        )}
        <div class="dialog-actions">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="button primary" disabled={isSending}>
            {member ? "Save" : "Add"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
