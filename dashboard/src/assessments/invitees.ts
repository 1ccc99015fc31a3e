/** A line of a pasted list: a candidate who gets a key. */
export interface Invitee {
  name: string | null;
  email: string | null;
}

export interface Invitees {
  people: Invitee[];
  /** Lines that nothing can be made of, with their numbers from 1. */
  odd: { line: number; text: string }[];
  /** Addresses that stand there more than once; each gets one key. */
  doubled: string[];
}

const EMAIL = /[^\s<>,;"']+@[^\s<>,;"']+\.[^\s<>,;"']+/;

/** Reads a list of names and addresses as people have them: `Grey Plover <plover@example.org>`, `Plover, plover@example.org`, columns
 * of a spreadsheet, or only one of both. */
export function readInvitees(list: string): Invitees {
  const people: Invitee[] = [];
  const odd: Invitees["odd"] = [];
  const doubled = new Set<string>();
  const known = new Set<string>();
  list.split(/\r?\n/).forEach((text, index) => {
    if (text.trim() === "") return;
    const email = EMAIL.exec(text)?.[0] ?? null;
    const name = text
      .replace(email ?? "", " ")
      .replace(/["<>,;\t]+/g, " ")
      .replace(/\s+/g, " ")
      .trim();
    if (index === 0 && email === null && isHeading(text)) return;
    if ((email === null && text.includes("@")) || name.length > 255) return void odd.push({ line: index + 1, text: text.trim() });
    if (email !== null && known.has(email.toLowerCase())) return void doubled.add(email);
    if (email !== null) known.add(email.toLowerCase());
    people.push({ name: name || null, email });
  });
  return { people, odd, doubled: [...doubled] };
}

/** The first line of a spreadsheet that names its columns. */
function isHeading(text: string): boolean {
  const words = text.toLowerCase().split(/[,;\t]/).map((word) => word.trim());
  return words.length > 1 && words.every((word) => /^(full |first |last )?names?$|^e-?mail( address)?$|^candidate$/.test(word));
}

export interface Batch {
  count: number;
  candidateEmails?: string[];
  candidateNames?: string[];
}

/** The requests that make keys for all of them. A request names of all of its candidates the same things, and has 50 at most. */
export function batches(people: readonly Invitee[], size = 50): Batch[] {
  const groups = new Map<string, Invitee[]>();
  for (const one of people) {
    const kind = `${one.name !== null}${one.email !== null}`;
    groups.set(kind, [...(groups.get(kind) ?? []), one]);
  }
  const found: Batch[] = [];
  for (const group of groups.values()) {
    for (let from = 0; from < group.length; from += size) {
      const part = group.slice(from, from + size);
      const batch: Batch = { count: part.length };
      if (part[0]!.email !== null) batch.candidateEmails = part.map(({ email }) => email!);
      if (part[0]!.name !== null) batch.candidateNames = part.map(({ name }) => name!);
      found.push(batch);
    }
  }
  return found;
}
