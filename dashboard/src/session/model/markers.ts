import type { EventStore } from "./event-store";
import { FACT } from "./facts";

/** From the least to the most telling: where several share a place, the later is drawn over the earlier. */
export const MARKERS = ["pause", "paste", "green", "failed", "red", "decision", "first-change"] as const;
export type MarkerKind = (typeof MARKERS)[number];

export const MARKER_NAMES: Record<MarkerKind, string> = {
  pause: "Long pause",
  paste: "Paste",
  green: "Tests passed",
  failed: "Command failed",
  red: "Tests failed",
  decision: "Decision",
  "first-change": "First change",
};

export interface Marker {
  kind: MarkerKind;
  /** The event that it stands for; the one that ends a pause. */
  seq: number;
  at: number;
  /** When a pause began; the same as `at` for the others. */
  from: number;
}

/** As long a gap is a pause, as in the analytics. */
export const PAUSE_MS = 5 * 60_000;

/** Everything worth jumping to, in the order of the timeline. */
export function markersOf(store: EventStore): Marker[] {
  const found: Marker[] = [];
  let hasChange = false;
  for (let position = 0; position < store.size; position += 1) {
    const at = store.tsAt(position);
    const before = position > 0 ? store.tsAt(position - 1) : at;
    const add = (kind: MarkerKind, from = at) => found.push({ kind, seq: store.seqAt(position), at, from });
    if (at - before > PAUSE_MS) add("pause", before);
    const facts = store.factsAt(position);
    if (facts === 0) continue;
    if (facts & FACT.red) add("red");
    else if (facts & FACT.green) add("green");
    else if (facts & FACT.failed) add("failed");
    if (facts & FACT.decision) add("decision");
    if (facts & FACT.paste) add("paste");
    if (facts & FACT.change && !hasChange) {
      hasChange = true;
      add("first-change");
    }
  }
  return found;
}

/** The next marker after a time, or the last before it; `null` beyond the ends. */
export function neighbour(markers: readonly Marker[], at: number, isForward: boolean): Marker | null {
  const found = isForward ? markers.find((marker) => marker.at > at) : markers.findLast((marker) => marker.at < at);
  return found ?? null;
}
