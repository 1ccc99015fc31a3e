/** Lets at most `limit` calls through within any `spanMs` milliseconds. */
export class Window {
  constructor(limit, spanMs) {
    this.limit = limit;
    this.spanMs = spanMs;
    this.times = [];
  }

  /** Whether a call at `nowMs` may go on; one that may not counts for nothing. */
  allows(nowMs) {
    this.times = this.times.filter((time) => time > nowMs - this.spanMs);
    if (this.times.length >= this.limit) {
      return false;
    }
    this.times.push(nowMs);
    return true;
  }
}
