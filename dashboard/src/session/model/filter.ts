import { Column } from "./columns";
import type { EventStore } from "./event-store";
import { FACT } from "./facts";
import { GROUPS, type Group } from "./kinds";

/** What the timeline shows. Empty sets and texts leave nothing out. */
export interface Filter {
  groups: ReadonlySet<Group>;
  actors: ReadonlySet<string>;
  /** In any part of the payload, whatever the case. */
  text: string;
  /** The events that a signal comes from. */
  signal: string | null;
}

export const EVERYTHING: Filter = { groups: new Set(), actors: new Set(), text: "", signal: null };

export function isEverything({ groups, actors, text, signal }: Filter): boolean {
  return groups.size === 0 && actors.size === 0 && text === "" && signal === null;
}

/** Which events a signal is counted from; a signal of all events has no entry. */
const SIGNAL_FACTS: Record<string, number> = {
  promptCount: FACT.prompt,
  commandCount: FACT.command,
  commandFailCount: FACT.failed,
  commandFailRate: FACT.command,
  verificationCount: FACT.verifies,
  testRunCount: FACT.runsTests,
  verifyIntensity: FACT.verifies | FACT.change,
  fileChangeCount: FACT.change,
  uniqueFilesTouched: FACT.change,
  manualEditRatio: FACT.change,
  firstChangeLatencyMs: FACT.change,
  aiAttributionPct: FACT.change,
  decisionFlagCount: FACT.decision,
  testsPassedAtEnd: FACT.passedBySignal | FACT.failedBySignal,
};

export function hasEvents(signal: string): boolean {
  return Object.hasOwn(SIGNAL_FACTS, signal);
}

/** The payload as one text to search in. */
export function searchable(value: unknown, left = { letters: 200_000 }): string {
  if (left.letters <= 0) return "";
  if (typeof value === "string") {
    const text = value.slice(0, left.letters);
    left.letters -= text.length;
    return `${text}\n`;
  }
  if (typeof value !== "object" || value === null) return "";
  let all = "";
  for (const part of Object.values(value)) all += searchable(part, left);
  return all;
}

/** The positions that pass a filter, in order. Works in slices, so that a search of 100,000 events does not hold the page. */
export class View {
  readonly #positions = new Column((n) => new Uint32Array(n));
  #looked = 0;
  #filter: Filter = EVERYTHING;
  #needle = "";

  constructor(private readonly store: EventStore) {}

  get length(): number {
    return isEverything(this.#filter) ? this.store.size : this.#positions.length;
  }

  /** Whether all of the store was looked at. */
  get isDone(): boolean {
    return isEverything(this.#filter) || this.#looked >= this.store.size;
  }

  get filter(): Filter {
    return this.#filter;
  }

  set filter(filter: Filter) {
    this.#filter = filter;
    this.#needle = filter.text.toLowerCase();
    this.changedFrom(0);
  }

  /** The position in the store of a row. */
  position(row: number): number {
    return isEverything(this.#filter) ? row : this.#positions.get(row);
  }

  /** How many rows stand before a position of the store. */
  rowsBefore(position: number): number {
    if (isEverything(this.#filter)) return Math.min(position, this.store.size);
    let [low, high] = [0, this.#positions.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#positions.get(middle) < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  changedFrom(position: number): void {
    if (position >= this.#looked) return;
    this.#positions.truncate(this.rowsBeforeInList(position));
    this.#looked = position;
  }

  /** Looks on until the store is done or the time is over. Answers whether rows were found. */
  work(hasTime: () => boolean): boolean {
    if (isEverything(this.#filter)) return false;
    const before = this.#positions.length;
    for (; this.#looked < this.store.size; this.#looked += 1) {
      if (this.#looked % 256 === 0 && !hasTime()) break;
      if (this.#passes(this.#looked)) this.#positions.push(this.#looked);
    }
    return this.#positions.length !== before;
  }

  private rowsBeforeInList(position: number): number {
    let row = this.#positions.length;
    while (row > 0 && this.#positions.get(row - 1) >= position) row -= 1;
    return row;
  }

  #passes(position: number): boolean {
    const { groups, actors, signal } = this.#filter;
    if (groups.size > 0 && !groups.has(GROUPS[this.store.groupAt(position)]!)) return false;
    if (actors.size > 0 && !actors.has(this.store.actorAt(position))) return false;
    if (signal !== null && hasEvents(signal) && !(this.store.factsAt(position) & SIGNAL_FACTS[signal]!)) return false;
    if (this.#needle === "") return true;
    if (this.store.kinds.word(this.store.kindAt(position)).includes(this.#needle)) return true;
    return searchable(this.store.dataAt(position)).toLowerCase().includes(this.#needle);
  }
}
