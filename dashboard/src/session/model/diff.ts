/** Unified diffs, read strictly: one that was cut or mangled is none. */

export type Mark = " " | "-" | "+";

export interface Hunk {
  /** How many lines of the new file stand before it. */
  at: number;
  /** The number of its first line in the old file and in the new one. */
  oldStart: number;
  newStart: number;
  /** Whether it says that there was nothing before it: the file is new or was empty. */
  isBeginning: boolean;
  lines: { mark: Mark; text: string }[];
  /** What stands behind the second `@@`: often the function it is in. */
  heading: string;
}

/** The most parts of a diff; placing each takes time that grows with the file. */
const MAX_HUNKS = 1000;
const HEADER = /^@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@(.*)$/s;

/** The hunks of the diff of one file; `null` when it is no whole unified diff, or one of too many parts. */
export function hunksOf(diff: string): Hunk[] | null {
  const hunks: Hunk[] = [];
  let files = 0;
  // What comes after the last line break is no line.
  const lines = (diff.endsWith("\n") ? diff.slice(0, -1) : diff).split("\n");
  for (let next = 0; next < lines.length; ) {
    const line = lines[next++]!;
    if (line.startsWith("+++ ")) files += 1;
    if (!line.startsWith("@@ -")) continue;
    const hunk = begin(line);
    if (!hunk) return null;
    const read = fill(hunk, lines, next);
    if (read === null || hunks.push(hunk.hunk) > MAX_HUNKS) return null;
    next = read;
  }
  return files <= 1 && hunks.length > 0 ? hunks : null;
}

interface Begun {
  hunk: Hunk;
  oldLeft: number;
  newLeft: number;
}

function begin(line: string): Begun | null {
  const found = HEADER.exec(line.endsWith("\r") ? line.slice(0, -1) : line);
  if (!found) return null;
  const [oldStart, oldLeft, newStart, newLeft] = [1, 2, 3, 4].map((n) => (found[n] === undefined ? 1 : Number(found[n])));
  // Where nothing is left, the number is that of the line before.
  const at = newLeft === 0 ? newStart! : newStart! - 1;
  if (at < 0) return null;
  const hunk: Hunk = {
    at,
    oldStart: oldStart!,
    newStart: newStart!,
    isBeginning: oldStart === 0 && oldLeft === 0,
    lines: [],
    heading: found[5]!.trim(),
  };
  return { hunk, oldLeft: oldLeft!, newLeft: newLeft! };
}

/** Reads as many lines as the header promises. Answers where the next part begins; `null` when it does not hold. */
function fill(begun: Begun, lines: string[], from: number): number | null {
  let { oldLeft, newLeft } = begun;
  let next = from;
  while (oldLeft > 0 || newLeft > 0) {
    const line = lines[next++];
    if (line === undefined) return null;
    const first = line.charAt(0);
    // "\ No newline at end of file"
    if (first === "\\") continue;
    // Some tools take the blank of an empty line away.
    const isBare = first === "" || first === "\r";
    const mark = isBare ? " " : first;
    if (mark !== "+" && mark !== "-" && mark !== " ") return null;
    if (mark !== "+") oldLeft -= 1;
    if (mark !== "-") newLeft -= 1;
    if (oldLeft < 0 || newLeft < 0) return null;
    begun.hunk.lines.push({ mark, text: isBare ? line : line.slice(1) });
  }
  return next;
}
