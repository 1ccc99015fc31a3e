import { expect, test } from "vitest";
import type { Signals } from "../../src/api/types";
import { best, differencesOf, distinct, list, type Compared } from "../../src/compare/differences";
import { addressOf, selectionOf } from "../../src/compare/selection";

function session(name: string, values: Record<string, number | boolean | null>): Compared {
  const signal = (value: unknown) => ({ value, confidence: value === null ? "insufficient_data" : "high", counts: {} });
  const signals = new Proxy({}, { get: (_, key) => signal(values[String(key)] ?? null) });
  return { name, signals: signals as Signals };
}

test("the address holds which sessions are compared", () => {
  expect(selectionOf("?sessions=a,b&sessions=c,a")).toEqual(["a", "b", "c"]);
  expect(selectionOf("?sessions=1,2,3,4,5,6,7")).toHaveLength(6);
  expect(selectionOf("?sessions=,%3Cscript%3E,a b,x%2Fy,ok.1:2_3-4")).toEqual(["ok.1:2_3-4"]);
  expect(selectionOf("")).toEqual([]);
  expect(addressOf("http://h/compare?sessions=a&x=1", ["b", "c:1"])).toBe("/compare?sessions=b,c%3A1&x=1");
  expect(addressOf("http://h/compare?sessions=a", [])).toBe("/compare");
});

test("differences are told in words with their figures, the greatest first", () => {
  const sessions = [
    session("Ada", { testsPassedAtEnd: true, verifyIntensity: 0.75, promptCount: 4, durationMs: 3_600_000 }),
    session("Bo", { testsPassedAtEnd: false, verifyIntensity: 0.25, promptCount: 4, durationMs: 3_500_000 }),
    session("Chidi", { testsPassedAtEnd: null, verifyIntensity: null, promptCount: 20, durationMs: 3_600_000 }),
  ];
  expect(differencesOf(sessions).map(({ text }) => text)).toEqual([
    "The last tests of Ada passed, those of Bo failed.",
    "Prompts: 20 for Chidi, 4 for Ada and Bo, 5 times as much; less ranks higher.",
    "Verifications per change: 0.75 for Ada, 0.25 for Bo, 3 times as much; more ranks higher.",
  ]);
  expect(differencesOf([session("Ada", {}), session("Bo", {})])).toEqual([]);
  expect(differencesOf([session("Ada", { decisionFlagCount: 1 }), session("Bo", { decisionFlagCount: 0 })])[0]?.text).toBe(
    "Decisions: 1 for Ada, 0 for Bo.",
  );
});

test("who ranks highest is only said where the API ranks and somebody does", () => {
  const two = (name: string, one: number | null, other: number | null) => best(name as never, [session("a", { [name]: one }), session("b", { [name]: other })]);
  expect([two("durationMs", 1, 2), two("verifyIntensity", 1, 2)]).toEqual([[0], [1]]);
  expect([two("durationMs", 1, 1), two("durationMs", 1, null), two("fileChangeCount", 1, 2)]).toEqual([[], [], []]);
});

test("names can be told apart and listed", () => {
  expect(distinct(["Ada", "Bo", "Ada"])).toEqual(["Ada (1)", "Bo", "Ada (2)"]);
  expect([list([]), list(["a"]), list(["a", "b"]), list(["a", "b", "c"])]).toEqual(["", "a", "a and b", "a, b and c"]);
});
