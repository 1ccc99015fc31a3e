/** Waits between tries: twice as long each time, up to a limit, and never the same for all who lost one server at once. */
export class Backoff {
  #tries = 0;

  constructor(
    private readonly firstMs = 500,
    private readonly mostMs = 15_000,
    private readonly random: () => number = Math.random,
  ) {}

  /** Milliseconds until the next try: between half and all of what the number of tries gives. */
  next(): number {
    const whole = Math.min(this.mostMs, this.firstMs * 2 ** Math.min(this.#tries, 16));
    this.#tries += 1;
    return whole * (0.5 + this.random() / 2);
  }

  /** It worked: the next wait is the first again. */
  reset(): void {
    this.#tries = 0;
  }
}
