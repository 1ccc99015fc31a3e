import { count, text } from "./data";
import { hunksOf } from "./diff";
import type { Entry, EventStore, Moment } from "./event-store";
import { FACT } from "./facts";
import { File, type Author, type Line } from "./file";

/** Why nothing is known of a file any more. */
export type Lost = "does-not-fit" | "no-diff" | "cut" | "too-long";

export const LOST_NAMES: Record<Lost, string> = {
  "does-not-fit": "A change does not fit what is known of this file.",
  "no-diff": "A change came without its text.",
  cut: "A change came cut or mangled.",
  "too-long": "This file is longer than what is followed.",
};

/** A file that the session changed, at a moment. */
export interface Changed {
  path: string;
  /** `null` when nothing is known of it: it is said why, and nothing is guessed. */
  file: File | null;
  lost: Lost | null;
  isDeleted: boolean;
  /** The last event that changed it. */
  seq: number;
  at: number;
  changes: number;
}

type Files = ReadonlyMap<string, Changed>;

/** A snapshot is kept after so many changes: a scrubber goes back and forth. */
const EVERY = 64;
const MAX_FILES = 10_000;

/** The files that a session changed, at any moment of it. Follows the store: what comes late moves what comes after it. */
export class Workspace {
  /** The positions of changes in the store, in order. */
  #changes: number[] = [];
  /** How much of the store was looked at. */
  #looked = 0;
  /** The files after so many times `EVERY` changes. */
  #snapshots: Files[] = [new Map()];
  #last: { changes: number; files: Files } = { changes: 0, files: new Map() };

  constructor(private readonly store: EventStore) {}

  /** What was at this position in the store and behind it may be other than it was. */
  changedFrom(position: number): void {
    if (position >= this.#looked) return;
    this.#looked = position;
    while (this.#changes.length > 0 && this.#changes.at(-1)! >= position) this.#changes.pop();
    this.#snapshots.length = Math.min(this.#snapshots.length, Math.floor(this.#changes.length / EVERY) + 1);
    if (this.#last.changes > this.#changes.length) this.#last = { changes: 0, files: new Map() };
  }

  /** The files at a moment, by path. */
  at(moment: Moment): Files {
    this.#look();
    const end = this.store.countAt(moment);
    const wanted = lowerBound(this.#changes, end);
    const snapshot = Math.min(Math.floor(wanted / EVERY), this.#snapshots.length - 1);
    const isNear = this.#last.changes <= wanted && this.#last.changes >= snapshot * EVERY;
    let { changes, files } = isNear ? this.#last : { changes: snapshot * EVERY, files: this.#snapshots[snapshot]! };
    if (changes < wanted) {
      const next = new Map(files);
      for (; changes < wanted; changes += 1) {
        if (changes % EVERY === 0) this.#snapshots[changes / EVERY] ??= new Map(next);
        apply(next, this.store.entry(this.#changes[changes]!));
      }
      files = next;
    }
    this.#last = { changes, files };
    return files;
  }

  #look(): void {
    for (; this.#looked < this.store.size; this.#looked += 1) {
      if (this.store.factsAt(this.#looked) & FACT.change) this.#changes.push(this.#looked);
    }
  }
}

/** How many of the sorted numbers are below `limit`. */
function lowerBound(numbers: readonly number[], limit: number): number {
  let [low, high] = [0, numbers.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (numbers[middle]! < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

function apply(files: Map<string, Changed>, entry: Entry): void {
  const path = normal(text(entry.data, "path") ?? "");
  if (path === "") return;
  const before = files.get(path);
  if (!before && files.size >= MAX_FILES) return;
  const base = { path, seq: entry.seq, at: entry.ts, changes: (before?.changes ?? 0) + 1 };
  if (entry.kind === "file_delete" || text(entry.data, "changeType") === "delete") {
    files.set(path, { ...base, file: null, lost: null, isDeleted: true });
    return;
  }
  const result = changed(before, entry);
  const after = typeof result === "string" ? { file: null, lost: result } : { file: result, lost: null };
  const moved = normal(text(entry.data, "movePath") ?? "");
  if (moved !== "" && moved !== path) {
    files.set(path, { ...base, file: null, lost: null, isDeleted: true });
    files.set(moved, { ...base, ...after, path: moved, isDeleted: false });
  } else {
    files.set(path, { ...base, ...after, isDeleted: false });
  }
}

function normal(path: string): string {
  return path.replace(/^(\.\/)+/, "");
}

/** What a file is after a change, or why nobody can say. */
function changed(before: Changed | undefined, { kind, data, hand, seq, integration }: Entry): File | Lost {
  const isKnown = !before || before.file !== null || before.isDeleted;
  const file = before?.file ?? new File([], before?.isDeleted ?? false);
  const author: Author = { hand: hand === "system" ? "unknown" : hand, seq };
  const diff = text(data, "diff");
  const hunks = diff === null ? null : hunksOf(diff);
  if (hunks) {
    if (!isKnown && !hunks.some((hunk) => hunk.isBeginning)) return before?.lost ?? "does-not-fit";
    // This tool does not know where an edit is, and says that it is at the beginning.
    return file.applied(hunks, author, integration !== "cursor") ?? "does-not-fit";
  }
  if (typeof data["content"] === "string") {
    if (isCut(data["content"], count(data, "contentLength"))) return "cut";
    return file.replaced(linesOf(data["content"]), author) ?? "too-long";
  }
  if (kind === "file_create") return file.filled(count(data, "linesAdded") ?? 0, author) ?? "too-long";
  const [old, fresh] = [data["oldString"], data["newString"]];
  if (diff === null && isKnown && typeof old === "string" && typeof fresh === "string" && isWholeLines(old, fresh)) {
    return file.exchanged(linesOf(old), linesOf(fresh), author) ?? "does-not-fit";
  }
  const says = (count(data, "linesAdded") ?? 0) + (count(data, "linesRemoved") ?? 0);
  if (isKnown && diff === null && says === 0 && typeof old !== "string") return file;
  return diff === null ? (before?.lost ?? "no-diff") : "cut";
}

/** A replacement that begins and ends within a line says too little of where it stands. */
function isWholeLines(old: string, fresh: string): boolean {
  return old.endsWith("\n") && (fresh === "" || fresh.endsWith("\n"));
}

function isCut(content: string, length: number | null): boolean {
  if (length === null || content.length === length) return false;
  return new TextEncoder().encode(content).length !== length && [...content].length !== length;
}

function linesOf(content: string): string[] {
  const lines = content.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

/** How many lines are whose; lines that stood there before are nobody's. */
export function shares(lines: readonly Line[]): Record<"ai" | "human" | "mixed" | "unknown", number> {
  const counts = { ai: 0, human: 0, mixed: 0, unknown: 0 };
  for (const { hand } of lines) if (hand !== null) counts[hand === "system" ? "unknown" : hand] += 1;
  return counts;
}
