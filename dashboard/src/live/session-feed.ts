import { ApiError, path } from "../api/client";
import type { Event, Session, Signals } from "../api/types";
import { readMissing } from "./gap";
import { Link, type LinkOptions, type LinkState } from "./link";
import type { WatchMessage } from "./messages";

export type FeedState =
  | Exclude<LinkState, { is: "connected" }>
  /** What is missing is being read. */
  | { is: "catching-up"; to: number | null }
  /** Everything up to now is here. `missed`: how many events came late because the connection was lost; 0 when none was. */
  | { is: "live"; missed: number };

export interface FeedOptions extends Pick<LinkOptions, "api" | "origin" | "webSocket" | "backoff"> {
  sessionId: string;
  /** The seq of the last event that is known; 0 for the whole session. */
  after?: number;
  /** Events in order of `seq`, none missing, none twice. */
  onEvents: (events: Event[]) => void;
  onSession?: (session: Session) => void;
  onSignals?: (signals: Signals) => void;
  onWatchers?: (watchers: number) => void;
  onState?: (state: FeedState) => void;
  /** What was shown is not what the server has (it was restored from an older state): everything comes again from the start. */
  onStartOver?: () => void;
}

/** Watches one session: the events without gap and without repeat, whatever happens to the connection. */
export class SessionFeed {
  readonly #options: FeedOptions;
  readonly #link: Link;
  readonly #aborted = new AbortController();
  #lastSeq: number;
  #wasLive = false;
  #lostAt: number | null = null;
  /** While what is missing is read by REST, what the socket says of events is not in order with it. */
  #isReading = false;

  constructor(options: FeedOptions) {
    this.#options = options;
    this.#lastSeq = options.after ?? 0;
    this.#link = new Link({
      ...options,
      path: path`/v1/sessions/${options.sessionId}/live`,
      onOpen: (say) => say({ type: "resume", after: this.#lastSeq }),
      onMessage: (message) => this.#take(message),
      onState: (state) => this.#linkIs(state),
    });
  }

  get lastSeq(): number {
    return this.#lastSeq;
  }

  retryNow(): void {
    this.#link.retryNow();
  }

  close(): void {
    this.#aborted.abort();
    this.#link.close();
  }

  #linkIs(state: LinkState): void {
    if (state.is === "connected") return this.#say({ is: "catching-up", to: null });
    if (state.is === "reconnecting" && this.#wasLive) this.#lostAt ??= this.#lastSeq;
    this.#say(state);
  }

  #take(message: WatchMessage): void {
    switch (message.type) {
      case "hello":
        this.#options.onSession?.(message.session);
        return this.#options.onSignals?.(message.signals);
      case "replay":
        return this.#say({ is: "catching-up", to: message.to });
      case "event":
        return this.#isReading ? undefined : this.#event(message.event);
      case "live":
        return this.#isLive();
      case "reset":
        return this.#reset(message.reason);
      case "signals":
        return this.#options.onSignals?.(message.signals);
      case "session":
        return this.#options.onSession?.(message.session);
      case "presence":
        return this.#options.onWatchers?.(message.watchers);
      default:
    }
  }

  #event(event: Event): void {
    if (event.seq <= this.#lastSeq) return;
    // The server promises that this does not happen; if it does, asking again is better than showing a gap.
    if (event.seq !== this.#lastSeq + 1) return this.#link.again("An event is missing.");
    this.#lastSeq = event.seq;
    this.#options.onEvents([event]);
  }

  #isLive(): void {
    if (this.#isReading) return;
    const missed = this.#lostAt === null ? 0 : this.#lastSeq - this.#lostAt;
    this.#lostAt = null;
    this.#wasLive = true;
    this.#link.isWell();
    this.#say({ is: "live", missed });
  }

  #reset(reason: string): void {
    if (reason === "gap_too_large") return void this.#readMissing();
    if (reason === "unknown_position") {
      this.#lastSeq = 0;
      this.#lostAt = null;
      this.#options.onStartOver?.();
      return this.#link.say({ type: "resume", after: 0 });
    }
    // `too_slow`: what the server let go of is asked for again. Others, such as `history_unavailable`, take a while.
    if (reason === "too_slow") return this.#link.say({ type: "resume", after: this.#lastSeq });
    this.#link.again("The history cannot be read at the moment.");
  }

  /** More is missing than the socket replays. */
  async #readMissing(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    this.#say({ is: "catching-up", to: null });
    try {
      const { api, sessionId, onEvents } = this.#options;
      const events = await readMissing(api, sessionId, this.#lastSeq, this.#aborted.signal);
      this.#isReading = false;
      // Asking again at once would be answered in the same way.
      if (events.length === 0) return this.#link.again("The history cannot be read at the moment.");
      this.#lastSeq = events.at(-1)!.seq;
      onEvents(events);
      this.#link.say({ type: "resume", after: this.#lastSeq });
    } catch (error) {
      this.#isReading = false;
      if (this.#aborted.signal.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      this.#link.again(error.message, error.retryAfterMs ?? 0);
    }
  }

  #say(state: FeedState): void {
    this.#options.onState?.(state);
  }
}
