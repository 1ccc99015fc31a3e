import { ApiError, path, type ApiClient } from "../api/client";
import type { Event, Session, Timeline } from "../api/types";
import { Backoff } from "../live/backoff";

export type HistoryState =
  | { is: "reading" }
  /** Tried again at `retryAt` (milliseconds since the epoch). */
  | { is: "waiting"; retryAt: number; why: string }
  | { is: "whole" };

export interface BackfillOptions {
  api: ApiClient;
  sessionId: string;
  /** Everything up to this seq is wanted. */
  upTo: number;
  /** Where a session runs, its end is read first: that is where a watcher looks. */
  endOf: Session | null;
  /** Takes a page and answers up to which seq nothing is missing. */
  onEvents: (events: Event[]) => number;
  onState: (state: HistoryState) => void;
  /** The session is gone, or may not be read. */
  onRefused: (error: ApiError) => void;
  backoff?: Backoff;
}

/** The first page is small: rows are wanted soon. How many events the others have depends on how much those of the last one
 * hold: there may be whole files in them. */
const FIRST_PAGE = 200;
const LEAST_PAGE = 50;
const PAGE = 2000;
/** How much a page may hold, in characters. */
const PAGE_LETTERS = 8_000_000;
/** About so many events at the end of a running session are read first: a screen of them, which the server finds and sends in a
 * third of the time, and then what somebody scrolls back to at once. */
const TAILS = [
  { events: 60, leastMs: 6000 },
  { events: 300, leastMs: 30_000 },
] as const;

/**
 * Reads what happened before the view was opened, page by page, each shown as it comes. It goes on by itself after failures;
 * live events come meanwhile by the feed.
 */
export class Backfill {
  readonly #options: BackfillOptions;
  readonly #backoff: Backoff;
  readonly #aborted = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #after: string | undefined;
  #hasTail: boolean;
  #waits = false;
  #limit = FIRST_PAGE;

  constructor(options: BackfillOptions) {
    this.#options = options;
    this.#backoff = options.backoff ?? new Backoff();
    this.#hasTail = options.endOf === null;
    void this.#run();
  }

  close(): void {
    this.#aborted.abort();
    clearTimeout(this.#timer);
  }

  retryNow(): void {
    if (!this.#waits) return;
    clearTimeout(this.#timer);
    void this.#run();
  }

  async #run(): Promise<void> {
    this.#waits = false;
    this.#options.onState({ is: "reading" });
    try {
      if (!this.#hasTail) await this.#readTail(this.#options.endOf!);
      this.#hasTail = true;
      if (await this.#readAll()) this.#options.onState({ is: "whole" });
      else this.#later("Some events cannot be read yet.");
    } catch (error) {
      if (this.#aborted.signal.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      if (error.code === "timeout") this.#limit = Math.max(LEAST_PAGE, this.#limit >> 2);
      // An event to read on from that is not known any more: the session was restored from an older state.
      if (error.status === 400 && this.#after !== undefined) {
        this.#after = undefined;
        this.#later(error.message);
      } else if (error.isPassing) this.#later(error.message, error.retryAfterMs ?? 0);
      else this.#options.onRefused(error);
    }
  }

  #later(why: string, leastMs = 0): void {
    const wait = Math.max(this.#backoff.next(), leastMs);
    this.#waits = true;
    this.#options.onState({ is: "waiting", retryAt: Date.now() + wait, why });
    this.#timer = setTimeout(() => void this.#run(), wait);
  }

  async #readTail(session: Session): Promise<void> {
    const last = session.lastActivityAt === null ? NaN : Date.parse(session.lastActivityAt);
    const lasted = last - Date.parse(session.startedAt);
    if (!(lasted > 0) || session.eventCount <= FIRST_PAGE) return;
    for (const { events, leastMs } of TAILS) {
      const from = last - Math.max(leastMs, (lasted * events) / session.eventCount);
      await this.#page({ limit: PAGE, from: new Date(from).toISOString() });
    }
  }

  /** Answers whether nothing is missing. */
  async #readAll(): Promise<boolean> {
    for (let hasMore = true; hasMore;) {
      const page = await this.#page({ limit: this.#limit, after: this.#after });
      this.#limit = limitFor(page.events);
      this.#after = page.events.at(-1)?.id ?? this.#after;
      hasMore = page.hasMore && page.events.length > 0;
      this.#backoff.reset();
    }
    const isWhole = this.#options.onEvents([]) >= this.#options.upTo;
    if (!isWhole) this.#after = undefined;
    return isWhole;
  }

  async #page(query: Record<string, string | number | undefined>): Promise<Timeline> {
    const { api, sessionId, onEvents } = this.#options;
    const page = await api.get<Timeline>(path`/v1/sessions/${sessionId}/timeline`, query, this.#aborted.signal);
    if (this.#aborted.signal.aborted) throw new DOMException("closed", "AbortError");
    onEvents(page.events);
    return page;
  }
}

/** How many events like these make a page. */
function limitFor(events: readonly Event[]): number {
  let letters = 0;
  for (const { data } of events) {
    for (const value of Object.values(data)) if (typeof value === "string") letters += value.length;
  }
  const wanted = Math.floor((PAGE_LETTERS * events.length) / Math.max(1, letters));
  return Math.min(PAGE, Math.max(LEAST_PAGE, wanted));
}
