import { NOW, type Moment } from "./event-store";

export const SPEEDS = [1, 2, 4, 8, 16, 32] as const;
export type Speed = (typeof SPEEDS)[number];

/** A gap that is skipped, in milliseconds of the session; and how much of it is left to see, of the viewer's time. */
const IDLE_MS = 10_000;
const LEAD_IN_MS = 700;
/** A frame that took longer is taken for this long: nobody watched while the page was hidden. */
const LONGEST_FRAME_MS = 250;

export type Mode = "live" | "paused" | "playing";

/** What a clock has to know of the events. */
export interface Track {
  /** The first moment and the last, in milliseconds since the epoch. */
  start: number;
  end: number;
  /** When the first event after a time happened; `null` when there is none. */
  nextAfter(at: number): number | null;
  /** Whether more may come. */
  isRunning: boolean;
}

/** Where the view is in the session: at its live end, at rest somewhere, or moving. It reads no clock of its own. */
export class Playback {
  #mode: Mode = "live";
  #moment: Moment = NOW;
  #last = 0;
  speed: Speed = 1;
  skipsIdle = true;

  get mode(): Mode {
    return this.#mode;
  }

  /** What has happened as far as the view shows; the end of time while it follows live. */
  get moment(): Moment {
    return this.#moment;
  }

  /** Follows what comes. */
  live(): void {
    this.#mode = "live";
    this.#moment = NOW;
  }

  /** Rests at a moment. */
  seek(moment: Moment): void {
    this.#mode = "paused";
    this.#moment = moment;
  }

  /** Goes on being what it is, playing or at rest, from another moment. */
  scrub(at: number): void {
    if (this.#mode === "live") this.#mode = "paused";
    this.#moment = { at, seq: Infinity };
  }

  pause(track: Track): void {
    if (this.#mode === "live") this.#moment = { at: track.end, seq: Infinity };
    this.#mode = "paused";
  }

  /** Plays on; from the beginning when it stands at the end of a session that has ended. */
  play(now: number, track: Track): void {
    const isAtEnd = this.#moment.at >= track.end;
    if (isAtEnd && track.isRunning) return this.live();
    this.#mode = "playing";
    this.#last = now;
    if (isAtEnd) this.#moment = { at: track.start, seq: Infinity };
  }

  /** Moves on by the time that has passed. Answers whether anything changed. */
  tick(now: number, track: Track): boolean {
    if (this.#mode !== "playing") return false;
    const passed = Math.min(Math.max(0, now - this.#last), LONGEST_FRAME_MS);
    this.#last = now;
    let at = this.#moment.at + passed * this.speed;
    const next = this.skipsIdle ? track.nextAfter(this.#moment.at) : null;
    if (next !== null && next - at > IDLE_MS) at = Math.max(at, next - LEAD_IN_MS * this.speed);
    this.#moment = { at, seq: Infinity };
    // The last event has been seen: a session that runs is followed, one that ended stays where it ended.
    if (at >= track.end) {
      if (track.isRunning) this.live();
      else this.seek({ at: track.end, seq: Infinity });
    }
    return true;
  }
}
