/** Lets at most `limit` calls through within any `spanMs` milliseconds. */
export class Window {
  constructor(limit, spanMs) {
    this.limit = limit;
    this.spanMs = spanMs;
    // The times of the last `limit` calls that were let through, the oldest at `next`.
    this.times = new Array(limit).fill(-Infinity);
    this.next = 0;
    this.latest = -Infinity;
  }

  /**
   * Whether a call at `nowMs` may go on; one that may not counts for nothing. A time before the latest one that was seen
   * counts as the latest one: clocks are set back now and then.
   */
  allows(nowMs) {
    this.latest = Math.max(this.latest, nowMs);
    if (this.limit === 0 || this.latest - this.times[this.next] < this.spanMs) {
      return false;
    }
    this.times[this.next] = this.latest;
    this.next = (this.next + 1) % this.limit;
    return true;
  }
}
