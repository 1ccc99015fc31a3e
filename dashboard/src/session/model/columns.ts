/** Columns of numbers that grow: 100,000 rows of them are a few arrays instead of as many objects. */

type Numbers = Float64Array | Int32Array | Uint32Array | Uint16Array | Uint8Array;

/** A typed array that doubles when it is full. */
export class Column<A extends Numbers> {
  #values: A;
  #length = 0;

  constructor(private readonly make: (length: number) => A) {
    this.#values = make(1024);
  }

  get length(): number {
    return this.#length;
  }

  /** The value at `index`; 0 beyond the end. */
  get(index: number): number {
    return index < this.#length ? this.#values[index]! : 0;
  }

  set(index: number, value: number): void {
    this.#reserve(index + 1);
    this.#values[index] = value;
    if (index >= this.#length) this.#length = index + 1;
  }

  push(value: number): void {
    this.set(this.#length, value);
  }

  /** Moves what stands from `from` on by `by` places towards the end. */
  shift(from: number, by: number): void {
    this.#reserve(this.#length + by);
    this.#values.copyWithin(from + by, from, this.#length);
    this.#length += by;
  }

  truncate(length: number): void {
    this.#length = Math.min(this.#length, length);
  }

  #reserve(length: number): void {
    if (length <= this.#values.length) return;
    const grown = this.make(Math.max(length, this.#values.length * 2));
    grown.set(this.#values);
    this.#values = grown;
  }
}

/** Words by number, so that a column can hold them. */
export class Words {
  readonly #numbers = new Map<string, number>();
  readonly #words: string[] = [];

  number(word: string): number {
    const known = this.#numbers.get(word);
    if (known !== undefined) return known;
    this.#numbers.set(word, this.#words.length);
    return this.#words.push(word) - 1;
  }

  word(number: number): string {
    return this.#words[number] ?? "";
  }

  /** The number of a word that was seen; `undefined` for any other. */
  known(word: string): number | undefined {
    return this.#numbers.get(word);
  }

  get all(): readonly string[] {
    return this.#words;
  }
}
