import { expect, test } from "vitest";
import { bars, densityOf } from "../../src/charts/density";
import { line } from "../../src/charts/spark";
import { timeTicks } from "../../src/charts/ticks";
import type { Artifacts, Rubric, Score } from "../../src/session/types";
import { analysisOf } from "../../src/session/analysis";
import { addressOf, wantedOf } from "../../src/session/address";
import { partsOf, withCite } from "../../src/session/cites";
import { cut, inParts } from "../../src/session/cut";
import { clock, duration, percent, plural } from "../../src/session/format";
import { EventStore, NOW } from "../../src/session/model/event-store";
import { Heights } from "../../src/session/model/heights";
import { dimensionsOf, followupsOf } from "../../src/session/review";
import { event, START } from "./events";

test("the heights of rows add up, whatever changes", () => {
  const heights = new Heights();
  const plain: number[] = [];
  const same = () => {
    const offset = (row: number) => plain.slice(0, row).reduce((sum, height) => sum + height, 0);
    for (const row of [0, 1, 255, 256, 257, 700, 1499, 1500]) expect(heights.offset(row)).toBe(offset(Math.min(row, plain.length)));
    for (const at of [0, 39, 40, 5000, offset(600), offset(600) - 1, 1e9]) {
      let row = 0;
      while (row < plain.length - 1 && offset(row + 1) <= at) row += 1;
      expect(heights.rowAt(at), `at ${at}`).toBe(row);
    }
  };
  const fill = (from: number, length: number, height: (row: number) => number) => {
    heights.fill(from, length, height);
    plain.length = Math.min(plain.length, length);
    for (let row = from; row < length; row += 1) plain[row] = height(row);
  };
  expect([heights.total, heights.rowAt(50)]).toEqual([0, 0]);
  fill(0, 1500, () => 40);
  same();
  for (const [row, height] of [[0, 80], [256, 12], [1499, 300], [700, 1]] as const) {
    heights.set(row, height);
    plain[row] = height;
    same();
  }
  fill(300, 900, (row) => row % 7);
  same();
  fill(900, 1500, () => 33);
  same();
});

test("the address names a moment, by seq or by the id that exports have", () => {
  const at = (search: string, hash = "") => wantedOf({ search, hash });
  expect(at("?at=12")).toEqual({ seq: 12, id: null });
  for (const bad of ["?at=0", "?at=-1", "?at=1e3", "?at=", "?at=12345678901", ""]) expect(at(bad).seq).toBeNull();
  const id = "00000000-0000-4000-8000-000000000001";
  expect(at("", `#event-${id}`).id).toBe(id);
  expect(at("", "#event-x").id).toBeNull();
  expect(addressOf("http://h/sessions/s?x=1#event-y", { at: 5, seq: 1 }, 7)).toBe("http://h/sessions/s?x=1&at=7");
  expect(addressOf("http://h/sessions/s?at=7", NOW, 9)).toBe("http://h/sessions/s");
});

test("notes name moments", () => {
  expect(partsOf("See #12, not a#3 or #x; #45")).toEqual([
    { is: "text", text: "See " },
    { is: "cite", seq: 12 },
    { is: "text", text: ", not a#3 or #x; " },
    { is: "cite", seq: 45 },
  ]);
  expect([withCite("", 3), withCite("Good.", 3), withCite("Good. ", 3)]).toEqual(["#3 ", "Good.\n#3 ", "Good. #3 "]);
});

test("every criterion has a row, own scores can be changed and others are shown", () => {
  const score = (dimension: string, reviewerId: string | null, value: number, source = "reviewer") =>
    ({ dimension, reviewerId, score: value, notes: null, source }) as Score;
  const rubric = { criteria: [{ key: "a", title: "A", description: null, weight: 2 }] } as Rubric;
  const scores = [score("a", "me", 4), score("a", "you", 2), score("a", null, 3, "signal"), score("extra", "you", 5)];
  const [a, extra] = dimensionsOf(rubric, scores, "me");
  expect(a).toMatchObject({ key: "a", weight: 2, given: { score: 4, notes: "" } });
  expect(a!.others.map((one) => one.score)).toEqual([2, 3]);
  expect(extra).toMatchObject({ key: "extra", given: null, weight: null });
  expect(dimensionsOf(null, [], null)).toMatchObject([{ key: "overall", given: null }]);
});

test("follow-ups are read, whatever else is among the artifacts", () => {
  const of = (data: unknown) => followupsOf({ artifacts: [{ kind: "analytics_v1", data: {} }, { kind: "interview_followups_v1", data }] } as unknown as Artifacts);
  const question = { rule: "longest_struggle", question: "Why?", events: [{ id: "x", seq: 4 }, { seq: "5" }, null] };
  expect(of({ questions: [question, { rule: "x" }, 3] })).toEqual([{ rule: "longest_struggle", question: "Why?", seqs: [4] }]);
  expect([of({}), followupsOf({ artifacts: [] })]).toEqual([null, null]);
});

test("what a language model says is read, and nothing that only looks like it", () => {
  const of = (data: unknown) => analysisOf({ artifacts: [{ kind: "prompt_analysis_v1", data }] } as unknown as Artifacts);
  const means = { clarity: 4.5, context: 2, specificity: 3 };
  const judged = { number: 21, clarity: 4, context: 2, specificity: 5, note: "Says why.", events: [{ id: "x", seq: 7 }] };
  const data = { notice: "A language model wrote this.", model: "wren-1", means, summary: "Clear.", strengths: ["Short", 3], prompts: [judged, {}, null], leftOut: 60 };
  expect(of(data)).toEqual({
    notice: "A language model wrote this.", model: "wren-1", means, summary: "Clear.", strengths: ["Short"], improvements: [], leftOut: 60,
    prompts: [{ number: 21, figures: { clarity: 4, context: 2, specificity: 5 }, note: "Says why.", seqs: [7] }],
  });
  expect([of({}), of({ ...data, means: {} }), of({ ...data, notice: "" }), analysisOf({ artifacts: [] })]).toEqual([null, null, null, null]);
});

test("texts are cut between characters", () => {
  expect([cut("abc", 2), cut("a\u{1f600}b", 2), cut("a\u{1f600}b", 3), cut("ab", 5)]).toEqual(["ab", "a", "a\u{1f600}", "ab"]);
  const text = "\u{1f600}a".repeat(50);
  expect(inParts(text, 7).join("")).toBe(text);
  expect(inParts(text, 7).some((part) => part.length > 7 || /^[\udc00-\udfff]/.test(part))).toBe(false);
  expect(inParts("", 7)).toEqual([""]);
});

test("numbers read well", () => {
  expect([0, 65_000, 3_725_000, -5000].map(clock)).toEqual(["0:00", "1:05", "1:02:05", "−0:05"]);
  expect([850, 4200, 42_000, 200_000, 7_500_000, 273_600_000].map(duration)).toEqual(["850 ms", "4.2 s", "42 s", "3 min 20 s", "2 h 5 min", "3 d 4 h"]);
  expect([percent(1, 1000), percent(999, 1000), percent(1, 2), percent(0, 0), percent(0, 5)]).toEqual(["<1 %", ">99 %", "50 %", "–", "0 %"]);
  expect([plural(1, "file"), plural(1200, "file")]).toEqual(["1 file", "1,200 files"]);
});

test("charts draw what is there and nothing where nothing is", () => {
  const store = new EventStore();
  store.add([event({ seq: 1, s: 0 }), event({ seq: 2, s: 100, kind: "command" }), event({ seq: 3, s: 100 })]);
  const density = densityOf(store, 10, START, START + 100_000);
  expect(density.most).toBe(2);
  expect(density.counts.map((group) => group.reduce((sum, n) => sum + n, 0))).toEqual([2, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  const paths = bars(density, 100, 30);
  expect(paths.filter((path) => path !== "")).toHaveLength(2);
  expect(paths.join("")).not.toContain("NaN");
  expect(line([null, 1, 2, null, 4], 50, 20).match(/M/g)).toHaveLength(2);
  expect(line([0, 0], 10, 10)).not.toContain("NaN");
  expect(timeTicks(3_600_000, 8)).toEqual([0, 600_000, 1_200_000, 1_800_000, 2_400_000, 3_000_000, 3_600_000]);
  expect(timeTicks(0, 8)).toEqual([0]);
  expect(timeTicks(1e13, 8).length).toBeLessThan(10);
});
