import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Backoff } from "../src/live/backoff";
import { SessionFeed, type FeedState } from "../src/live/session-feed";
import { Scripted, events, json, numbers, row } from "./scripted";

let server: Scripted;
let feed: SessionFeed | undefined;
let seen: number[] = [];
let states: FeedState[] = [];
let startedOver = 0;

beforeEach(async () => {
  server = await Scripted.start();
  [seen, states, startedOver] = [[], [], 0];
});
afterEach(async () => {
  feed?.close();
  await server.stop();
});

function watch(after = 0): void {
  feed = new SessionFeed({
    ...server.link,
    sessionId: "a session",
    after,
    backoff: new Backoff(10, 20),
    onEvents: (rows) => seen.push(...rows.map(({ seq }) => seq)),
    onStartOver: () => {
      startedOver += 1;
      seen = [];
    },
    onState: (state) => states.push(state),
  });
}

const isLive = (missed: number) => vi.waitFor(() => expect(states.at(-1)).toEqual({ is: "live", missed }));

test("replay and live are one sequence, asked for with a ticket and from the last known event", async () => {
  server.talks = [
    async (peer) => {
      expect(await peer.hears()).toEqual({ type: "resume", after: 3 });
      peer.say({ type: "replay", from: 4, to: 5 }, ...events(4, 5), { type: "live", lastSeq: 5 }, ...events(6, 6));
    },
  ];
  watch(3);
  await vi.waitFor(() => expect(seen).toEqual([4, 5, 6]));
  expect(server.connections).toEqual(["/v1/sessions/a%20session/live?ticket=ticket-1"]);
  await isLive(0);
});

test("a lost connection is resumed with a new ticket, and what was missed is counted", async () => {
  server.talks = [
    async (peer) => {
      await peer.hears();
      peer.say({ type: "live", lastSeq: 0 }, ...events(1, 2));
      setTimeout(() => peer.socket.close(1001, "the server stops"), 20);
    },
    async (peer) => {
      expect(await peer.hears()).toEqual({ type: "resume", after: 2 });
      peer.say({ type: "replay", from: 3, to: 6 }, ...events(3, 6), { type: "live", lastSeq: 6 });
    },
  ];
  watch();
  await isLive(4);
  expect(seen).toEqual(numbers(1, 6));
  expect(server.connections[1]).toContain("ticket-2");
  const lost = states.find((state) => state.is === "reconnecting");
  expect(lost).toMatchObject({ why: "the server stops" });
});

test("a repeat is passed over", async () => {
  server.talks = [
    async (peer) => {
      await peer.hears();
      peer.say({ type: "live", lastSeq: 0 }, ...events(1, 2), ...events(1, 3));
    },
  ];
  watch();
  await vi.waitFor(() => expect(seen).toEqual([1, 2, 3]));
  expect(states.at(-1)).toEqual({ is: "live", missed: 0 });
});

test("after a gap what is missing is asked for", async () => {
  server.talks = [
    async (peer) => {
      await peer.hears();
      peer.say({ type: "live", lastSeq: 0 }, ...events(1, 2), ...events(4, 4));
    },
    async (peer) => {
      expect(await peer.hears()).toEqual({ type: "resume", after: 2 });
      peer.say(...events(3, 4), { type: "live", lastSeq: 4 });
    },
  ];
  watch();
  await isLive(2);
  expect(seen).toEqual([1, 2, 3, 4]);
});

test("a gap that is too large is read by REST, in order of arrival, and then resumed", async () => {
  server.onRequest = (request, reply) => {
    if (!request.url?.startsWith("/v1/sessions/a%20session/timeline")) return false;
    const isFirst = !request.url.includes("after=");
    // By time: the third came late. The fifth is not written yet, so the sixth has to wait for it.
    const page = isFirst ? [row(3), row(1)] : [row(2), row(4), row(6)];
    json(reply, 200, { events: page, hasMore: isFirst });
    return true;
  };
  server.talks = [
    async (peer) => {
      await peer.hears();
      peer.say({ type: "reset", reason: "gap_too_large" });
      expect(await peer.hears()).toEqual({ type: "resume", after: 4 });
      peer.say({ type: "replay", from: 5, to: 6 }, ...events(5, 6), { type: "live", lastSeq: 6 });
    },
  ];
  watch();
  await isLive(0);
  expect(seen).toEqual(numbers(1, 6));
});

test("a connection that is lost while the timeline is read does not get into its way", async () => {
  let answer: () => void = () => {};
  server.onRequest = (request, reply) => {
    if (!request.url?.includes("/timeline")) return false;
    answer = () => json(reply, 200, { events: [row(1), row(2), row(3)], hasMore: false });
    return true;
  };
  server.talks = [
    async (peer) => {
      await peer.hears();
      peer.say({ type: "reset", reason: "gap_too_large" });
      setTimeout(() => peer.socket.close(1001), 20);
    },
    async (peer) => {
      expect(await peer.hears()).toEqual({ type: "resume", after: 0 });
      peer.say({ type: "replay", from: 1, to: 2 }, ...events(1, 2), { type: "live", lastSeq: 2 });
      setTimeout(() => answer(), 50);
      expect(await peer.hears()).toEqual({ type: "resume", after: 3 });
      peer.say(...events(4, 4), { type: "live", lastSeq: 4 });
    },
  ];
  watch();
  await isLive(0);
  expect(seen).toEqual([1, 2, 3, 4]);
  expect(states.filter((state) => state.is === "live")).toHaveLength(1);
});

test("a gap that the timeline does not fill is not asked for in a loop", async () => {
  server.onRequest = (request, reply) => {
    if (!request.url?.includes("/timeline")) return false;
    json(reply, 200, { events: [], hasMore: false });
    return true;
  };
  server.talks = [async (peer) => (await peer.hears(), peer.say({ type: "reset", reason: "gap_too_large" }))];
  watch();
  await vi.waitFor(() => expect(states).toContainEqual(expect.objectContaining({ is: "reconnecting" })));
});

test("a server that knows less than we do is shown from the start", async () => {
  server.talks = [
    async (peer) => {
      expect(await peer.hears()).toEqual({ type: "resume", after: 9 });
      peer.say({ type: "reset", reason: "unknown_position" });
      expect(await peer.hears()).toEqual({ type: "resume", after: 0 });
      peer.say(...events(1, 2), { type: "live", lastSeq: 2 });
    },
  ];
  watch(9);
  await isLive(0);
  expect([startedOver, seen]).toEqual([1, [1, 2]]);
});

test.each([
  [4002, "deleted"],
  [4001, "signed-out"],
  [1008, "not-allowed"],
])("close code %i ends it: %s", async (code, why) => {
  server.talks = [(peer) => peer.socket.close(code)];
  watch();
  await vi.waitFor(() => expect(states.at(-1)).toEqual({ is: "ended", why }));
  await new Promise((done) => setTimeout(done, 60));
  expect(server.connections).toHaveLength(1);
});

test.each([
  [401, "unauthorized", "signed-out"],
  [403, "insufficient_scope", "not-allowed"],
])("no ticket with %i %s: %s", async (status, code, why) => {
  server.onRequest = (_, reply) => {
    json(reply, status, { error: "No.", code });
    return true;
  };
  watch();
  await vi.waitFor(() => expect(states.at(-1)).toEqual({ is: "ended", why }));
});

test("a server in trouble is asked again after the time that it names", async () => {
  let refusals = 0;
  const askedAt: number[] = [];
  server.onRequest = (_, reply) => {
    askedAt.push(Date.now());
    if (refusals++ > 0) return false;
    json(reply, 503, { error: "Come back.", code: "overloaded" }, { "retry-after": "1" });
    return true;
  };
  server.talks = [async (peer) => (await peer.hears(), peer.say({ type: "live", lastSeq: 0 }))];
  watch();
  await vi.waitFor(() => expect(states.at(-1)).toEqual({ is: "live", missed: 0 }), 5000);
  expect(states).toContainEqual(expect.objectContaining({ is: "reconnecting", why: "Come back." }));
  expect(askedAt[1]! - askedAt[0]!).toBeGreaterThanOrEqual(990);
});
