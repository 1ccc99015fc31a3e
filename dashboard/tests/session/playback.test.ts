import { expect, test } from "vitest";
import { Playback, type Track } from "../../src/session/model/playback";

const track = (times: number[], isRunning = false): Track => ({
  start: times[0]!,
  end: times.at(-1)!,
  nextAfter: (at) => times.find((time) => time > at) ?? null,
  isRunning,
});

test("it follows live until somebody takes hold of it, and again when it is told to", () => {
  const clock = new Playback();
  expect([clock.mode, clock.moment.at]).toEqual(["live", Infinity]);
  clock.pause(track([0, 5000], true));
  expect([clock.mode, clock.moment.at]).toEqual(["paused", 5000]);
  clock.live();
  clock.scrub(2000);
  expect([clock.mode, clock.moment.at]).toEqual(["paused", 2000]);
  clock.seek({ at: 3000, seq: 7 });
  expect(clock.moment).toEqual({ at: 3000, seq: 7 });
});

test("time passes as fast as it is told, and never in a leap", () => {
  const clock = new Playback();
  const short = track([0, 1000, 60_000]);
  clock.skipsIdle = false;
  clock.seek({ at: 0, seq: Infinity });
  expect(clock.tick(10, short)).toBe(false);
  clock.speed = 8;
  clock.play(100, short);
  clock.tick(200, short);
  expect(clock.moment.at).toBe(800);
  clock.tick(60_000, short);
  expect(clock.moment.at, "the page was hidden for a minute").toBe(800 + 250 * 8);
  clock.tick(59_000, short);
  expect(clock.moment.at, "a clock that goes back").toBe(2800);
});

test("what is idle is skipped up to just before the next event", () => {
  const clock = new Playback();
  const idle = track([0, 600_000, 605_000]);
  clock.seek({ at: 0, seq: Infinity });
  clock.play(0, idle);
  clock.tick(16, idle);
  expect(clock.moment.at).toBe(600_000 - 700);
  clock.tick(216, idle);
  clock.tick(416, idle);
  clock.tick(616, idle);
  clock.tick(816, idle);
  expect(clock.moment.at, "five seconds are no idle time").toBe(600_100);
});

test("at the end it follows a session that runs, and rests at the end of one that does not", () => {
  const clock = new Playback();
  for (const isRunning of [true, false]) {
    const ending = track([0, 100], isRunning);
    clock.seek({ at: 0, seq: Infinity });
    clock.play(0, ending);
    clock.tick(150, ending);
    expect([clock.mode, clock.moment.at]).toEqual(isRunning ? ["live", Infinity] : ["paused", 100]);
    clock.play(200, ending);
    expect([clock.mode, clock.moment.at], "again").toEqual(isRunning ? ["live", Infinity] : ["playing", 0]);
  }
});
