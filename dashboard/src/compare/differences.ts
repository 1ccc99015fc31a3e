import type { Signals } from "../api/types";
import { BETTER, isCohortMetric, printSignal, SIGNAL_NAMES } from "../session/signal-names";
import type { SignalName } from "../session/types";
import { trimmed } from "../session/format";

export interface Compared {
  name: string;
  signals: Signals;
}

export interface Difference {
  signal: SignalName;
  /** How far apart the ends are: 0 where they are equal, 1 where one of them is 0. */
  size: number;
  text: string;
}

/** The signals in which sessions differ so that it says something about how people work. */
const TOLD: readonly SignalName[] = [
  "testsPassedAtEnd",
  "verifyIntensity",
  "commandFailRate",
  "aiAttributionPct",
  "manualEditRatio",
  "firstChangeLatencyMs",
  "promptCount",
  "durationMs",
  "decisionFlagCount",
  "testRunCount",
  "uniqueFilesTouched",
  "fileChangeCount",
];
/** Ends that are nearer to each other than this are no difference worth a sentence. */
const LEAST = 0.2;

/** What the sessions differ in, the greatest difference first, each in a sentence with its figures. */
export function differencesOf(sessions: readonly Compared[]): Difference[] {
  const found = TOLD.flatMap(
    (signal) => (signal === "testsPassedAtEnd" ? passed(sessions) : numbers(signal, sessions)) ?? [],
  );
  return found.sort((one, other) => other.size - one.size);
}

function passed(sessions: readonly Compared[]): Difference | null {
  const which = (wanted: boolean) =>
    sessions.filter(({ signals }) => signals.testsPassedAtEnd.value === wanted).map(({ name }) => name);
  const [yes, no] = [which(true), which(false)];
  if (yes.length === 0 || no.length === 0) return null;
  return {
    signal: "testsPassedAtEnd",
    size: 2,
    text: `The last tests of ${list(yes)} passed, those of ${list(no)} failed.`,
  };
}

function numbers(signal: SignalName, sessions: readonly Compared[]): Difference | null {
  const known = sessions.flatMap(({ name, signals }) => {
    const { value, confidence } = signals[signal];
    return typeof value === "number" && confidence !== "insufficient_data" ? [{ name, value }] : [];
  });
  if (known.length < 2) return null;
  const [least, most] = [Math.min(...known.map(({ value }) => value)), Math.max(...known.map(({ value }) => value))];
  const size = most > 0 ? (most - least) / most : 0;
  if (size < LEAST) return null;
  const at = (wanted: number) =>
    `${printSignal(signal, wanted)} for ${list(known.filter(({ value }) => value === wanted).map(({ name }) => name))}`;
  const times = least > 0 ? most / least : null;
  const by = times !== null && times >= 1.5 ? `, ${trimmed(times, 1)} times as much` : "";
  const better = isCohortMetric(signal) ? `; ${BETTER[signal]} ranks higher` : "";
  return {
    signal,
    size,
    text: `${SIGNAL_NAMES[signal]}: ${at(most)}, ${at(least)}${by}${better}.`,
  };
}

/** `Wren, Knot and Plover`. */
export function list(names: readonly string[]): string {
  if (names.length < 2) return names[0] ?? "";
  return `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

/** Names that can be told apart: those that are there twice get a number. */
export function distinct(names: readonly string[]): string[] {
  const seen = new Map<string, number>();
  return names.map((name) => {
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    return names.filter((other) => other === name).length > 1 ? `${name} (${count})` : name;
  });
}

/** The places of the highest-ranking values where the API ranks this signal; empty where it does not or all are equal. */
export function best(signal: SignalName, sessions: readonly Compared[]): number[] {
  if (!isCohortMetric(signal)) return [];
  const values = sessions.map(({ signals }) => signals[signal].value);
  const known = values.filter((value) => typeof value === "number");
  if (known.length < 2) return [];
  const wanted = BETTER[signal] === "less" ? Math.min(...known) : Math.max(...known);
  const places = values.flatMap((value, place) => (value === wanted ? [place] : []));
  return places.length === known.length ? [] : places;
}
