import { ApiError, path, type ApiClient } from "../api/client";
import type { Event, Session, Signals, SignalsReply, Timeline } from "../api/types";
import { activityOf, groupOf, type Activity } from "./activity";
import { STRIP_MS, type Beat } from "./strip";

/** What is known of the last quarter of an hour of a session. */
export interface Recent {
  beats: readonly Beat[];
  last: { at: number; activity: Activity } | null;
  /** Failed commands and tests since the last one that succeeded. */
  failuresInARow: number;
  /** Milliseconds since the epoch; `null` when no change is known of. */
  lastChangeAt: number | null;
}

/** Events that come late by no more than this are still found. */
const OVERLAP_MS = 30_000;
const PAGE = 500;

interface Known {
  recent: Recent;
  signals: Signals | null;
  /** The events in it, with when they happened. */
  ids: Map<string, number>;
  /** The number of events up to which it was read. */
  upTo: number;
  readAt: number;
}

interface Wanted {
  session: Session;
  lacksSignals: boolean;
}

/** How many events are in signals. */
function seenBy(signals: Signals | null): number {
  const count = signals?.eventCount.value;
  return typeof count === "number" ? count : 0;
}

/** Those of two that know more events. */
export function newer(one: Signals | null, other: Signals | null): Signals | null {
  return seenBy(other) > seenBy(one) ? other : one;
}

/** Reads what happened lately in the sessions that somebody looks at: one request at a time and not too many of them,
 * whoever has waited longest first. The wall itself comes by socket and waits for none of this. */
export class RecentReader {
  readonly #api: ApiClient;
  readonly #onChange: (sessionId: string, recent: Recent, signals: Signals | null) => void;
  readonly #known = new Map<string, Known>();
  readonly #wanted = new Map<string, Wanted>();
  readonly #aborted = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isReading = false;

  constructor(api: ApiClient, onChange: (sessionId: string, recent: Recent, signals: Signals | null) => void) {
    this.#api = api;
    this.#onChange = onChange;
  }

  /** Somebody looks at a session, which is like this now. Signals that are older than it, as after a connection was lost,
   * are asked for as well. */
  want(session: Session, signals: Signals | null): void {
    const known = this.#known.get(session.id);
    const lacksSignals = seenBy(newer(signals, known?.signals ?? null)) < session.eventCount;
    if (known && known.upTo >= session.eventCount && !lacksSignals) return;
    this.#wanted.set(session.id, { session, lacksSignals });
    this.#plan(0);
  }

  /** Nobody looks at it any more. */
  leave(sessionId: string): void {
    this.#wanted.delete(sessionId);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#aborted.abort();
  }

  #plan(waitMs: number): void {
    if (this.#timer !== undefined || this.#isReading || this.#aborted.signal.aborted) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#readNext();
    }, waitMs);
  }

  async #readNext(): Promise<void> {
    const readAt = ({ session }: Wanted) => this.#known.get(session.id)?.readAt ?? 0;
    const next = [...this.#wanted.values()].sort((one, other) => readAt(one) - readAt(other))[0];
    if (!next) return;
    const { id } = next.session;
    this.#wanted.delete(id);
    // One that is known already waits a little, so that a busy session does not take all turns.
    let pauseMs = this.#known.has(id) ? 700 : 150;
    this.#isReading = true;
    try {
      await this.#read(next);
    } catch (error) {
      if (this.#aborted.signal.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      // A strip that is late is no reason to bother anybody; the connection itself says what is wrong.
      if (error.isPassing) this.#wanted.set(id, next);
      pauseMs = error.retryAfterMs ?? 5000;
    } finally {
      this.#isReading = false;
    }
    if (this.#wanted.size > 0) this.#plan(pauseMs);
  }

  async #read({ session, lacksSignals }: Wanted): Promise<void> {
    const before = this.#known.get(session.id);
    const now = Date.now();
    const since = before?.recent.last ? before.recent.last.at - OVERLAP_MS : now - STRIP_MS;
    const events = await this.#events(session.id, Math.max(since, now - STRIP_MS));
    let signals = before?.signals ?? null;
    if (!before || lacksSignals) {
      const route = path`/v1/sessions/${session.id}/signals`;
      signals = (await this.#api.get<SignalsReply>(route, {}, this.#aborted.signal)).signals;
    }
    const known = add(before, events, session, now);
    known.signals = signals;
    this.#known.set(session.id, known);
    this.#onChange(session.id, known.recent, signals);
  }

  async #events(id: string, from: number): Promise<Event[]> {
    const route = path`/v1/sessions/${id}/timeline`;
    const query = { from: new Date(from).toISOString(), limit: PAGE };
    const events: Event[] = [];
    for (let after: string | undefined, hasMore = true; hasMore && events.length < 4 * PAGE; ) {
      const page = await this.#api.get<Timeline>(route, { ...query, after }, this.#aborted.signal);
      events.push(...page.events);
      after = page.events.at(-1)?.id;
      hasMore = page.hasMore && after !== undefined;
    }
    return events;
  }
}

function add(before: Known | undefined, events: readonly Event[], session: Session, now: number): Known {
  const ids = new Map([...(before?.ids ?? [])].filter(([, at]) => at > now - STRIP_MS - OVERLAP_MS));
  const beats = before ? before.recent.beats.filter(({ at }) => at > now - STRIP_MS) : [];
  let { last, failuresInARow, lastChangeAt } = before?.recent ?? { last: null, failuresInARow: 0, lastChangeAt: null };
  for (const event of events) {
    if (ids.has(event.id)) continue;
    const [at, group] = [Date.parse(event.ts), groupOf(event)];
    ids.set(event.id, at);
    beats.push({ at, group });
    if (!last || at >= last.at) last = { at, activity: activityOf(event) };
    if (group === "fail") failuresInARow += 1;
    else if (group === "test" || (group === "command" && event.data["exitCode"] === 0)) failuresInARow = 0;
    if (group === "change") lastChangeAt = Math.max(at, lastChangeAt ?? 0);
  }
  const upTo = Math.max(session.eventCount, before?.upTo ?? 0);
  return { recent: { beats, last, failuresInARow, lastChangeAt }, signals: null, ids, upTo, readAt: now };
}
