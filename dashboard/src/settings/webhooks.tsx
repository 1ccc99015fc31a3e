import { useState } from "preact/hooks";
import { path } from "../api/client";
import type { components } from "../api/schema";
import { Confirm, Dialog, FormEnd } from "../app/dialog";
import { Field, FieldError, useSending } from "../app/form";
import { api, mayWrite } from "../app/identity";
import { useResource } from "../app/resource";
import { Empty } from "../app/states";
import { Plain } from "../text/plain-text";
import { Deliveries } from "./deliveries";
import { Part } from "./part";
import { Secret } from "./secret";

type Webhook = components["schemas"]["Webhook"];

const EVENTS = [
  ["session.completed", "A session was completed"],
  ["assessment.key.redeemed", "A candidate started"],
] as const;

/** Where the server tells what happened. */
export function Webhooks() {
  const webhooks = useResource((signal) => api.get<{ webhooks: Webhook[] }>("/v1/org/webhooks", {}, signal));
  const [isNew, setIsNew] = useState(false);
  const [deleted, setDeleted] = useState<Webhook | null>(null);
  const canWrite = mayWrite();
  return (
    <>
      <Part title="Webhooks" add={{ name: "New webhook", onClick: () => setIsNew(true) }} resource={webhooks}>
        {({ webhooks }) =>
          webhooks.length === 0 ? (
            <div class="card">
              <Empty title="No webhooks yet.">
                <p>A webhook is told, signed and with retries, when a candidate starts and when a session is completed.</p>
              </Empty>
            </div>
          ) : (
            webhooks.map((webhook) => <One key={webhook.id} webhook={webhook} canWrite={canWrite} onDelete={() => setDeleted(webhook)} />)
          )
        }
      </Part>
      {isNew && <NewWebhook onMade={webhooks.again} onClose={() => setIsNew(false)} />}
      {deleted && (
        <Confirm
          title="Delete this webhook?"
          action="Delete"
          onClose={() => setDeleted(null)}
          onConfirm={async () => {
            await api.delete(path`/v1/org/webhooks/${deleted.id}`);
            setDeleted(null);
            webhooks.again();
          }}
        >
          <p class="mono">
            <Plain text={deleted.url} />
          </p>
          <p>It is told nothing more, not even what waits for it.</p>
        </Confirm>
      )}
    </>
  );
}

function One({ webhook, canWrite, onDelete }: { webhook: Webhook; canWrite: boolean; onDelete: () => void }) {
  const [turn, setTurn] = useState(0);
  const [isOpen, setIsOpen] = useState(false);
  const { isSending, faults, send } = useSending();
  const test = () =>
    void send(async () => {
      await api.post(path`/v1/org/webhooks/${webhook.id}/test`, {});
      setIsOpen(true);
      setTurn((n) => n + 1);
    });
  return (
    <article class="card webhook">
      <header>
        <div>
          <h3 class="mono">
            <Plain text={webhook.url} />
          </h3>
          <p class="muted">{webhook.events.map((event) => EVENTS.find(([name]) => name === event)?.[1] ?? event).join(" · ")}</p>
        </div>
        <div class="actions">
          <button type="button" class="button small" aria-expanded={isOpen} onClick={() => setIsOpen((open) => !open)}>
            {isOpen ? "Hide deliveries" : "Deliveries"}
          </button>
          {canWrite && (
            <>
              <button type="button" class="button small" disabled={isSending} onClick={test}>
                Send a test
              </button>
              <button type="button" class="button quiet small" onClick={onDelete}>
                Delete
              </button>
            </>
          )}
        </div>
      </header>
      {Object.entries(faults).map(([name, fault]) => (
        <FieldError key={name} text={fault} />
      ))}
      {isOpen && <Deliveries webhookId={webhook.id} turn={turn} />}
    </article>
  );
}

function NewWebhook({ onMade, onClose }: { onMade: () => void; onClose: () => void }) {
  const [url, setUrl] = useState("");
  const [events, setEvents] = useState<string[]>(EVENTS.map(([name]) => name));
  const [secret, setSecret] = useState<string | null>(null);
  const { isSending, faults, send } = useSending();
  if (secret !== null) {
    const text = "What it is told is signed with this secret. Copy it now: it is shown this once.";
    return <Secret title="The webhook is made" text={text} secret={secret} onClose={onClose} />;
  }
  const toggle = (name: string) => setEvents((all) => (all.includes(name) ? all.filter((one) => one !== name) : [...all, name]));
  const submit = (event: Event) => {
    event.preventDefault();
    void send(async () => {
      const reply = await api.post<{ secret: string }>("/v1/org/webhooks", { url: url.trim(), events });
      setSecret(reply.secret);
      onMade();
    });
  };
  return (
    <Dialog title="New webhook" onClose={onClose}>
      <form class="form" onSubmit={submit} noValidate>
        <Field label="Address" hint="https, and not in a private network unless the operator allows it." fault={faults["url"] ?? faults[""]}>
          {(about) => (
            <input {...about} value={url} placeholder="https://example.org/hooks/promptster" onInput={(event) => setUrl(event.currentTarget.value)} />
          )}
        </Field>
        <fieldset>
          <legend>It is told when</legend>
          {EVENTS.map(([name, shown]) => (
            <label key={name} class="inline">
              <input type="checkbox" checked={events.includes(name)} onChange={() => toggle(name)} />
              {shown}
            </label>
          ))}
          <FieldError text={faults["events"]} />
        </fieldset>
        <FormEnd action="Create" isSending={isSending} onClose={onClose} />
      </form>
    </Dialog>
  );
}
