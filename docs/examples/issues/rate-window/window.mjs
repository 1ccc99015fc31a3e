/** Lets at most `limit` calls through within any `spanMs` milliseconds. */
export class Window {
  constructor(limit, spanMs) {
    this.limit = limit;
    this.spanMs = spanMs;
    this.startedAt = 0;
    this.count = 0;
  }

  /** Whether a call at `nowMs` may go on; one that may not counts for nothing. */
  allows(nowMs) {
    if (nowMs - this.startedAt >= this.spanMs) {
      this.startedAt = nowMs;
      this.count = 0;
    }
    this.count += 1;
    return this.count <= this.limit;
  }
}
