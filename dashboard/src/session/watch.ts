import { ApiError, path, type ApiClient } from "../api/client";
import type { Event, Session, Signals, SignalsReply } from "../api/types";
import { Backoff } from "../live/backoff";
import { SessionFeed, type FeedState } from "../live/session-feed";
import { Backfill, type HistoryState } from "./backfill";
import { EventStore } from "./model/event-store";
import type { SessionShown } from "./types";

export interface WatchOptions {
  api: ApiClient;
  /** `ws://host` or `wss://host`. */
  origin: string;
  sessionId: string;
  /** Events came; what stands from `position` on is other than before. */
  onEvents: (position: number) => void;
  onSession: (session: Session) => void;
  onSignals: (signals: Signals) => void;
  onWatchers: (watchers: number) => void;
  onFeed: (state: FeedState) => void;
  onHistory: (state: HistoryState) => void;
  /** Everything that was shown is void; another store is filled from now on. */
  onStartOver: (store: EventStore) => void;
  webSocket?: typeof WebSocket;
  backoff?: () => Backoff;
  /** False for those who only want to count: payloads are let go of. */
  keepsData?: boolean;
}

/**
 * Everything of one session, history and what comes, in one store. History is read page by page while the feed already
 * brings what is new; the store keeps each event once, whichever way it came.
 */
export class SessionWatch {
  store: EventStore;
  readonly #options: WatchOptions;
  readonly #aborted = new AbortController();
  readonly #backoff: Backoff;
  #feed: SessionFeed | null = null;
  #backfill: Backfill | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.store = new EventStore(options.keepsData);
    this.#backoff = options.backoff?.() ?? new Backoff();
    void this.#begin();
  }

  close(): void {
    this.#aborted.abort();
    clearTimeout(this.#timer);
    this.#feed?.close();
    this.#backfill?.close();
  }

  /** Tries at once whatever waits. */
  retryNow(): void {
    this.#feed?.retryNow();
    this.#backfill?.retryNow();
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    void this.#begin();
  }

  /** Asks where the session stands: what came before is history, what comes after is live. */
  async #begin(): Promise<void> {
    this.#timer = undefined;
    const { api, sessionId, onFeed, onSession, onSignals } = this.#options;
    onFeed({ is: "connecting" });
    try {
      const { signal } = this.#aborted;
      const [{ session }, { signals, atSeq }] = await Promise.all([
        api.get<SessionShown>(path`/v1/sessions/${sessionId}`, {}, signal),
        api.get<SignalsReply>(path`/v1/sessions/${sessionId}/signals`, {}, signal),
      ]);
      if (signal.aborted) return;
      onSession(session);
      onSignals(signals);
      this.#open(session, atSeq);
    } catch (error) {
      if (this.#aborted.signal.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      if (!error.isPassing) return this.#refused(error);
      const wait = Math.max(this.#backoff.next(), error.retryAfterMs ?? 0);
      onFeed({ is: "reconnecting", retryAt: Date.now() + wait, why: error.message });
      this.#timer = setTimeout(() => void this.#begin(), wait);
    }
  }

  #open(session: Session, atSeq: number): void {
    const { api, origin, sessionId, webSocket, backoff, onSession, onSignals, onWatchers, onFeed, onHistory } = this.#options;
    if (atSeq > 0) {
      this.#backfill = new Backfill({
        api,
        sessionId,
        upTo: atSeq,
        endOf: session.status === "active" ? session : null,
        onEvents: (events) => this.#take(events),
        onState: onHistory,
        onRefused: (error) => this.#refused(error),
        ...(backoff && { backoff: backoff() }),
      });
    } else {
      onHistory({ is: "whole" });
    }
    this.#feed = new SessionFeed({
      api,
      origin,
      sessionId,
      after: atSeq,
      onEvents: (events) => void this.#take(events),
      onSession,
      onSignals,
      onWatchers,
      onState: onFeed,
      onStartOver: () => this.#startOver(),
      ...(webSocket && { webSocket }),
      ...(backoff && { backoff: backoff() }),
    });
  }

  #take(events: Event[]): number {
    const before = this.store.size;
    const position = this.store.add(events);
    if (this.store.size > before) this.#options.onEvents(position);
    return this.store.contiguous;
  }

  /** The feed brings everything again, from the first event on. */
  #startOver(): void {
    this.#backfill?.close();
    this.store = new EventStore(this.#options.keepsData);
    this.#options.onHistory({ is: "whole" });
    this.#options.onStartOver(this.store);
  }

  #refused(error: ApiError): void {
    this.#backfill?.close();
    this.#feed?.close();
    const why = error.status === 404 ? "not-found" : error.status === 410 ? "deleted" : error.status === 401 ? "signed-out" : "not-allowed";
    this.#options.onFeed({ is: "ended", why });
  }
}
