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
import { Secret } from "./secret";

type ApiKey = components["schemas"]["ApiKey"];

/** The API keys of the organisation. `own` is the one that is signed in with. */
export function ApiKeys({ own }: { own: string }) {
  const keys = useResource((signal) => api.get<{ apiKeys: ApiKey[] }>("/v1/org/api-keys", {}, signal));
  const [isNew, setIsNew] = useState(false);
  const [revoked, setRevoked] = useState<ApiKey | null>(null);
  const canWrite = mayWrite();
  return (
    <>
      <Part title="API keys" add={{ name: "New API key", onClick: () => setIsNew(true) }} resource={keys}>
        {({ apiKeys }) => (
          <Listing label="API keys" heads={["Name", "Begins with", "May", "Made", "Last used"]}>
            {apiKeys.map((key) => (
              <tr key={key.id}>
                <td>
                  <Plain text={key.name} /> {key.id === own && <span class="badge accent">signed in with it</span>}
                </td>
                <td>
                  <code>{key.prefix}…</code>
                </td>
                <td>{key.scopes.join(", ")}</td>
                <td class="muted">{day(key.createdAt)}</td>
                <td class="muted">{key.lastUsedAt ? lately(key.lastUsedAt) : "never"}</td>
                <td class="end">{canWrite && <Action name="Revoke" of={key.name} onClick={() => setRevoked(key)} />}</td>
              </tr>
            ))}
          </Listing>
        )}
      </Part>
      {isNew && <NewApiKey onMade={keys.again} onClose={() => setIsNew(false)} />}
      {revoked && (
        <Confirm
          title={`Revoke “${revoked.name}”?`}
          action="Revoke"
          onClose={() => setRevoked(null)}
          onConfirm={async () => {
            await api.delete(path`/v1/org/api-keys/${revoked.id}`);
            setRevoked(null);
            if (revoked.id === own) await ask();
            else keys.again();
          }}
        >
          <p>
            Programs that use it are refused at once, and whoever is signed in with it is signed out.
            {revoked.id === own && <strong> You are signed in with this key.</strong>}
          </p>
        </Confirm>
      )}
    </>
  );
}

/** The server notes a use to the hour. */
function lately(at: string): string {
  const ms = now.value - Date.parse(at);
  return ms < 3_600_000 ? "within the hour" : ago(Date.parse(at), now.value);
}

function NewApiKey({ onMade, onClose }: { onMade: () => void; onClose: () => void }) {
  const [name, setName] = useState("");
  const [mayChange, setMayChange] = useState(false);
  const [secret, setSecret] = useState<string | null>(null);
  const { isSending, faults, send } = useSending();
  if (secret !== null) {
    const text = "Copy it now: it is shown this once, and nobody can look it up later.";
    return <Secret title="The API key is made" text={text} secret={secret} onClose={onClose} />;
  }
  const submit = (event: Event) => {
    event.preventDefault();
    void send(async () => {
      const reply = await api.post<{ secret: string }>("/v1/org/api-keys", { name, scopes: scopes(mayChange) });
      setSecret(reply.secret);
      onMade();
    });
  };
  return (
    <Dialog title="New API key" onClose={onClose}>
      <form class="form" onSubmit={submit} noValidate>
        <Field label="Name" hint="Who or what uses it." fault={faults["name"] ?? faults[""]}>
          {(about) => <input {...about} value={name} maxLength={255} onInput={(event) => setName(event.currentTarget.value)} />}
        </Field>
        <Scopes legend="It may" mayChange={mayChange} onChange={setMayChange} />
        <FormEnd action="Create" isSending={isSending} onClose={onClose} />
      </form>
    </Dialog>
  );
}
