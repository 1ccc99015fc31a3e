import { GROUPS, type Group } from "./activity";

/** The strip shows so much time, in so many bars. */
export const STRIP_MS = 15 * 60_000;
export const BARS = 60;
export const BAR_MS = STRIP_MS / BARS;

export interface Beat {
  at: number;
  group: Group;
}

/** The end of the last bar: bars stand still while time goes on within one. */
export function endOf(now: number): number {
  return (Math.floor(now / BAR_MS) + 1) * BAR_MS;
}

/** What happened in each bar, by group (in the order of `GROUPS`). */
export function counts(beats: Iterable<Beat>, now: number): number[][] {
  const end = endOf(now);
  const bars = Array.from({ length: BARS }, () => GROUPS.map(() => 0));
  for (const { at, group } of beats) {
    // A clock that is ahead of ours shows as now.
    const bar = Math.floor((Math.min(at, now) - (end - STRIP_MS)) / BAR_MS);
    if (bar >= 0 && bar < BARS) bars[bar]![GROUPS.indexOf(group)]! += 1;
  }
  return bars;
}

/** One path for each group, on a field of `BARS` × `height`. Heights go by the square root and are the same on all tiles:
 * `full` events fill a bar. */
export function paths(bars: readonly (readonly number[])[], height: number, full = 16): string[] {
  const found = GROUPS.map(() => "");
  bars.forEach((bar, index) => {
    const all = bar.reduce((sum, n) => sum + n, 0);
    if (all === 0) return;
    const unit = (Math.max(0.18, Math.min(1, Math.sqrt(all / full))) * height) / all;
    let top = height;
    bar.forEach((n, group) => {
      if (n === 0) return;
      top -= n * unit;
      found[group] += `M${index + 0.12} ${round(top)}h.76v${round(n * unit)}h-.76z`;
    });
  });
  return found;
}

function round(n: number): number {
  return Math.round(n * 100) / 100;
}
