import type { Hunk, Mark } from "./diff";
import type { Hand } from "./hand";

/** A line of a file as far as changes have shown it. */
export interface Line {
  /** `null` when nobody has shown it. */
  text: string | null;
  /** Who wrote it; `null` when it stood there before, or that is not known. */
  hand: Hand | null;
  /** The event that wrote it; 0 for none. */
  seq: number;
}

export interface Author {
  hand: Hand;
  seq: number;
}

export const MAX_LINES = 20_000;
/** The most lines that are compared to find where one change belongs. */
const MAX_COMPARED = 1_000_000;
const UNKNOWN: Line = { text: null, hand: null, seq: 0 };

/** A file at a moment; never changed, but replaced. Lines after the last one are unknown unless it is known as a whole. */
export class File {
  constructor(
    readonly lines: readonly Line[] = [],
    readonly isWhole = false,
  ) {}

  /** The file says this from now on. Lines before and after what is new stay whose they were. `null` when it is too long. */
  replaced(texts: readonly string[], author: Author): File | null {
    if (texts.length > MAX_LINES) return null;
    const old = this.lines;
    let head = 0;
    while (head < texts.length && head < old.length && isSame(old[head]!, texts[head]!)) head += 1;
    let tail = 0;
    const rest = Math.min(texts.length, old.length) - head;
    while (this.isWhole && tail < rest && isSame(old[old.length - 1 - tail]!, texts[texts.length - 1 - tail]!)) tail += 1;
    const written = texts.slice(head, texts.length - tail).map((text) => ({ text, ...author }));
    return new File([...old.slice(0, head), ...written, ...old.slice(old.length - tail)], true);
  }

  /** The file has so many new lines, of which only that is known. */
  filled(count: number, author: Author): File | null {
    if (count > MAX_LINES) return null;
    return new File(Array.from({ length: count }, () => ({ text: null, ...author })), true);
  }

  /** With a diff applied. `hasPositions` says whether its line numbers can be believed. `null` when it does not fit what is
   * known, or nobody can say where it belongs. */
  applied(hunks: readonly Hunk[], author: Author, hasPositions: boolean): File | null {
    const budget = { left: MAX_COMPARED };
    let file: File = this;
    for (const hunk of hunks) {
      const next = file.#withHunk(hunk, author, hasPositions, budget);
      if (!next) return null;
      file = next;
    }
    return file;
  }

  /** With lines put in the place of others, which must stand in one place only. */
  exchanged(old: readonly string[], texts: readonly string[], author: Author): File | null {
    const at = this.#onlyPlaceOf(old, { left: MAX_COMPARED });
    if (at === null) return null;
    const side = (mark: Mark, lines: readonly string[]) => lines.map((text) => ({ mark, text }));
    return this.#put(at, [...side("-", old), ...side("+", texts)], author);
  }

  #withHunk(hunk: Hunk, author: Author, hasPositions: boolean, budget: { left: number }): File | null {
    const side = (leftOut: Mark) => hunk.lines.filter(({ mark }) => mark !== leftOut).map(({ text }) => text);
    const [old, texts] = [side("+"), side("-")];
    if (hunk.isBeginning) return this.replaced(texts, author);
    // Tools report a change twice, each in its way.
    if (hasPositions && old.length > 0 && this.#says(hunk.at, texts)) return this;
    const at = hasPositions && this.#maySay(hunk.at, old) ? hunk.at : this.#onlyPlaceOf(old, budget);
    return at === null ? null : this.#put(at, hunk.lines, author);
  }

  /** Whether these lines are known to stand there. */
  #says(at: number, texts: readonly string[]): boolean {
    if (texts.length === 0 || at + texts.length > this.lines.length) return false;
    return texts.every((text, index) => isSame(this.lines[at + index]!, text));
  }

  /** Whether these lines can stand there, as far as anything is known. */
  #maySay(at: number, texts: readonly string[]): boolean {
    if (this.isWhole && at + texts.length > this.lines.length) return false;
    return texts.every((text, index) => {
      const line = this.lines[at + index];
      return line ? line.text === null || isSame(line, text) : !this.isWhole;
    });
  }

  /** Where these lines stand, if that is one place. */
  #onlyPlaceOf(texts: readonly string[], budget: { left: number }): number | null {
    let found: number | null = null;
    if (texts.length === 0) return null;
    for (let at = 0; at + texts.length <= this.lines.length; at += 1) {
      let equal = 0;
      while (equal < texts.length && isSame(this.lines[at + equal]!, texts[equal]!)) equal += 1;
      budget.left -= equal + 1;
      if (budget.left < 0) return null;
      if (equal < texts.length) continue;
      if (found !== null) return null;
      found = at;
    }
    return found;
  }

  #put(at: number, changes: readonly { mark: Mark; text: string }[], author: Author): File | null {
    const end = at + changes.filter(({ mark }) => mark !== "+").length;
    if (end > MAX_LINES) return null;
    const before = this.lines.slice(0, at);
    while (before.length < at) before.push(UNKNOWN);
    let place = at;
    for (const { mark, text } of changes) {
      const old = this.lines[place] ?? UNKNOWN;
      if (mark === "+") before.push({ text, ...author });
      else if (mark === " ") before.push(old.text === null ? { ...old, text } : old);
      if (mark !== "+") place += 1;
    }
    const lines = [...before, ...this.lines.slice(end)];
    return lines.length > MAX_LINES ? null : new File(lines, this.isWhole);
  }
}

/** Line ends are no part of a line. */
function isSame(line: Line, text: string): boolean {
  return line.text !== null && (line.text === text || withoutEnd(line.text) === withoutEnd(text));
}

function withoutEnd(text: string): string {
  return text.endsWith("\r") ? text.slice(0, -1) : text;
}
