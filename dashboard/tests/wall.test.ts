import { expect, test } from "vitest";
import type { Session, Signals } from "../src/api/types";
import { activityOf, GROUPS, groupOf } from "../src/wall/activity";
import { byAttention, hintsOf, needsAttention, type Seen } from "../src/wall/attention";
import { BARS, BAR_MS, counts, endOf, paths } from "../src/wall/strip";

const NOW = Date.parse("2026-04-01T12:00:07.000Z");
const MINUTE = 60_000;

function seen(change: { session?: Partial<Session>; recent?: Partial<NonNullable<Seen["recent"]>> | null; deadline?: number; red?: boolean } = {}): Seen {
  const at = (ms: number) => new Date(ms).toISOString();
  const session = {
    id: "s",
    candidateName: "Plover",
    status: "active",
    startedAt: at(NOW - 40 * MINUTE),
    lastActivityAt: at(NOW - 5000),
    endedAt: null,
    eventCount: 10,
    ...change.session,
  } as Session;
  const recent = { beats: [], last: null, failuresInARow: 0, lastChangeAt: NOW - MINUTE, ...change.recent };
  const signals = change.red ? ({ testsPassedAtEnd: { value: false } } as Signals) : null;
  return { session, signals, recent, deadline: change.deadline ?? null };
}

const texts = (one: Seen) => hintsOf(one, NOW).map(({ text }) => text);

test("who works well needs no attention", () => {
  expect(hintsOf(seen(), NOW)).toEqual([]);
});

test("hints say what is to be looked at, the most urgent first", () => {
  expect(texts(seen({ recent: { failuresInARow: 4 }, red: true }))).toEqual(["4 failures in a row", "Tests are red"]);
  expect(texts(seen({ session: { lastActivityAt: new Date(NOW - 7 * MINUTE).toISOString() } }))).toEqual(["Quiet for 7 min"]);
  const beats = Array.from({ length: 9 }, () => ({ at: NOW, group: "command" as const }));
  expect(texts(seen({ recent: { beats, lastChangeAt: NOW - 20 * MINUTE } }))).toEqual(["No change for 20 min"]);
  expect(texts(seen({ recent: { beats, lastChangeAt: null } }))).toEqual(["No change for over 15 min"]);
  expect(texts(seen({ deadline: NOW + 8 * MINUTE }))).toEqual(["8 min left"]);
  expect(texts(seen({ deadline: NOW - 1, recent: { failuresInARow: 3 } }))).toEqual(["Time is over", "3 failures in a row"]);
  expect(texts(seen({ session: { status: "ended" }, recent: { failuresInARow: 9 } }))).toEqual(["Finished"]);
});

test("what needs attention comes first, and equals stand still", () => {
  const of = (name: string, change: Parameters<typeof seen>[0]) => {
    const one = seen({ ...change, session: { ...change?.session, id: name, candidateName: name } });
    return { ...one, hints: hintsOf(one, NOW) };
  };
  const all = [
    of("done", { session: { status: "ended" } }),
    of("b", {}),
    of("a", {}),
    of("soon", { deadline: NOW + 30 * MINUTE }),
    of("failing", { recent: { failuresInARow: 3 } }),
    of("away", { session: { lastActivityAt: new Date(NOW - 20 * MINUTE).toISOString() } }),
  ].sort(byAttention);
  expect(all.map(({ session }) => session.id)).toEqual(["away", "failing", "soon", "a", "b", "done"]);
  expect(all.filter(({ hints }) => needsAttention(hints)).length).toBe(2);
});

test("an event has a colour and is said in words, whatever is in it", () => {
  const event = (kind: string, data: Record<string, unknown>) => ({ kind, data });
  const command = (text: string, exitCode: number | null) => event("command", { command: text, exitCode });
  expect([command("ls", 0), command("npm test", 0), command("npm test", 1), command("ls", null)].map(groupOf)).toEqual([
    "command",
    "test",
    "fail",
    "command",
  ]);
  expect(groupOf(event("test_run", { failed: 2 }))).toBe("fail");
  expect(groupOf(event("__proto__", {}))).toBe("other");
  const said = activityOf(event("file_diff", { path: "src/a.ts", linesAdded: 3, linesRemoved: 0 }));
  expect(said).toEqual({ group: "change", phrase: "Changed", words: "src/a.ts", more: "+3" });
  expect(activityOf(event("prompt", { text: `\n\n${"x".repeat(500)}` })).words).toHaveLength(161);
  expect(activityOf(event("prompt", { text: 7 })).words).toBe("");
  expect(activityOf(event("brand_new_kind", {})).phrase).toBe("Brand new kind");
});

test("the strip counts by time and kind, and draws no more than its field", () => {
  const end = endOf(NOW);
  const bars = counts(
    [
      { at: NOW, group: "prompt" },
      { at: NOW + 5000, group: "prompt" },
      { at: end - BAR_MS * BARS, group: "fail" },
      { at: end - BAR_MS * BARS - 1, group: "fail" },
    ],
    NOW,
  );
  expect(bars.length).toBe(BARS);
  expect(bars[BARS - 1]![GROUPS.indexOf("prompt")]).toBe(2);
  expect(bars[0]![GROUPS.indexOf("fail")]).toBe(1);
  expect(bars.flat().reduce((sum, n) => sum + n, 0)).toBe(3);
  const drawn = paths([GROUPS.map(() => 1000)], 16);
  const tops = drawn.map((path) => Number(/^M[\d.]+ ([\d.]+)/.exec(path)![1]));
  expect(Math.min(...tops)).toBe(0);
});
