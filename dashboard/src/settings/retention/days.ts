import { plural } from "../../session/format";

/** For how many days after their end sessions are kept; `null`: until somebody deletes them. */
export type Days = number | null;

export const DAY_MS = 86_400_000;

/** Whether sessions go earlier than before, so that some may go at once. */
export function isSooner(before: Days, after: Days): boolean {
  return after !== null && (before === null || after < before);
}

/** `1 day`, `180 days`. */
export function daysInWords(days: number): string {
  return plural(days, "day");
}

/**
 * How many of `total` sessions, the latest start first, began before an instant. `startOf` says when the one at a place
 * began, and `null` where there is none any more; it is asked some ten times however many there are.
 */
export async function countBefore(total: number, before: number, startOf: (place: number) => Promise<number | null>): Promise<number> {
  let [low, high] = [0, total];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const start = await startOf(middle);
    if (start === null || start < before) high = middle;
    else low = middle + 1;
  }
  return total - low;
}
