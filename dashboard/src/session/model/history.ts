import type { EventStore, Moment } from "./event-store";
import { FACT } from "./facts";

/** The value of a signal at a time; `null` while it has none. */
export interface Point {
  at: number;
  value: number | null;
}

export const SERIES = [
  "promptCount", "commandCount", "commandFailCount", "commandFailRate", "verificationCount", "testRunCount",
  "verifyIntensity", "fileChangeCount", "uniqueFilesTouched", "manualEditRatio", "firstChangeLatencyMs",
  "aiAttributionPct", "decisionFlagCount", "testsPassedAtEnd", "eventCount", "durationMs",
] as const;
export type SeriesName = (typeof SERIES)[number];
export type Values = Record<SeriesName, number | null>;

/** The fold that the signals are, over the events up to a moment. */
class Fold {
  #prompts = 0;
  #commands = 0;
  #failed = 0;
  #verifications = 0;
  #tests = 0;
  #changes = 0;
  #byHand = 0;
  #weight = 0;
  #aiWeight = 0;
  #decisions = 0;
  #paths = new Set<number>();
  #firstChange: number | null = null;
  #passed: boolean | null = null;
  #last = 0;
  #count = 0;

  constructor(
    private readonly store: EventStore,
    private readonly startedAt: number,
  ) {}

  add(position: number): void {
    const facts = this.store.factsAt(position);
    this.#count += 1;
    this.#last = this.store.tsAt(position);
    if (facts === 0) return;
    if (facts & FACT.prompt) this.#prompts += 1;
    if (facts & FACT.command) this.#commands += 1;
    if (facts & FACT.failed) this.#failed += 1;
    if (facts & FACT.verifies) this.#verifications += 1;
    if (facts & FACT.runsTests) this.#tests += 1;
    if (facts & FACT.decision) this.#decisions += 1;
    if (facts & (FACT.passedBySignal | FACT.failedBySignal)) this.#passed = (facts & FACT.passedBySignal) !== 0;
    if (facts & FACT.change) this.#change(position);
  }

  #change(position: number): void {
    const hand = this.store.handAt(position);
    const { added, removed } = this.store.linesAt(position);
    const path = this.store.pathAt(position);
    const weight = Math.max(1, added + removed);
    this.#changes += 1;
    this.#firstChange ??= this.store.tsAt(position);
    if (this.store.paths.word(path) !== "") this.#paths.add(path);
    if (hand === "human") this.#byHand += 1;
    if (!this.store.isAttributedAt(position)) return;
    this.#weight += weight;
    this.#aiWeight += hand === "ai" ? weight : hand === "mixed" ? weight / 2 : 0;
  }

  values(): Values {
    const ratio = (part: number, whole: number) => (whole === 0 ? null : part / whole);
    const since = (at: number | null) => (at === null ? null : Math.max(0, at - this.startedAt));
    return {
      promptCount: this.#prompts,
      commandCount: this.#commands,
      commandFailCount: this.#failed,
      commandFailRate: ratio(this.#failed, this.#commands),
      verificationCount: this.#verifications,
      testRunCount: this.#tests,
      verifyIntensity: ratio(this.#verifications, this.#changes),
      fileChangeCount: this.#changes,
      uniqueFilesTouched: this.#paths.size,
      manualEditRatio: ratio(this.#byHand, this.#changes),
      firstChangeLatencyMs: since(this.#firstChange),
      aiAttributionPct: this.#weight === 0 ? null : (100 * this.#aiWeight) / this.#weight,
      decisionFlagCount: this.#decisions,
      testsPassedAtEnd: this.#passed === null ? null : Number(this.#passed),
      eventCount: this.#count,
      durationMs: this.#count === 0 ? null : since(this.#last),
    };
  }
}

/** The smallest time of a `session_start`, else of all events, as `startedAt` is. */
export function startOf(store: EventStore): number {
  const wanted = store.kinds.known("session_start");
  for (let position = 0; wanted !== undefined && position < store.size; position += 1) {
    if (store.kindAt(position) === wanted) return store.tsAt(position);
  }
  return store.size > 0 ? store.tsAt(0) : 0;
}

/** Every signal at `count` times that part a session evenly, the last at its end. */
export function historyOf(store: EventStore, count: number, from: number, to: number): { at: number[]; values: Values[] } {
  const fold = new Fold(store, startOf(store));
  const [at, values]: [number[], Values[]] = [[], []];
  let position = 0;
  for (let step = 1; step <= count; step += 1) {
    const time = step === count ? to : from + ((to - from) * step) / count;
    for (; position < store.size && store.tsAt(position) <= time; position += 1) fold.add(position);
    at.push(time);
    values.push(fold.values());
  }
  return { at, values };
}

/** Every signal as it was at a moment. */
export function valuesAt(store: EventStore, moment: Moment): Values {
  const fold = new Fold(store, startOf(store));
  const end = store.countAt(moment);
  for (let position = 0; position < end; position += 1) fold.add(position);
  return fold.values();
}
