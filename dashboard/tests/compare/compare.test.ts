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
    session("Heron", { testsPassedAtEnd: true, verifyIntensity: 0.75, promptCount: 4, durationMs: 3_600_000 }),
    session("Wren", { testsPassedAtEnd: false, verifyIntensity: 0.25, promptCount: 4, durationMs: 3_500_000 }),
    session("Swift", { testsPassedAtEnd: null, verifyIntensity: null, promptCount: 20, durationMs: 3_600_000 }),
  ];
  expect(differencesOf(sessions).map(({ text }) => text)).toEqual([
    "The last tests of Heron passed, those of Wren failed.",
    "Prompts: 20 for Swift, 4 for Heron and Wren, 5 times as much; less ranks higher.",
    "Verifications per change: 0.75 for Heron, 0.25 for Wren, 3 times as much; more ranks higher.",
  ]);
  expect(differencesOf([session("Heron", {}), session("Wren", {})])).toEqual([]);
  expect(differencesOf([session("Heron", { decisionFlagCount: 1 }), session("Wren", { decisionFlagCount: 0 })])[0]?.text).toBe(
    "Decisions: 1 for Heron, 0 for Wren.",
  );
});

test("who ranks highest is only said where the API ranks and somebody does", () => {
  const two = (name: string, one: number | null, other: number | null) => best(name as never, [session("a", { [name]: one }), session("b", { [name]: other })]);
  expect([two("durationMs", 1, 2), two("verifyIntensity", 1, 2)]).toEqual([[0], [1]]);
  expect([two("durationMs", 1, 1), two("durationMs", 1, null), two("fileChangeCount", 1, 2)]).toEqual([[], [], []]);
});

test("names can be told apart and listed", () => {
  expect(distinct(["Heron", "Wren", "Heron"])).toEqual(["Heron (1)", "Wren", "Heron (2)"]);
  expect([list([]), list(["a"]), list(["a", "b"]), list(["a", "b", "c"])]).toEqual(["", "a", "a and b", "a, b and c"]);
});
