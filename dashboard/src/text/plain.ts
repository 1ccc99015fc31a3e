/**
 * What candidates and their programs wrote, made safe to look at. It is only ever put into text nodes; what is left is
 * what a text node still obeys or hides: control characters, terminal sequences, and characters that turn the direction
 * of reading or cannot be seen. Each is shown as a mark and does nothing.
 */

/** A run of text, or one character that is shown as a mark instead. */
export type Piece = { kind: "text"; text: string } | { kind: "mark"; text: string; name: string };

/** C0 and C1 but for tab and newline; bidirectional controls; what has no width; line and paragraph separators; tags; halves
 * of surrogate pairs. The joiners U+200C and U+200D stay: scripts and emoji need them. */
const HIDDEN =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\u{e0000}-\u{e007f}\p{Cs}]/gu;

const NAMES: Record<number, string> = {
  0x00ad: "soft hyphen",
  0x061c: "Arabic letter mark",
  0x200b: "zero-width space",
  0x200e: "left-to-right mark",
  0x200f: "right-to-left mark",
  0x2028: "line separator",
  0x2029: "paragraph separator",
  0x202a: "left-to-right embedding",
  0x202b: "right-to-left embedding",
  0x202c: "end of embedding",
  0x202d: "left-to-right override",
  0x202e: "right-to-left override",
  0x2060: "word joiner",
  0x2066: "left-to-right isolate",
  0x2067: "right-to-left isolate",
  0x2068: "first strong isolate",
  0x2069: "end of isolate",
  0xfeff: "byte order mark",
};

/** The text in pieces. Line ends of Windows become plain ones; nothing else is changed or left out. */
export function pieces(text: string): Piece[] {
  const plain = text.replaceAll("\r\n", "\n");
  const found: Piece[] = [];
  let done = 0;
  for (const match of plain.matchAll(HIDDEN)) {
    if (match.index > done) found.push({ kind: "text", text: plain.slice(done, match.index) });
    found.push(mark(match[0]));
    done = match.index + match[0].length;
  }
  if (done < plain.length) found.push({ kind: "text", text: plain.slice(done) });
  return found;
}

/** The same as one string, for attributes and titles. */
export function plain(text: string): string {
  return pieces(text)
    .map((piece) => piece.text)
    .join("");
}

/** The address of a link that may be followed: `http` and `https` only, and without a password in it. */
export function safeLink(address: string): string | null {
  let url: URL;
  try {
    url = new URL(address);
  } catch {
    return null;
  }
  const isWeb = url.protocol === "https:" || url.protocol === "http:";
  return isWeb && !url.username && !url.password ? url.href : null;
}

function mark(character: string): Piece {
  const code = character.codePointAt(0)!;
  const number = `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
  // Control characters have pictures of their own.
  if (code < 0x20) return { kind: "mark", text: String.fromCharCode(0x2400 + code), name: `control ${number}` };
  if (code === 0x7f) return { kind: "mark", text: "\u2421", name: `control ${number}` };
  const name = NAMES[code];
  return { kind: "mark", text: `\u27e8${number}\u27e9`, name: name ? `${name} ${number}` : number };
}
