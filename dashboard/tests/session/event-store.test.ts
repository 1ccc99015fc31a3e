import { expect, test } from "vitest";
import { EventStore, NOW } from "../../src/session/model/event-store";
import { FACT } from "../../src/session/model/facts";
import { historyOf, valuesAt } from "../../src/session/model/history";
import { markersOf, neighbour } from "../../src/session/model/markers";
import { event, START } from "./events";

const seqs = (store: EventStore) => Array.from({ length: store.size }, (_, position) => store.seqAt(position));

test("whatever the order in which events come, and however often, they stand once and by time", () => {
  const events = [event({ seq: 1, s: 5 }), event({ seq: 2, s: 3 }), event({ seq: 3, s: 5 }), event({ seq: 4, s: 9 }), event({ seq: 5, s: 1 })];
  let tries = 0;
  const permute = (left: typeof events, done: typeof events): void => {
    if (left.length > 0) return left.forEach((one, at) => permute(left.toSpliced(at, 1), [...done, one]));
    const store = new EventStore();
    store.add(done.slice(0, 2));
    store.add(done);
    store.add(done.slice(3));
    expect(seqs(store)).toEqual([5, 2, 1, 3, 4]);
    expect([store.contiguous, store.highestSeq, store.positionOf(3), store.positionOf(9)]).toEqual([5, 5, 3, -1]);
    tries += 1;
  };
  permute(events, []);
  expect(tries).toBe(120);
});

test("it says from where on something is new, and up to where nothing is missing", () => {
  const store = new EventStore();
  expect(store.add([event({ seq: 1 }), event({ seq: 2 })])).toBe(0);
  expect(store.add([event({ seq: 4 })])).toBe(2);
  expect(store.contiguous).toBe(2);
  expect(store.add([event({ seq: 4 })]), "a repeat").toBe(3);
  expect(store.add([event({ seq: 3, s: 0 })]), "a late one").toBe(0);
  expect(store.contiguous).toBe(4);
  expect(store.add([event({ seq: 0 }), event({ seq: 1.5 })]), "no seq").toBe(4);
});

test("a moment is exact among events of the same millisecond", () => {
  const store = new EventStore();
  store.add([1, 2, 3].map((seq) => event({ seq, s: 1 })).concat(event({ seq: 4, s: 2 })));
  const at = START + 1000;
  expect([store.countAt({ at, seq: 2 }), store.countAt({ at, seq: Infinity }), store.countAt(NOW)]).toEqual([2, 3, 4]);
  expect(store.countAt({ at: at - 1, seq: Infinity })).toBe(0);
  expect(store.momentAt(1)).toEqual({ at, seq: 2 });
});

test("100,000 events come in pages and at once without holding the page, and late ones too", () => {
  const store = new EventStore();
  const all = Array.from({ length: 100_000 }, (_, n) =>
    event({ seq: n + 1, s: n / 10, kind: "command", data: { command: "uv run pytest -q", exitCode: n % 3, stdout: "1 passed in 0.1s" } }),
  );
  store.add(all.slice(98_000));
  let longest = 0;
  const started = performance.now();
  for (let page = 0; page < 49; page += 1) {
    const before = performance.now();
    store.add(all.slice(page * 2000, page * 2000 + 2000));
    longest = Math.max(longest, performance.now() - before);
  }
  for (const late of all.slice(0, 2000)) store.add([{ ...late, seq: late.seq + 100_000 }]);
  console.log(`100,000 events: ${Math.round(performance.now() - started)} ms in all, ${Math.round(longest)} ms for the longest page`);
  expect([store.size, store.contiguous]).toEqual([102_000, 102_000]);
  expect(longest).toBeLessThan(1000);
  const begun = performance.now();
  markersOf(store);
  historyOf(store, 60, START, START + 1e7);
  expect(performance.now() - begun).toBeLessThan(2000);
}, 60_000);

test("markers stand where something happened that is worth a look", () => {
  const store = new EventStore();
  store.add([
    event({ seq: 1, kind: "session_start" }),
    event({ seq: 2, data: { text: "x", likelyPaste: true } }),
    event({ seq: 3, kind: "file_diff", data: { path: "a" } }),
    event({ seq: 4, kind: "file_diff", data: { path: "a" } }),
    event({ seq: 5, kind: "command", data: { command: "ls nowhere", exitCode: 2 } }),
    event({ seq: 6, kind: "command", data: { command: "npm test", exitCode: 1 } }),
    event({ seq: 7, kind: "command", data: { command: "npm test | tail", exitCode: 0, stdout: "Tests: 1 failed, 2 passed" } }),
    event({ seq: 8, s: 400, kind: "command", data: { command: "npm test", exitCode: 0 } }),
    event({ seq: 9, s: 401, kind: "decision_event", data: {} }),
    event({ seq: 10, s: 402, kind: "editor_edit", data: { subKind: "paste" } }),
    event({ seq: 11, s: 403, kind: "test_run", data: { passed: 3, failed: 0 } }),
    event({ seq: 12, s: 404, kind: "test_run", data: {} }),
    event({ seq: 13, s: 405, kind: "command", data: { command: "npm test" } }),
  ]);
  const markers = markersOf(store);
  expect(markers.map(({ kind, seq }) => `${seq} ${kind}`)).toEqual([
    "2 paste", "3 first-change", "5 failed", "6 red", "7 red", "8 pause", "8 green", "9 decision", "10 paste", "11 green",
  ]);
  expect(markers[5]).toEqual({ kind: "pause", seq: 8, at: START + 400_000, from: START + 7000 });
  expect(neighbour(markers, START + 7000, true)?.seq).toBe(8);
  expect(neighbour(markers, START + 5000, false)?.seq).toBe(3);
  expect(neighbour(markers, START + 500_000, true)).toBeNull();
  expect(store.factsAt(6) & FACT.passedBySignal, "the signal goes by exit codes").toBeTruthy();
});

test("signals at a moment are the fold that the server's signals are", () => {
  const store = new EventStore();
  store.add([
    event({ seq: 1, s: 0, kind: "session_start" }),
    event({ seq: 2, s: 10, kind: "prompt" }),
    event({ seq: 3, s: 30, kind: "file_diff", attribution: "likely_ai", data: { path: "a", linesAdded: 6, linesRemoved: 2 } }),
    event({ seq: 4, s: 40, kind: "file_diff", actor: "human", data: { path: "" } }),
    event({ seq: 5, s: 50, kind: "file_create", attribution: "mixed", data: { path: "b", linesAdded: 2 } }),
    event({ seq: 6, s: 60, kind: "command", data: { command: "cargo test", exitCode: 101 } }),
    event({ seq: 7, s: 70, kind: "command", data: { command: "ls" } }),
    event({ seq: 8, s: 80, kind: "decision_event" }),
  ]);
  const end = valuesAt(store, NOW);
  expect(end).toEqual({
    promptCount: 1, commandCount: 2, commandFailCount: 1, commandFailRate: 0.5, verificationCount: 1, testRunCount: 1,
    verifyIntensity: 1 / 3, fileChangeCount: 3, uniqueFilesTouched: 2, manualEditRatio: 1 / 3, firstChangeLatencyMs: 30_000,
    aiAttributionPct: 90, decisionFlagCount: 1, testsPassedAtEnd: 0, eventCount: 8, durationMs: 80_000,
  });
  expect(valuesAt(store, { at: START + 20_000, seq: Infinity }).manualEditRatio).toBeNull();
  const { at, values } = historyOf(store, 4, START, START + 80_000);
  expect(at.map((time) => time - START)).toEqual([20_000, 40_000, 60_000, 80_000]);
  expect(values.map(({ fileChangeCount }) => fileChangeCount)).toEqual([0, 2, 3, 3]);
  expect(values[3]).toEqual(end);
});
