/** Lets at most `limit` calls through within any `spanMs` milliseconds. */
export class Window {
  constructor(limit, spanMs) {
    this.limit = limit;
    this.spanMs = spanMs;
    // The times of the last `limit` calls that were let through, the oldest at `next`.
    this.times = new Array(limit).fill(-Infinity);
    this.next = 0;
  }

  /** Whether a call at `nowMs` may go on; one that may not counts for nothing. */
  allows(nowMs) {
    if (this.limit === 0 || nowMs - this.times[this.next] < this.spanMs) {
      return false;
    }
    this.times[this.next] = nowMs;
    this.next = (this.next + 1) % this.limit;
    return true;
  }
}
