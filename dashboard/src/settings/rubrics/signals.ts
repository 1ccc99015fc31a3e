import { number } from "../../app/form";
import { printSignal, SHOWN } from "../../session/signal-names";
import type { SignalName } from "../../session/types";

/** A signal that can be scored: every one but the time of the last activity. A test holds that against the API's list. */
export type ScoredSignal = Exclude<SignalName, "lastActivityAt">;

export const SCORED = SHOWN as readonly ScoredSignal[];

export function isScored(name: string): name is ScoredSignal {
  return (SCORED as readonly string[]).includes(name);
}

/** In what people write the values of a signal, and what one of it is to the API. */
interface Unit {
  name: string;
  size: number;
}

const UNITS: Partial<Record<ScoredSignal, Unit>> = {
  durationMs: { name: "min", size: 60_000 },
  firstChangeLatencyMs: { name: "min", size: 60_000 },
  commandFailRate: { name: "%", size: 0.01 },
  manualEditRatio: { name: "%", size: 0.01 },
  aiAttributionPct: { name: "%", size: 1 },
};

/** `%`, `min`, or nothing. */
export function unitOf(signal: ScoredSignal): string {
  return UNITS[signal]?.name ?? "";
}

/** A value as it stands in a field. */
export function shownNumber(signal: ScoredSignal, value: number): string {
  return rounded(value / (UNITS[signal]?.size ?? 1), 15);
}

/** What stands in a field as the API takes it; as it is where that is no number. */
export function storedNumber(signal: ScoredSignal, text: string): number | string {
  const value = number(text);
  return typeof value === "number" ? Number(rounded(value * (UNITS[signal]?.size ?? 1), 13)) : value;
}

/** Without what binary fractions add: 0.07 · 100 is 7. A field has more digits than what is made of it, so that 100,000 ms
 * survive being minutes. */
function rounded(value: number, digits: number): string {
  return String(Number(value.toPrecision(digits)));
}

/** The thresholds for the one signal that is yes or no: yes is 5, no is 1. */
export const PASSED: readonly string[] = ["0.25", "0.5", "0.75", "1"];

/** A score, and which values earn it. */
export interface Band {
  score: number;
  words: string;
}

/** Which values earn which score, from 1 to 5; `null` while the thresholds are not four that ascend or descend. */
export function bandsOf(signal: ScoredSignal, thresholds: readonly string[]): Band[] | null {
  const values = thresholds.map((text) => storedNumber(signal, text));
  if (values.length !== 4 || !values.every((value) => typeof value === "number")) return null;
  const isOrdered = (inOrder: (a: number, b: number) => boolean) => values.every((value, i) => i === 0 || inOrder(values[i - 1]!, value));
  const ascends = isOrdered((a, b) => a < b);
  if (!ascends && !isOrdered((a, b) => a > b)) return null;
  if (signal === "testsPassedAtEnd") {
    const score = (value: number) => 1 + values.filter((bound) => (ascends ? value >= bound : value <= bound)).length;
    const words = (value: number, name: string) => ({ score: score(value), words: name });
    return [words(0, "not passed"), words(1, "passed")].sort((a, b) => a.score - b.score);
  }
  const print = (value: number) => printSignal(signal, value);
  return [
    { score: 1, words: `${ascends ? "below" : "above"} ${print(values[0]!)}` },
    ...values.map((value, i) => ({ score: i + 2, words: ascends ? `from ${print(value)}` : `${print(value)} or less` })),
  ];
}
