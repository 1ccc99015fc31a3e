import { expect, test } from "vitest";
import { ApiError } from "../../src/api/client";
import { faultsOf } from "../../src/app/form";
import { bodyOf, draftOf, keyOf, moved, newCriterion, shares, withChange, type Rubric } from "../../src/settings/rubrics/draft";
import { bandsOf, PASSED, SCORED, shownNumber, storedNumber } from "../../src/settings/rubrics/signals";

const RUBRIC: Rubric = {
  id: "0190a0a0-0000-7000-8000-000000000001",
  name: "Backend",
  criteria: [
    { key: "verifies", title: "Verifies", description: "Runs tests", weight: 3, signal: "verifyIntensity", thresholds: [0.25, 0.5, 0.75, 1] },
    { key: "quick", title: "Quick", description: null, weight: 0.5, signal: "durationMs", thresholds: [7_200_000, 5_400_000, 3_600_000, 100_000] },
    { key: "asks", title: "Asks", description: null, weight: 1, signal: null, thresholds: null },
  ],
  createdAt: "2026-11-27T00:00:00Z",
  updatedAt: "2026-11-27T00:00:00Z",
};

test("a rubric that nobody changed is sent as it is", () => {
  const { name, criteria } = RUBRIC;
  const given = criteria.map((criterion) => Object.fromEntries(Object.entries(criterion).filter(([, value]) => value !== null)));
  expect(bodyOf(draftOf(RUBRIC))).toEqual({ name, criteria: given });
});

test("what is no number goes to the server as it was typed", () => {
  const draft = draftOf(null);
  const criteria = withChange(draft.criteria, draft.criteria[0]!.id, { weight: "much", signal: "promptCount", thresholds: ["1", "", "x", "4"] });
  expect(bodyOf({ name: "", criteria })).toMatchObject({ criteria: [{ weight: "much", thresholds: [1, "", "x", 4] }] });
  const none = withChange(criteria, criteria[0]!.id, { weight: " ", thresholds: ["", " ", "", ""] });
  expect(bodyOf({ name: "", criteria: none })).toEqual({ name: "", criteria: [{ key: "", title: "", signal: "promptCount" }] });
});

test("a key follows the title until somebody chooses one", () => {
  const one = { ...newCriterion(), key: "asks", hasOwnKey: true };
  const two = newCriterion();
  let criteria = withChange([one, two], two.id, { title: "Asks" });
  expect(criteria[1]!.key).toBe("asks-2");
  criteria = withChange(criteria, two.id, { key: "prompts" });
  criteria = withChange(criteria, two.id, { title: "Asks for what matters" });
  expect(criteria[1]!.key).toBe("prompts");
  criteria = withChange(criteria, two.id, { key: "" });
  expect(criteria[1]!.key).toBe("asks-for-what-matters");
  expect(criteria[0]).toBe(one);
});

test("keys are made of letters and digits", () => {
  expect(keyOf("  Überprüft, was es bekam! ", [])).toBe("uberpruft-was-es-bekam");
  expect(keyOf("!!", [])).toBe("");
  expect(keyOf("a", ["a", "a-2"])).toBe("a-3");
  expect([...keyOf("x".repeat(300), [])]).toHaveLength(124);
});

test("criteria change places, and the ends stay the ends", () => {
  const all = [newCriterion(), newCriterion(), newCriterion()];
  const order = (criteria: readonly { id: number }[]) => criteria.map(({ id }) => all.findIndex((one) => one.id === id));
  expect(order(moved(all, 0, 1))).toEqual([1, 0, 2]);
  expect(order(moved(all, 2, -1))).toEqual([0, 2, 1]);
  expect(moved(all, 0, -1)).toBe(all);
  expect(moved(all, 2, 1)).toBe(all);
});

test("shares are of all weights that are right", () => {
  expect(shares(["3", "1"])).toEqual([0.75, 0.25]);
  expect(shares(["", "1,5", "2.5"])).toEqual([0.2, 0.3, 0.5]);
  expect(shares(["0", "x", "101", "-1", "2"])).toEqual([null, null, null, null, 1]);
  expect(shares([])).toEqual([]);
});

test("values are written in units that people use, and come back as they were", () => {
  expect(shownNumber("durationMs", 5_400_000)).toBe("90");
  expect(shownNumber("commandFailRate", 0.07)).toBe("7");
  expect(shownNumber("aiAttributionPct", 62.5)).toBe("62.5");
  expect(storedNumber("manualEditRatio", "12,5")).toBe(0.125);
  for (const signal of SCORED) for (const value of [0, 0.1, 0.35, 1, 7, 100_000, 1_234_567]) expect(storedNumber(signal, shownNumber(signal, value))).toBe(value);
});

test("the scale says which values earn which score", () => {
  const words = (...of: Parameters<typeof bandsOf>) => bandsOf(...of)?.map(({ score, words }) => `${score} ${words}`);
  expect(words("promptCount", ["2", "4", "8", "16"])).toEqual(["1 below 2", "2 from 2", "3 from 4", "4 from 8", "5 from 16"]);
  expect(words("commandFailRate", ["50", "35", "20", "10"])).toEqual(["1 above 50 %", "2 50 % or less", "3 35 % or less", "4 20 % or less", "5 10 % or less"]);
  expect(words("testsPassedAtEnd", PASSED)).toEqual(["1 not passed", "5 passed"]);
  for (const odd of [["1", "2", "2", "3"], ["1", "3", "2", "4"], ["1", "2", "3"], ["1", "2", "3", ""], ["a", "b", "c", "d"]]) expect(bandsOf("promptCount", odd)).toBeNull();
});

test("what the server says is found at its place within the rubric", () => {
  const error = new ApiError(400, "validation_failed", "wrong", [
    { path: ["criteria", 1, "title"], code: "too_short", message: "must not be empty" },
    { path: ["criteria", 1, "weight"], code: "out_of_range", message: "must be above 0" },
    { path: ["name"], code: "required", message: "is required" },
  ]);
  expect(faultsOf(error)).toEqual({
    criteria: "Must not be empty.",
    "criteria.1.title": "Must not be empty.",
    "criteria.1.weight": "Must be above 0.",
    name: "Is required.",
  });
});
