import { useState } from "preact/hooks";
import { path } from "../api/client";
import type { components } from "../api/schema";
import { Confirm, Dialog, FormEnd } from "../app/dialog";
import { Field, useSending } from "../app/form";
import { api, ask, mayWrite } from "../app/identity";
import { useResource } from "../app/resource";
import { ago, day, now } from "../app/time";
import { Plain } from "../text/plain-text";
import { Action, Listing, Part } from "./part";
import { Scopes, scopes } from "./scopes";

type Member = components["schemas"]["Member"];

/** Who may sign in with the identity provider. `own` is the member who is signed in; empty with an API key. */
export function Members({ own }: { own: string }) {
  const members = useResource((signal) => api.get<{ members: Member[] }>("/v1/org/members", {}, signal));
  const [isNew, setIsNew] = useState(false);
  const [changed, setChanged] = useState<Member | null>(null);
  const [removed, setRemoved] = useState<Member | null>(null);
  const canWrite = mayWrite();
  return (
    <>
      <Part title="Members" add={{ name: "Add a member", onClick: () => setIsNew(true) }} resource={members}>
        {({ members }) =>
          members.length === 0 ? (
            <p class="card note-card muted">Nobody yet. Members sign in with the identity provider of this server, where there is one.</p>
          ) : (
            <Listing label="Members" heads={["E-mail address", "May", "Added", "Signed in"]}>
              {members.map((member) => (
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
                        <Action name="Change" of={member.email} onClick={() => setChanged(member)} />
                        <Action name="Remove" of={member.email} onClick={() => setRemoved(member)} />
                      </>
                    )}
                  </td>
                </tr>
              ))}
            </Listing>
          )
        }
      </Part>
      {isNew && <EditMember onDone={members.again} onClose={() => setIsNew(false)} />}
      {changed && (
        <EditMember
          member={changed}
          onDone={() => (changed.id === own ? void ask() : members.again())}
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
            else members.again();
          }}
        >
          <p>
            Whoever that is can do nothing here any more from now on, signed in or not.
            {removed.id === own && <strong> That is you.</strong>}
          </p>
        </Confirm>
      )}
    </>
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
      if (member) await api.patch(path`/v1/org/members/${member.id}`, { scopes: scopes(mayChange) });
      else await api.post("/v1/org/members", { email, scopes: scopes(mayChange) });
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
        <Scopes legend="May" mayChange={mayChange} onChange={setMayChange} />
        <FormEnd action={member ? "Save" : "Add"} isSending={isSending} fault={faults[""] ?? faults["scopes"]} onClose={onClose} />
      </form>
    </Dialog>
  );
}
