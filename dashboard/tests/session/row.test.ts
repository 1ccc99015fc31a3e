import { expect, test } from "vitest";
import { EventStore } from "../../src/session/model/event-store";
import { EVERYTHING, View } from "../../src/session/model/filter";
import { rowOf } from "../../src/session/model/row";
import { countsIn } from "../../src/session/model/test-counts";
import { event } from "./events";

function row(kind: string, data: Record<string, unknown>) {
  const store = new EventStore();
  store.add([event({ seq: 1, kind, data })]);
  return rowOf(store.entry(0));
}

test("each kind says what matters of it", () => {
  expect(row("prompt", { text: "Why?", tokenCount: 3 })).toEqual({ is: "prompt", text: "Why?", tokens: 3, letters: 4, isPaste: false, redirects: false });
  expect(row("prompt", { prompt: "Why?" })).toMatchObject({ text: "Why?", tokens: null });
  expect(row("file_diff", { path: "a", diff: "@@ -1 +1,2 @@\n-a\n+b\n+c\n" })).toMatchObject({ verb: "changed", added: 2, removed: 1 });
  expect(row("file_diff", { path: "a", diff: "cut", linesAdded: 4 })).toMatchObject({ added: 4, removed: null });
  expect(row("file_diff", { path: "a", movePath: "b" })).toMatchObject({ verb: "moved", to: "b", body: null });
  expect(row("command", { command: "npm test", exitCode: 1, stdout: "Tests: \u001b[31m1 failed\u001b[0m, 4 passed" })).toMatchObject({
    exit: 1, class: "test", tests: { passed: 4, failed: 1, skipped: 0 },
  });
  expect(row("test_run", { suite: "unit", passed: 2 })).toMatchObject({ suite: "unit", tests: { passed: 2, failed: 0, skipped: 0 } });
  expect(row("decision_event", { title: "Use a map", rationale: "Faster", impactScore: 9 })).toMatchObject({ title: "Use a map", impact: null });
  expect(row("planning", { todos: [{ content: "One", status: "completed" }, "Two", 3] })).toMatchObject({ text: "✓ One\n· Two" });
  expect(row("never_seen", {})).toEqual({ is: "note", title: "Never seen", text: null });
});

test("no payload makes a row fail", () => {
  const odd: unknown[] = [null, 1, "x", [], {}, true, -1, NaN, { toString: 1 }];
  const names = ["text", "path", "diff", "command", "exitCode", "stdout", "todos", "passed", "title", "impactScore", "editorCapture", "movePath"];
  for (const kind of ["prompt", "ai_response", "file_diff", "file_create", "command", "test_run", "decision_event", "planning", "session_start", "x"]) {
    for (const value of odd) expect(row(kind, Object.fromEntries(names.map((name) => [name, value]))).is).toBeTruthy();
  }
});

test("summaries of the common runners are read", () => {
  const check = (output: string, passed: number, failed: number, skipped: number) => expect(countsIn(output), output).toEqual({ passed, failed, skipped });
  check("F..\n=== 1 failed, 4 passed, 2 skipped in 0.12s ===\n", 4, 1, 2);
  check("2 passed, 1 warning, 3 errors in 1.00s", 2, 3, 0);
  check("test result: ok. 5 passed; 0 failed; 0 ignored\n\ntest result: FAILED. 1 passed; 2 failed; 3 ignored", 6, 2, 3);
  check("Test Suites: 1 failed, 1 total\nTests:       1 failed, 4 passed, 5 total\nTime: 1 s", 4, 1, 0);
  check(" Test Files  1 passed (1)\n      Tests  1 failed | 4 passed | 1 skipped (6)\n", 4, 1, 1);
  check("     Summary [   0.116s] 127 tests run: 126 passed, 1 failed, 3 skipped", 126, 1, 3);
  check("  5 passing (12ms)\n  1 failing\n\n  1) adds", 5, 1, 0);
  for (const nothing of ["", "ok", "I passed 3 exams in 2020", "3 failed attempts in a row", "Tests", "in 1s"]) expect(countsIn(nothing)).toBeNull();
});

test("a filter holds what passes it, also of what comes late, and is worked off in slices", () => {
  const store = new EventStore();
  const view = new View(store);
  const seqs = () => Array.from({ length: view.length }, (_, n) => store.seqAt(view.position(n)));
  const add = (...events: Parameters<EventStore["add"]>[0]) => view.changedFrom(store.add(events));
  add(event({ seq: 1, actor: "human", data: { text: "Fix the TOTALS" } }), event({ seq: 2, kind: "command", data: { command: "npm test" } }));
  expect(seqs()).toEqual([1, 2]);
  view.filter = { ...EVERYTHING, text: "totals" };
  expect(view.isDone).toBe(false);
  view.work(() => true);
  expect([seqs(), view.isDone]).toEqual([[1], true]);
  add(event({ seq: 3, s: 0, kind: "file_diff", data: { meta: { deep: ["totals.py"] } } }), event({ seq: 4 }));
  view.work(() => false);
  expect(view.isDone).toBe(false);
  view.work(() => true);
  expect(seqs()).toEqual([3, 1]);
  expect([view.rowsBefore(0), view.rowsBefore(1), view.rowsBefore(9)]).toEqual([0, 1, 2]);
  view.filter = { ...EVERYTHING, groups: new Set(["test", "change"] as const) };
  view.work(() => true);
  expect(seqs()).toEqual([3, 2]);
  view.filter = { ...EVERYTHING, actors: new Set(["human"]) };
  view.work(() => true);
  expect(seqs()).toEqual([1]);
  view.filter = { ...EVERYTHING, signal: "testRunCount" };
  view.work(() => true);
  expect(seqs()).toEqual([2]);
});
