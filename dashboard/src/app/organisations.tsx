import { useState } from "preact/hooks";
import { pieces } from "../text/plain";
import { Plain } from "../text/plain-text";
import { Dialog, FormEnd } from "./dialog";
import { Field, useSending } from "./form";
import { addOrganisation, scopesOf, turnTo, type SignedIn } from "./identity";

/** Whose data is looked at; a choice where the sign-in stands for several organisations. */
export function Organisation({ who }: { who: SignedIn }) {
  const [failed, setFailed] = useState<string | null>(null);
  if (who.organisations.length < 2) {
    return (
      <span class="who-org" title={describe(who)}>
        <Plain text={who.org.name} />
      </span>
    );
  }
  const choose = (select: HTMLSelectElement) => {
    setFailed(null);
    turnTo(select.value).catch(() => {
      select.value = who.org.id;
      setFailed("The organisation could not be changed.");
    });
  };
  return (
    <select
      class="who-org"
      aria-label="Organisation"
      aria-invalid={failed !== null}
      title={failed ?? describe(who)}
      value={who.org.id}
      onChange={(event) => choose(event.currentTarget)}
    >
      {inOrder(who.organisations).map(({ id, name }) => (
        <option key={id} value={id}>
          {pieces(name).map((piece) => piece.text)}
        </option>
      ))}
    </select>
  );
}

/** By name, so that none changes its place when it is chosen. */
export function inOrder(organisations: SignedIn["organisations"]): SignedIn["organisations"] {
  return [...organisations].sort((a, b) => a.name.localeCompare(b.name) || a.id.localeCompare(b.id));
}

/** What the sign-in is with, in one line. */
export function describe({ apiKey, member }: Pick<SignedIn, "apiKey" | "member">): string {
  if (apiKey) return `Signed in with the API key “${apiKey.name}” (${apiKey.prefix}…)`;
  return member ? `Signed in as ${member.email}` : "Signed in";
}

export function SignedInAs({ who }: { who: SignedIn }) {
  const may = scopesOf(who).join(" and ");
  if (who.member) {
    return (
      <>
        as <Plain text={who.member.email} /> ({may})
      </>
    );
  }
  return (
    <>
      with the API key <Plain text={who.apiKey?.name ?? ""} /> (<code>{who.apiKey?.prefix}…</code>, {may})
    </>
  );
}

/** Takes the API key of another organisation, beside what is signed in to already. */
export function AddOrganisation() {
  const [isOpen, setIsOpen] = useState(false);
  const [key, setKey] = useState("");
  const { isSending, faults, send } = useSending();
  const submit = (event: Event) => {
    event.preventDefault();
    void send(() => addOrganisation(key.trim()));
  };
  return (
    <>
      <p>
        <button type="button" class="button" onClick={() => setIsOpen(true)}>
          Add an organisation
        </button>
      </p>
      {isOpen && (
        <Dialog title="Add an organisation" onClose={() => setIsOpen(false)}>
          <form class="form" onSubmit={submit} noValidate>
            <Field
              label="API key"
              hint="Of the other organisation. The header turns from one to another; the sign-in ends when it would have."
              fault={faults["apiKey"] ?? faults[""]}
            >
              {(about) => (
                <input
                  {...about}
                  type="password"
                  autocomplete="off"
                  spellcheck={false}
                  placeholder="psk_live_…"
                  value={key}
                  onInput={(event) => setKey(event.currentTarget.value)}
                />
              )}
            </Field>
            <FormEnd action="Add" isSending={isSending} onClose={() => setIsOpen(false)} />
          </form>
        </Dialog>
      )}
    </>
  );
}
