/** The heights of many rows, so that the place of any of them is known without adding all of them up. */

const BLOCK = 256;

export class Heights {
  #heights = new Float32Array(1024);
  #length = 0;
  /** Where each block of rows begins; right up to `#clean` blocks. */
  #starts: number[] = [0];
  #clean = 1;

  get length(): number {
    return this.#length;
  }

  get total(): number {
    return this.offset(this.#length);
  }

  get(row: number): number {
    return row < this.#length ? this.#heights[row]! : 0;
  }

  set(row: number, height: number): void {
    if (row >= this.#length || this.#heights[row] === height) return;
    this.#heights[row] = height;
    this.#clean = Math.min(this.#clean, Math.floor(row / BLOCK) + 1);
  }

  /** From row `from` on, rows are as high as `heightOf` says, up to `length` of them. */
  fill(from: number, length: number, heightOf: (row: number) => number): void {
    if (length > this.#heights.length) {
      const grown = new Float32Array(Math.max(length, this.#heights.length * 2));
      grown.set(this.#heights);
      this.#heights = grown;
    }
    for (let row = from; row < length; row += 1) this.#heights[row] = heightOf(row);
    this.#clean = Math.min(this.#clean, Math.floor(Math.min(from, this.#length) / BLOCK) + 1);
    this.#length = length;
  }

  /** Where a row begins. */
  offset(row: number): number {
    const block = Math.floor(Math.min(row, this.#length) / BLOCK);
    for (; this.#clean <= block; this.#clean += 1) {
      this.#starts[this.#clean] = this.#starts[this.#clean - 1]! + this.#sum((this.#clean - 1) * BLOCK, this.#clean * BLOCK);
    }
    return this.#starts[block]! + this.#sum(block * BLOCK, Math.min(row, this.#length));
  }

  /** The row at a place; the last one beyond the end. */
  rowAt(offset: number): number {
    this.offset(this.#length);
    let [low, high] = [0, Math.floor(Math.max(0, this.#length - 1) / BLOCK)];
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.#starts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    let [row, end] = [low * BLOCK, this.#starts[low]!];
    for (; row < this.#length - 1; row += 1) {
      end += this.#heights[row]!;
      if (end > offset) break;
    }
    return Math.max(0, row);
  }

  #sum(from: number, to: number): number {
    let sum = 0;
    for (let row = from; row < to; row += 1) sum += this.#heights[row]!;
    return sum;
  }
}
