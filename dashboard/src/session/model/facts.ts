import type { Event } from "../../api/types";
import { count, flag, number, text } from "./data";
import { GROUPS, groupOf, isChange } from "./kinds";
import { countsIn } from "./test-counts";
import { CLASSES, classify } from "./verification";

/** What is asked of every event again and again, as bits. */
export const FACT = {
  prompt: 1,
  command: 1 << 1,
  failed: 1 << 2,
  change: 1 << 3,
  decision: 1 << 4,
  /** A run of tests that is known to have passed, or to have failed. */
  green: 1 << 5,
  red: 1 << 6,
  /** It runs tests, a build or a linter. */
  verifies: 1 << 7,
  runsTests: 1 << 8,
  paste: 1 << 9,
  /** What the signal `testsPassedAtEnd` goes by, which knows exit codes and counts and no output. */
  passedBySignal: 1 << 10,
  failedBySignal: 1 << 11,
} as const;

export interface Facts {
  bits: number;
  /** The place of the group in `GROUPS`. */
  group: number;
  /** Lines added and removed. */
  added: number;
  removed: number;
  /** The path of a change; empty for anything else. */
  path: string;
}

export function factsOf(event: Event): Facts {
  const { kind, data } = event;
  const facts: Facts = { bits: 0, group: 0, added: 0, removed: 0, path: "" };
  const verification = kind === "command" ? classify(text(data, "command") ?? "") : null;
  facts.group = GROUPS.indexOf(groupOf(kind, verification === "test"));
  if (kind === "prompt") facts.bits = FACT.prompt | (flag(data, "likelyPaste") ? FACT.paste : 0);
  else if (kind === "command") facts.bits = ofCommand(event, verification);
  else if (kind === "test_run") facts.bits = ofTestRun(event);
  else if (kind === "build_run") facts.bits = FACT.verifies;
  else if (kind === "decision_event") facts.bits = FACT.decision;
  else if (kind === "editor_edit" && text(data, "subKind") === "paste") facts.bits = FACT.paste;
  else if (isChange(kind)) {
    facts.bits = FACT.change;
    facts.added = Math.min(count(data, "linesAdded") ?? 0, 0xffff_ffff);
    facts.removed = Math.min(count(data, "linesRemoved") ?? 0, 0xffff_ffff);
    facts.path = text(data, "path") ?? "";
  }
  return facts;
}

function ofCommand({ data }: Event, verification: (typeof CLASSES)[number] | null): number {
  const exit = number(data, "exitCode");
  let bits = FACT.command | (exit !== null && exit !== 0 ? FACT.failed : 0) | (verification ? FACT.verifies : 0);
  if (verification !== "test") return bits;
  bits |= FACT.runsTests;
  if (exit !== null) bits |= exit === 0 ? FACT.passedBySignal : FACT.failedBySignal;
  // `npm test | tail` succeeds while tests fail.
  const printed = exit === null || exit === 0 ? countsIn(text(data, "stdout") ?? "") : null;
  if ((exit !== null && exit !== 0) || (printed && printed.failed > 0)) bits |= FACT.red;
  else if (exit === 0 || (printed && printed.passed > 0)) bits |= FACT.green;
  return bits;
}

function ofTestRun({ data }: Event): number {
  const [passed, failed] = [count(data, "passed"), count(data, "failed")];
  const bits = FACT.verifies | FACT.runsTests;
  if (passed === null && failed === null) return bits;
  const isGreen = (failed ?? 0) === 0 && (passed ?? 0) > 0;
  return bits | (isGreen ? FACT.green | FACT.passedBySignal : FACT.failedBySignal | (failed ? FACT.red : 0));
}
