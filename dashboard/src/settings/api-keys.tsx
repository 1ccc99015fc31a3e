import { useState } from "preact/hooks";
import { path } from "../api/client";
import type { components } from "../api/schema";
import { Confirm, CopyButton, Dialog, Field, useSending } from "../app/form";
import { api, ask, mayWrite } from "../app/identity";
import { useResource } from "../app/resource";
import { Failed, Loading } from "../app/states";
import { ago, day, now } from "../app/time";
import { Plain } from "../text/plain-text";

type ApiKey = components["schemas"]["ApiKey"];

/** The API keys of the organisation. `own` is the one that is signed in with. */
export function ApiKeys({ own }: { own: string }) {
  const { state, again } = useResource((signal) => api.get<{ apiKeys: ApiKey[] }>("/v1/org/api-keys", {}, signal));
  const [isNew, setIsNew] = useState(false);
  const [revoked, setRevoked] = useState<ApiKey | null>(null);
  const canWrite = mayWrite();
  return (
    <section class="section" aria-labelledby="api-keys">
      <div class="section-head">
        <h2 id="api-keys">API keys</h2>
        {canWrite && (
          <div class="actions">
            <button type="button" class="button" onClick={() => setIsNew(true)}>
              New API key
            </button>
          </div>
        )}
      </div>
      {state.is === "loading" && <Loading what="the API keys" />}
      {state.is === "failed" && <Failed error={state.error} what="API keys" again={again} />}
      {state.is === "here" && (
        <div class="card table-scroll" tabIndex={0} role="region" aria-label="API keys">
          <table>
            <thead>
              <tr>
                <th>Name</th>
                <th>Begins with</th>
                <th>May</th>
                <th>Made</th>
                <th>Last used</th>
                <th>
                  <span class="visually-hidden">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {state.value.apiKeys.map((key) => (
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
                  <td class="end">
                    {canWrite && (
                      <button type="button" class="button quiet small" onClick={() => setRevoked(key)}>
                        Revoke
                      </button>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {isNew && <NewApiKey onMade={again} onClose={() => setIsNew(false)} />}
      {revoked && (
        <Confirm
          title={`Revoke “${revoked.name}”?`}
          action="Revoke"
          onClose={() => setRevoked(null)}
          onConfirm={async () => {
            await api.delete(path`/v1/org/api-keys/${revoked.id}`);
            setRevoked(null);
            if (revoked.id === own) await ask();
            else again();
          }}
        >
          <p>
            Programs that use it are refused at once, and whoever is signed in with it is signed out.
            {revoked.id === own && <strong> You are signed in with this key.</strong>}
          </p>
        </Confirm>
      )}
    </section>
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
    return (
      <Dialog title="The API key is made" onClose={onClose}>
        <div class="dialog-body">
          <p>Copy it now: it is shown this once, and nobody can look it up later.</p>
          <p class="secret">
            <code>{secret}</code>
            <CopyButton text={secret} />
          </p>
        </div>
        <div class="dialog-actions">
          <button type="button" class="button primary" onClick={onClose}>
            Done
          </button>
        </div>
      </Dialog>
    );
  }
  const submit = (event: Event) => {
    event.preventDefault();
    void send(async () => {
      const scopes = mayChange ? ["read", "write"] : ["read"];
      const reply = await api.post<{ secret: string }>("/v1/org/api-keys", { name, scopes });
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
        <fieldset>
          <legend>It may</legend>
          <label class="inline">
            <input type="radio" name="scopes" checked={!mayChange} onChange={() => setMayChange(false)} />
            Read
          </label>
          <label class="inline">
            <input type="radio" name="scopes" checked={mayChange} onChange={() => setMayChange(true)} />
            Read and change
          </label>
        </fieldset>
        <div class="dialog-actions">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="button primary" disabled={isSending}>
            Create
          </button>
        </div>
      </form>
    </Dialog>
  );
}
