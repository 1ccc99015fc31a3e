import { useMemo, useState } from "preact/hooks";
import { path } from "../api/client";
import { Dialog } from "../app/dialog";
import { CopyButton, Field, useSending } from "../app/form";
import { api } from "../app/identity";
import { Plain } from "../text/plain-text";
import { batches, readInvitees } from "./invitees";
import type { CandidateKey } from "./types";

/** Makes keys: for a pasted list of people, or a number of them for nobody in particular. */
export function Invite({ assessmentId, onMade, onClose }: { assessmentId: string; onMade: (keys: CandidateKey[]) => void; onClose: () => void }) {
  const [list, setList] = useState("");
  const [count, setCount] = useState("1");
  const [made, setMade] = useState<CandidateKey[]>([]);
  const [isDone, setIsDone] = useState(false);
  const { isSending, faults, send, setFaults } = useSending();
  const read = useMemo(() => readInvitees(list), [list]);
  const isList = list.trim() !== "";
  const n = isList ? read.people.length : Number(count);
  const withEmail = read.people.filter(({ email }) => email !== null).length;

  const submit = async (event: Event) => {
    event.preventDefault();
    if (read.odd.length > 0) return;
    if (!Number.isInteger(n) || n < 1 || n > 500) return setFaults({ count: "A whole number from 1 to 500." });
    // Those that were made before something failed are not asked for again.
    const known = new Set(made.map(({ candidateEmail }) => candidateEmail?.toLowerCase()));
    const people = isList ? read.people.filter(({ email }) => email === null || !known.has(email.toLowerCase())) : Array.from({ length: n }, () => ({ name: null, email: null }));
    let all = made;
    const isMade = await send(async () => {
      for (const batch of batches(people)) {
        const reply = await api.post<{ keys: CandidateKey[] }>(path`/v1/assessments/${assessmentId}/keys`, batch);
        all = [...all, ...reply.keys];
      }
    });
    setMade(all);
    onMade(all);
    if (isMade) setIsDone(true);
  };

  if (isDone) return <Made keys={made} onClose={onClose} />;
  return (
    <Dialog title="Invite candidates" wide onClose={onClose}>
      <form class="form" onSubmit={(event) => void submit(event)} noValidate>
        <Field
          label="Names and addresses, a candidate in a line"
          hint="As you have them: “Grey Plover <plover@example.org>”, “Plover, plover@example.org”, columns of a spreadsheet, or only one of both. Whoever has an address gets an invitation by mail, where the server sends mail."
          fault={faults["candidateEmails"] ?? faults["candidateNames"]}
        >
          {(about) => (
            <textarea
              {...about}
              class="mono"
              rows={8}
              value={list}
              placeholder={"Grey Plover <plover@example.org>\nReed Warbler, warbler@example.org"}
              onInput={(event) => setList(event.currentTarget.value)}
            />
          )}
        </Field>
        {isList ? (
          <div role="status">
            <p>
              {read.people.length} {read.people.length === 1 ? "candidate" : "candidates"}, {withEmail} with an address.
            </p>
            {read.doubled.length > 0 && <p class="hint">More than once in the list, and counted once: {read.doubled.join(", ")}</p>}
            {read.odd.map(({ line, text }) => (
              <p key={line} class="field-error">
                Line {line} has no address that mail could go to: <Plain text={text} />
              </p>
            ))}
          </div>
        ) : (
          <Field label="Or so many keys without a name" hint="To be given to candidates by you." fault={faults["count"]}>
            {(about) => <input {...about} class="short" inputMode="numeric" value={count} onInput={(event) => setCount(event.currentTarget.value)} />}
          </Field>
        )}
        {made.length > 0 && <p class="note warn">{made.length} keys were made before that; they are in the table.</p>}
        {faults[""] && (
          <p class="field-error" role="alert">
            {faults[""]}
          </p>
        )}
        <div class="dialog-actions">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="button primary" disabled={isSending || read.odd.length > 0 || (isList && n === 0)}>
            {isSending ? "Making keys…" : isList ? `Make ${n} ${n === 1 ? "key" : "keys"}` : "Make keys"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function Made({ keys, onClose }: { keys: CandidateKey[]; onClose: () => void }) {
  const name = (key: CandidateKey) => key.candidateName ?? key.candidateEmail ?? "";
  const text = keys.map((key) => [name(key), key.key].filter(Boolean).join("\t")).join("\n");
  const queued = keys.filter(({ inviteStatus }) => inviteStatus !== "none").length;
  return (
    <Dialog title={keys.length === 1 ? "The key is made" : `${keys.length} keys are made`} wide onClose={onClose}>
      <div class="dialog-body">
        <p>
          {queued > 0
            ? `${queued} ${queued === 1 ? "invitation is" : "invitations are"} on the way; the table says how far each is.`
            : "No invitation was sent: give each candidate their key."}
        </p>
        <ul class="made">
          {keys.map((key) => (
            <li key={key.id}>
              <code>{key.key}</code>
              <span class="muted">
                <Plain text={name(key)} />
              </span>
            </li>
          ))}
        </ul>
      </div>
      <div class="dialog-actions">
        <CopyButton text={text} label="Copy all" />
        <button type="button" class="button primary" onClick={onClose}>
          Done
        </button>
      </div>
    </Dialog>
  );
}
