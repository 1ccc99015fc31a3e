/** The counts that a test runner's last summary prints. */

export interface TestCounts {
  passed: number;
  failed: number;
  skipped: number;
}

/** A summary stands in the last lines; an output may have megabytes. */
const TAIL = 16 * 1024;
const LONGEST_LINE = 400;
/** Colours of a terminal, which stand in the middle of summaries. */
const COLOURS = /\u001b\[[\d;]*m/g;

/** Of the last summary of pytest, jest, vitest, nextest or mocha, or of all that `cargo test` prints; `null` without one. */
export function countsIn(output: string): TestCounts | null {
  const lines = output
    .slice(-TAIL)
    .replace(COLOURS, "")
    .split("\n")
    .filter((line) => line.length <= LONGEST_LINE);
  const cargo = lines.flatMap((line) => {
    const at = line.indexOf("test result: ");
    return at < 0 ? [] : (counts(line.slice(at + 13)) ?? []);
  });
  if (cargo.length > 0) return cargo.reduce(sum);
  for (const line of lines.toReversed()) {
    const found = jest(line) ?? pytest(line);
    if (found) return found;
  }
  return mocha(lines);
}

function jest(line: string): TestCounts | null {
  const found = /^\s*(?:Tests|Summary.*?run:)(.*)$/.exec(line);
  return found ? counts(found[1]!) : null;
}

function pytest(line: string): TestCounts | null {
  const found = /^(\d.*) in [\d.]+s(?: \([\d:]+\))?$/.exec(line.replace(/^[= ]+|[= \r]+$/g, ""));
  return found ? counts(found[1]!) : null;
}

function mocha(lines: string[]): TestCounts | null {
  const said = (word: string): number | null => {
    const line = lines.findLast((line) => new RegExp(`^\\s*\\d+ ${word}(?: \\(.*)?\\s*$`).test(line));
    return line === undefined ? null : Number.parseInt(line.trim(), 10);
  };
  const passed = said("passing");
  return passed === null ? null : { passed, failed: said("failing") ?? 0, skipped: said("pending") ?? 0 };
}

const WORDS: Record<string, keyof TestCounts> = {
  passed: "passed",
  xpassed: "passed",
  failed: "failed",
  error: "failed",
  errors: "failed",
  skipped: "skipped",
  ignored: "skipped",
  todo: "skipped",
  xfailed: "skipped",
};

/** The numbers before `passed`, `failed` and their like. */
function counts(text: string): TestCounts | null {
  const all: TestCounts = { passed: 0, failed: 0, skipped: 0 };
  let found = false;
  let before = "";
  for (const word of text.split(/[\s,;|():]+/)) {
    if (Object.hasOwn(WORDS, word) && /^\d{1,9}$/.test(before)) {
      all[WORDS[word]!] += Number(before);
      found = true;
    }
    before = word;
  }
  return found ? all : null;
}

function sum(one: TestCounts, other: TestCounts): TestCounts {
  return {
    passed: one.passed + other.passed,
    failed: one.failed + other.failed,
    skipped: one.skipped + other.skipped,
  };
}
