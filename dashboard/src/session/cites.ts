/** Notes name moments of a session as `#123`, the seq of an event: so they are tied to it in any program that reads them. */

export type Part = { is: "text"; text: string } | { is: "cite"; seq: number };

const CITE = /#(\d{1,9})(?!\w)/g;

/** The note in parts. */
export function partsOf(note: string): Part[] {
  const parts: Part[] = [];
  let done = 0;
  for (const match of note.matchAll(CITE)) {
    // `a#1` is a word.
    if (match.index > 0 && /\w/.test(note[match.index - 1]!)) continue;
    if (match.index > done) parts.push({ is: "text", text: note.slice(done, match.index) });
    parts.push({ is: "cite", seq: Number(match[1]) });
    done = match.index + match[0].length;
  }
  if (done < note.length) parts.push({ is: "text", text: note.slice(done) });
  return parts;
}

/** The note with a moment named at its end, and a place to write on. */
export function withCite(note: string, seq: number): string {
  const gap = note === "" || note.endsWith("\n") || note.endsWith(" ") ? "" : "\n";
  return `${note}${gap}#${seq} `;
}
