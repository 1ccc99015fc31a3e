import type { TestCounts } from "./model/test-counts";
import { count } from "./format";

/** A run of tests as a bar, with its counts in words beside it. */
export function TestBar({ tests }: { tests: TestCounts }) {
  const all = tests.passed + tests.failed + tests.skipped;
  const parts = [
    ["passed", tests.passed],
    ["failed", tests.failed],
    ["skipped", tests.skipped],
  ] as const;
  const words = parts.filter(([name, n]) => n > 0 || name === "passed").map(([name, n]) => `${count(n)} ${name}`);
  return (
    <span class="t-run">
      <span class="t-bar" role="img" aria-label={words.join(", ")}>
        {parts.map(([name, n]) => n > 0 && <span key={name} class={`t-${name}`} style={{ flexGrow: n / all }} />)}
      </span>
      <span class="t-words" aria-hidden="true">
        {tests.failed > 0 ? `${count(tests.failed)} of ${count(all)} failed` : `${count(tests.passed)} passed`}
      </span>
    </span>
  );
}
