import { path, type ApiClient } from "../api/client";
import type { Event, Timeline } from "../api/types";

/** The most that the timeline gives at once. */
const PAGE = 2000;

/**
 * Reads by REST what comes after `after`, in order of `seq` and up to the first number that is missing. The timeline is
 * ordered by time, and events may come late, so all of it is read; only what is missing is kept.
 */
export async function readMissing(
  api: ApiClient,
  sessionId: string,
  after: number,
  signal: AbortSignal,
): Promise<Event[]> {
  const found = new Map<number, Event>();
  let last: string | undefined;
  for (let hasMore = true; hasMore; ) {
    const route = path`/v1/sessions/${sessionId}/timeline`;
    const page = await api.get<Timeline>(route, { limit: PAGE, after: last }, signal);
    for (const event of page.events) if (event.seq > after) found.set(event.seq, event);
    last = page.events.at(-1)?.id;
    hasMore = page.hasMore && last !== undefined;
  }
  const events: Event[] = [];
  for (let event = found.get(after + 1); event; event = found.get(event.seq + 1)) events.push(event);
  return events;
}
