/**
 * A command line cut into its commands and their words, as a shell would: quotes and escapes are respected, redirections,
 * comments and the bodies of here-documents dropped, and what a substitution runs is not looked into.
 */
export function commands(line: string): string[][] {
  return new Cutter(line).cut();
}

const OPERATORS = new Set(["&", "|", ";", "\n", "(", ")"]);

class Cutter {
  #at = 0;
  #done: string[][] = [];
  #words: string[] = [];
  #word: string | null = null;
  /** The next word is where a redirection goes. */
  #isTarget = false;
  #bodies: { end: string; tabs: boolean }[] = [];

  constructor(private readonly line: string) {}

  cut(): string[][] {
    while (this.#at < this.line.length) this.#step(this.line[this.#at++]!);
    this.#endCommand();
    return this.#done;
  }

  #step(letter: string): void {
    if (letter === "\n") {
      this.#endCommand();
      for (const body of this.#bodies) this.#skipBody(body);
      this.#bodies = [];
    } else if (OPERATORS.has(letter)) {
      // `&>` and `>&` redirect.
      if (letter === "&" && this.line[this.#at] === ">") return;
      // `name=(…)` is an array.
      if (letter === "(" && this.#word !== null) return this.#nested("(", ")");
      this.#endCommand();
    } else if (letter === " " || letter === "\t" || letter === "\r") {
      this.#endWord();
    } else if (letter === "<" || letter === ">") {
      this.#redirection(letter);
    } else if (letter === "#" && this.#word === null) {
      const end = this.line.indexOf("\n", this.#at);
      this.#at = end < 0 ? this.line.length : end;
    } else if (letter === "'") {
      const end = this.line.indexOf("'", this.#at);
      this.#add(this.line.slice(this.#at, end < 0 ? undefined : end));
      this.#at = end < 0 ? this.line.length : end + 1;
    } else if (letter === '"') {
      this.#quoted();
    } else if (letter === "\\") {
      const next = this.line[this.#at++];
      if (next !== undefined && next !== "\n") this.#add(next);
    } else if (letter === "$" || letter === "`") {
      this.#expansion(letter);
    } else {
      this.#add(letter);
    }
  }

  #quoted(): void {
    this.#add("");
    while (this.#at < this.line.length) {
      const letter = this.line[this.#at++]!;
      if (letter === '"') return;
      if (letter === "\\") this.#add(this.line[this.#at++] ?? "");
      else if (letter === "$" || letter === "`") this.#expansion(letter);
      else this.#add(letter);
    }
  }

  #expansion(letter: string): void {
    this.#add(letter);
    if (letter === "`") {
      const end = this.line.indexOf("`", this.#at);
      this.#at = end < 0 ? this.line.length : end + 1;
    } else if (this.line[this.#at] === "(") {
      this.#at += 1;
      this.#nested("(", ")");
    } else if (this.line[this.#at] === "{") {
      this.#at += 1;
      this.#nested("{", "}");
    }
  }

  /** Skips to where what was opened closes; quotes within hide brackets. */
  #nested(open: string, close: string): void {
    let quote = "";
    for (let depth = 1; depth > 0 && this.#at < this.line.length; this.#at += 1) {
      const letter = this.line[this.#at]!;
      if (letter === "\\") this.#at += 1;
      else if (quote) quote = letter === quote ? "" : quote;
      else if (letter === '"' || (letter === "'" && open === "(")) quote = letter;
      else if (letter === open) depth += 1;
      else if (letter === close) depth -= 1;
    }
  }

  #redirection(letter: string): void {
    // Digits that touch it name a file descriptor.
    if (this.#word !== null && /^\d*$/.test(this.#word)) this.#word = null;
    this.#endWord();
    if (this.line[this.#at] === "(") {
      this.#at += 1;
      return this.#nested("(", ")");
    }
    const here = /^<(?!<)(-?)[ \t]*(['"\\]?)([^\s'"<>|&;()]+)\2/.exec(this.line.slice(this.#at, this.#at + 200));
    if (letter === "<" && here) {
      this.#bodies.push({ end: here[3]!, tabs: here[1] === "-" });
      this.#at += here[0].length;
      return;
    }
    while ("<>&|".includes(this.line[this.#at] ?? " ")) this.#at += 1;
    this.#isTarget = true;
  }

  #skipBody({ end, tabs }: { end: string; tabs: boolean }): void {
    while (this.#at < this.line.length) {
      const stop = this.line.indexOf("\n", this.#at);
      const line = this.line.slice(this.#at, stop < 0 ? undefined : stop);
      this.#at = stop < 0 ? this.line.length : stop + 1;
      if ((tabs ? line.replace(/^\t+/, "") : line) === end) return;
    }
  }

  #add(letters: string): void {
    this.#word = (this.#word ?? "") + letters;
  }

  #endWord(): void {
    if (this.#word !== null && !this.#isTarget) this.#words.push(this.#word);
    if (this.#word !== null) this.#isTarget = false;
    this.#word = null;
  }

  #endCommand(): void {
    this.#endWord();
    this.#isTarget = false;
    if (this.#words.length > 0) this.#done.push(this.#words);
    this.#words = [];
  }
}
