import type { ServerResponse } from "node:http";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Event } from "../../src/api/types";
import { Backoff } from "../../src/live/backoff";
import { SessionController } from "../../src/session/controller";
import { EVERYTHING } from "../../src/session/model/filter";
import { Scripted } from "../scripted";
import { event, START } from "./events";

let server: Scripted;
let controller: SessionController | null = null;
let history: Event[] = [];
let status: "active" | "ended" = "active";
/** Says something live once the view is live. */
let say: (event: Event) => void = () => {};

beforeEach(async () => {
  vi.stubGlobal("requestAnimationFrame", (draw: (now: number) => void) => Number(setTimeout(() => draw(performance.now()), 4)));
  vi.stubGlobal("cancelAnimationFrame", (frame: number) => clearTimeout(frame));
  server = await Scripted.start();
  server.onRequest = ({ url = "" }, reply) => answer(url.split("?")[0]!, reply);
  server.talks = [
    async (peer) => {
      await peer.hears();
      peer.say({ type: "live", lastSeq: history.length });
      say = (one) => peer.say({ type: "event", event: one });
    },
  ];
  status = "active";
});
afterEach(async () => {
  controller?.close();
  vi.unstubAllGlobals();
  await server.stop();
});

function answer(path: string, reply: ServerResponse): boolean {
  const session = { id: "s", status, startedAt: new Date(START).toISOString(), lastActivityAt: null, eventCount: history.length };
  const bodies: Record<string, unknown> = {
    "/v1/sessions/s": { session, eventCount: history.length, status },
    "/v1/sessions/s/signals": { signals: {}, atSeq: history.length },
    "/v1/sessions/s/timeline": { events: history, hasMore: false },
  };
  if (!(path in bodies)) return false;
  reply.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(bodies[path]));
  return true;
}

async function open(events: Event[], at: number | null = null, atId: string | null = null): Promise<SessionController> {
  history = events;
  const opened = new SessionController({ ...server.link, sessionId: "s", at, atId, backoff: () => new Backoff(20, 100) });
  controller = opened;
  await vi.waitFor(() => expect([opened.store.size, opened.feed.value.is]).toEqual([events.length, "live"]), 5000);
  await vi.waitFor(() => expect(opened.version.value).toBeGreaterThan(0));
  return opened;
}

const five = () => [
  event({ seq: 1, s: 0, kind: "session_start" }),
  event({ seq: 2, s: 10 }),
  event({ seq: 3, s: 20, kind: "command", data: { command: "npm test", exitCode: 1 } }),
  event({ seq: 4, s: 30 }),
  event({ seq: 5, s: 600, kind: "command", data: { command: "npm test", exitCode: 0 } }),
];

test("it follows, rests, steps and follows again", async () => {
  const view = await open(five());
  expect([view.mode.value, view.happened.value, view.isMoving.value]).toEqual(["live", 5, true]);
  view.togglePlay();
  say(event({ seq: 6, s: 700 }));
  await vi.waitFor(() => expect(view.store.size).toBe(6));
  expect([view.mode.value, view.current.value]).toEqual(["paused", 5]);
  view.step(-1);
  expect(view.current.value).toBe(4);
  view.step(1);
  view.step(1);
  view.step(1);
  expect(view.current.value, "there is no further").toBe(6);
  view.toStart();
  expect(view.current.value).toBe(1);
  view.step(-1);
  expect(view.current.value).toBe(1);
  view.scrub(START + 25_000);
  expect(view.current.value).toBe(3);
  view.toLive();
  expect([view.mode.value, view.happened.value]).toEqual(["live", 6]);
});

test("it goes from marker to marker, and through those of one kind again and again", async () => {
  const view = await open(five());
  await vi.waitFor(() => expect(view.markers.value.map(({ kind }) => kind)).toEqual(["red", "pause", "green"]));
  view.toMarker(false);
  expect(view.current.value).toBe(5);
  view.toMarker(false);
  expect(view.current.value).toBe(3);
  view.toMarker(false);
  expect(view.current.value).toBe(3);
  view.toMarker(true, "green");
  view.toMarker(true, "red");
  expect(view.current.value).toBe(3);
});

test("steps stay among the rows that pass the filter", async () => {
  const view = await open(five());
  view.setFilter({ ...EVERYTHING, groups: new Set(["test"] as const) });
  await vi.waitFor(() => expect(view.view.length).toBe(2));
  view.toStart();
  view.step(1);
  expect(view.current.value).toBe(3);
  view.step(1);
  expect(view.current.value).toBe(5);
  say(event({ seq: 6, s: 700, kind: "command", data: { command: "npm test", exitCode: 0 } }));
  await vi.waitFor(() => expect(view.view.length).toBe(3));
});

test("it opens at a moment by seq or by id, and says so when that is nowhere", async () => {
  const bySeq = await open(five(), 3);
  await vi.waitFor(() => expect([bySeq.mode.value, bySeq.current.value, bySeq.hasWanted]).toEqual(["paused", 3, false]));
  bySeq.close();
  const byId = await open(five(), null, event({ seq: 4 }).id);
  await vi.waitFor(() => expect(byId.current.value).toBe(4));
  byId.close();
  const lost = await open(five(), 99);
  await vi.waitFor(() => expect([lost.lost.value, lost.mode.value]).toEqual([true, "live"]));
});

test("a session that has ended stands still at its end, and plays from its beginning", async () => {
  status = "ended";
  const view = await open(five());
  expect([view.isMoving.value, view.happened.value]).toEqual([false, 5]);
  view.setSpeed(32);
  view.togglePlay();
  expect([view.mode.value, view.happened.value]).toEqual(["playing", 1]);
  await vi.waitFor(() => expect([view.mode.value, view.happened.value]).toEqual(["paused", 5]), 10_000);
});
