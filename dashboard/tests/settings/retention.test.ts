import { expect, test } from "vitest";
import { countBefore, daysInWords, isSooner } from "../../src/settings/retention/days";

test("whoever sets days first, or fewer, is asked", () => {
  expect([isSooner(null, 30), isSooner(30, 29), isSooner(30, 30), isSooner(30, 31), isSooner(30, null), isSooner(null, null)]).toEqual([
    true,
    true,
    false,
    false,
    false,
    false,
  ]);
});

test("the sessions that began before are counted with few questions", async () => {
  for (const [total, older] of [[0, 0], [1, 0], [1, 1], [7, 3], [5000, 1234], [5000, 0], [5000, 5000]] as const) {
    let asked = 0;
    // The latest start first: the older ones are at the end.
    const startOf = async (place: number) => {
      asked += 1;
      return place < total - older ? 2000 - place / total : 999 - place / total;
    };
    expect(await countBefore(total, 1000, startOf)).toBe(older);
    expect(asked).toBeLessThanOrEqual(14);
  }
});

test("a list that became shorter meanwhile counts what is gone as older", async () => {
  expect(await countBefore(10, 1000, async (place) => (place < 5 ? 2000 : null))).toBe(5);
});

test("days are said as people say them", () => {
  expect([daysInWords(1), daysInWords(180), daysInWords(3650)]).toEqual(["1 day", "180 days", "3,650 days"]);
});
