import { batch, computed, signal } from "@preact/signals";
import type { ApiClient } from "../api/client";
import type { Session, Signals } from "../api/types";
import type { FeedState } from "../live/session-feed";
import type { HistoryState } from "./backfill";
import { NOW, type EventStore, type Moment } from "./model/event-store";
import { EVERYTHING, View, type Filter } from "./model/filter";
import { markersOf, neighbour, type Marker, type MarkerKind } from "./model/markers";
import { Playback, SPEEDS, type Mode, type Speed, type Track } from "./model/playback";
import { Workspace } from "./model/workspace";
import { SessionWatch, type WatchOptions } from "./watch";

/** How long a filter may work in one frame, in milliseconds. */
const FILTER_MS = 8;
/** Markers of a long session are looked for at most so often, in milliseconds. */
const MARKERS_EVERY_MS = 250;

export interface ControllerOptions extends Pick<WatchOptions, "webSocket" | "backoff"> {
  api: ApiClient;
  origin: string;
  sessionId: string;
  /** The seq that the page was opened at; `null` for none. */
  at: number | null;
  /** The same by the event's id. */
  atId: string | null;
}

/** One session as it is looked at: what is known of it, where in it the view is, and what of it is shown. The page draws
 * what the signals say and calls the methods; nothing else is shared. */
export class SessionController {
  readonly session = signal<Session | null>(null);
  readonly signals = signal<Signals | null>(null);
  readonly feed = signal<FeedState>({ is: "connecting" });
  readonly history = signal<HistoryState>({ is: "reading" });
  readonly watchers = signal<number | null>(null);
  /** Goes up whenever events came. */
  readonly version = signal(0);
  /** Goes up whenever the rows that pass the filter are others. */
  readonly rowsVersion = signal(0);
  readonly moment = signal<Moment>(NOW);
  readonly mode = signal<Mode>("live");
  readonly speed = signal<Speed>(1);
  readonly skipsIdle = signal(true);
  readonly filter = signal<Filter>(EVERYTHING);
  readonly markers = signal<readonly Marker[]>([]);
  /** Whether the timeline moves with the moment. The reader who scrolls away stops that. */
  readonly follows = signal(true);
  /** Rows that are open, by seq. */
  readonly open = signal<ReadonlySet<number>>(new Set());
  readonly isRunning = computed(() => this.session.value !== null && this.session.value.status !== "ended");
  /** Whether what is shown moves by itself. */
  readonly isMoving = computed(() => this.mode.value === "playing" || (this.mode.value === "live" && this.isRunning.value));
  /** How many events have happened at the moment. */
  readonly happened = computed(() => {
    void this.version.value;
    return this.store.countAt(this.moment.value);
  });
  /** The seq of the event that happened last; 0 before the first. */
  readonly current = computed(() => (this.happened.value === 0 ? 0 : this.store.seqAt(this.happened.value - 1)));
  readonly #playback = new Playback();
  readonly #watch: SessionWatch;
  view: View;
  workspace: Workspace;
  #dirty = 0;
  #frame = 0;
  #hasNews = false;
  #markersAt = 0;
  #markersTimer: ReturnType<typeof setTimeout> | undefined;
  #wanted: number | null;
  #wantedId: string | null;

  constructor({ at, atId, ...options }: ControllerOptions) {
    this.#wanted = at;
    this.#wantedId = atId;
    this.#watch = new SessionWatch({
      ...options,
      onEvents: (position) => this.#came(position),
      onSession: (session) => (this.session.value = session),
      onSignals: (signals) => (this.signals.value = signals),
      onWatchers: (watchers) => (this.watchers.value = watchers),
      onFeed: (state) => (this.feed.value = state),
      onHistory: (state) => (this.history.value = state),
      onStartOver: () => this.#startOver(),
    });
    this.view = new View(this.store);
    this.workspace = new Workspace(this.store);
  }

  get store(): EventStore {
    return this.#watch.store;
  }

  /** When the session began, as far as is known: the first event or what the server says. */
  get startsAt(): number {
    const said = this.session.value ? Date.parse(this.session.value.startedAt) : Infinity;
    const first = this.store.size > 0 ? this.store.tsAt(0) : Infinity;
    const start = Math.min(said, first);
    return Number.isFinite(start) ? start : 0;
  }

  get endsAt(): number {
    const last = this.store.size > 0 ? this.store.tsAt(this.store.size - 1) : 0;
    return Math.max(this.startsAt, last);
  }

  get #track(): Track {
    return {
      start: this.startsAt,
      end: this.endsAt,
      isRunning: this.isRunning.peek(),
      nextAfter: (at) => {
        const next = this.store.countAt({ at, seq: Infinity });
        return next < this.store.size ? this.store.tsAt(next) : null;
      },
    };
  }

  close(): void {
    this.#watch.close();
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#markersTimer);
  }

  retryNow(): void {
    this.#watch.retryNow();
  }

  /** Whether an event is still waited for that the page was opened at. */
  get hasWanted(): boolean {
    return this.#wanted !== null || this.#wantedId !== null;
  }

  /** From which row on rows may be others than when it was asked last. */
  readonly takeDirty = (): number => {
    const dirty = this.#dirty;
    this.#dirty = Infinity;
    return dirty;
  };

  /** Rests at an event and shows it. */
  goTo(seq: number): void {
    const position = this.store.positionOf(seq);
    if (position < 0) this.#wanted = seq;
    else this.#seek(this.store.momentAt(position));
  }

  /** The event after the one that happened last, or the one before it, among those that are shown. */
  step(by: 1 | -1): void {
    const row = this.view.rowsBefore(this.happened.peek()) - 1 + by;
    if (row < 0 || row >= this.view.length) return;
    this.#seek(this.store.momentAt(this.view.position(row)));
  }

  scrub(at: number): void {
    this.#playback.scrub(Math.min(Math.max(at, this.startsAt - 1), this.endsAt));
    this.follows.value = true;
    this.#moved();
  }

  scrubBy(ms: number): void {
    this.scrub((this.mode.peek() === "live" ? this.endsAt : this.moment.peek().at) + ms);
  }

  toStart(): void {
    this.#seek({ at: this.startsAt, seq: Infinity });
  }

  toLive(): void {
    if (this.isRunning.peek()) {
      this.#playback.live();
      this.follows.value = true;
      this.#moved();
    } else {
      this.#seek({ at: this.endsAt, seq: Infinity });
    }
  }

  togglePlay(): void {
    const isMoving = this.isMoving.peek();
    if (isMoving) this.#playback.pause(this.#track);
    else this.#playback.play(performance.now(), this.#track);
    if (!isMoving) this.follows.value = true;
    this.#moved();
  }

  setSpeed(speed: Speed): void {
    this.#playback.speed = speed;
    this.speed.value = speed;
  }

  faster(by: 1 | -1): void {
    const next = SPEEDS[SPEEDS.indexOf(this.speed.peek()) + by];
    if (next) this.setSpeed(next);
  }

  setSkipsIdle(skips: boolean): void {
    this.#playback.skipsIdle = skips;
    this.skipsIdle.value = skips;
  }

  /** To the next marker, or the last one before; of one kind or of all. */
  toMarker(isForward: boolean, kind?: MarkerKind): void {
    const at = this.mode.peek() === "live" ? Infinity : this.moment.peek().at;
    const among = kind ? this.markers.peek().filter((marker) => marker.kind === kind) : this.markers.peek();
    // Once through them all and from the beginning again, where one kind is asked for.
    const found = neighbour(among, at, isForward) ?? (kind ? (among[0] ?? null) : null);
    if (found) this.goTo(found.seq);
  }

  setFilter(filter: Filter): void {
    this.filter.value = filter;
    this.view.filter = filter;
    this.#dirty = 0;
    this.#schedule();
    this.rowsVersion.value += 1;
  }

  toggleOpen(seq: number): void {
    const open = new Set(this.open.peek());
    if (!open.delete(seq)) open.add(seq);
    this.open.value = open;
  }

  #seek(moment: Moment): void {
    this.#playback.seek(moment);
    this.follows.value = true;
    this.#moved();
  }

  #moved(): void {
    batch(() => {
      this.mode.value = this.#playback.mode;
      this.moment.value = this.#playback.moment;
    });
    this.#schedule();
  }

  #came(position: number): void {
    this.#dirty = Math.min(this.#dirty, this.view.rowsBefore(position));
    this.view.changedFrom(position);
    this.workspace.changedFrom(position);
    this.#hasNews = true;
    this.#schedule();
  }

  #startOver(): void {
    this.view = new View(this.store);
    this.view.filter = this.filter.peek();
    this.workspace = new Workspace(this.store);
    this.#dirty = 0;
    this.#hasNews = true;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#frame === 0) this.#frame = requestAnimationFrame((now) => this.#draw(now));
  }

  /** What came since the last frame is shown at once, however much it is. */
  #draw(now: number): void {
    this.#frame = 0;
    batch(() => {
      if (this.#hasNews) {
        this.#hasNews = false;
        this.version.value += 1;
        this.rowsVersion.value += 1;
        this.#lookForMarkers(now);
        this.#openWanted();
      }
      if (!this.view.isDone) {
        const until = performance.now() + FILTER_MS;
        if (this.view.work(() => performance.now() < until)) this.rowsVersion.value += 1;
        if (this.view.isDone) this.rowsVersion.value += 1;
      }
      if (this.#playback.tick(now, this.#track)) {
        this.mode.value = this.#playback.mode;
        this.moment.value = this.#playback.moment;
      }
    });
    if (this.#playback.mode === "playing" || !this.view.isDone) this.#schedule();
  }

  #openWanted(): void {
    if (this.#wantedId !== null) {
      this.#wanted = this.store.seqOf(this.#wantedId) ?? this.#wanted;
      if (this.#wanted !== null) this.#wantedId = null;
    }
    if (this.#wanted === null || !this.store.has(this.#wanted)) return;
    const seq = this.#wanted;
    this.#wanted = null;
    this.goTo(seq);
  }

  #lookForMarkers(now: number): void {
    const wait = this.#markersAt + MARKERS_EVERY_MS - now;
    if (wait <= 0) {
      this.#markersAt = now;
      this.markers.value = markersOf(this.store);
    } else {
      this.#markersTimer ??= setTimeout(() => {
        this.#markersTimer = undefined;
        this.#lookForMarkers(performance.now());
      }, wait);
    }
  }
}
