import assert from "node:assert/strict";
import { test } from "node:test";

import { Window } from "./window.mjs";

/** Numbers from 0 to below 1, the same for the same seed. */
function* numbers(seed) {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state / 2 ** 32;
  }
}

test("as a model that keeps every call", () => {
  const seed = 7;
  const random = numbers(seed);
  const window = new Window(3, 100);
  let through = [];
  let now = 0;
  for (let call = 0; call < 1000; call += 1) {
    now += Math.floor(random.next().value * 40);
    through = through.filter((time) => time > now - 100);
    const expected = through.length < 3;
    if (expected) through.push(now);
    assert.equal(window.allows(now), expected, `seed ${seed}, call ${call} at ${now}`);
  }
});

test("a clock that goes back lets nothing through twice", () => {
  const window = new Window(1, 100);
  assert.deepEqual([1000, 950, 1099, 1100].map((time) => window.allows(time)), [true, false, false, true]);
});
