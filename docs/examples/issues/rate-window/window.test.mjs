import assert from "node:assert/strict";
import { test } from "node:test";

import { Window } from "./window.mjs";

const ask = (window, times) => times.map((time) => window.allows(time));

test("so many at once, and no more", () => {
  assert.deepEqual(ask(new Window(2, 1000), [0, 1, 2]), [true, true, false]);
});

test("the window slides: two bursts around a boundary are one", () => {
  assert.deepEqual(ask(new Window(2, 1000), [0, 990, 1000, 1010]), [true, true, true, false]);
});

test("what was refused does not count", () => {
  assert.deepEqual(ask(new Window(1, 1000), [0, 500, 900, 1000]), [true, false, false, true]);
});
