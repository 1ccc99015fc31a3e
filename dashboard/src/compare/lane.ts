import { signal } from "@preact/signals";
import type { ApiClient } from "../api/client";
import type { Session, Signals } from "../api/types";
import type { FeedState } from "../live/session-feed";
import type { HistoryState } from "../session/backfill";
import { SessionWatch } from "../session/watch";

/** Drawn anew at most so often, in milliseconds: six sessions may be live at once. */
const EVERY_MS = 300;

/** One of the sessions that are compared, followed as the session page does, without what its events say. */
export class Lane {
  readonly session = signal<Session | null>(null);
  readonly signals = signal<Signals | null>(null);
  readonly feed = signal<FeedState>({ is: "connecting" });
  readonly history = signal<HistoryState>({ is: "reading" });
  /** Goes up when events came. */
  readonly version = signal(0);
  readonly #watch: SessionWatch;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly id: string,
    api: ApiClient,
    origin: string,
  ) {
    const came = () => {
      this.#timer ??= setTimeout(() => {
        this.#timer = undefined;
        this.version.value += 1;
      }, EVERY_MS);
    };
    this.#watch = new SessionWatch({
      api,
      origin,
      sessionId: id,
      keepsData: false,
      onEvents: came,
      onSession: (session) => (this.session.value = session),
      onSignals: (signals) => (this.signals.value = signals),
      onWatchers: () => {},
      onFeed: (state) => (this.feed.value = state),
      onHistory: (state) => (this.history.value = state),
      onStartOver: came,
    });
  }

  get store() {
    return this.#watch.store;
  }

  get startsAt(): number {
    const said = this.session.peek() ? Date.parse(this.session.peek()!.startedAt) : Infinity;
    const first = this.store.size > 0 ? this.store.tsAt(0) : Infinity;
    const start = Math.min(said, first);
    return Number.isFinite(start) ? start : 0;
  }

  /** How long it has lasted, up to its last event, in milliseconds. */
  get span(): number {
    return this.store.size === 0 ? 0 : Math.max(0, this.store.tsAt(this.store.size - 1) - this.startsAt);
  }

  get name(): string {
    return this.session.value?.candidateName ?? `Session ${this.id.slice(0, 8)}`;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#watch.close();
  }
}
