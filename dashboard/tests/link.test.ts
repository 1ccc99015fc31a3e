import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Backoff } from "../src/live/backoff";
import { Link, type LinkOptions, type LinkState } from "../src/live/link";
import { WallFeed, type Tile } from "../src/live/wall-feed";
import { Scripted, json } from "./scripted";

let server: Scripted;
let open: { close(): void } | undefined;
beforeEach(async () => void (server = await Scripted.start()));
afterEach(async () => {
  open?.close();
  await server.stop();
});

function link(options: Partial<LinkOptions>): LinkState[] {
  const states: LinkState[] = [];
  const onState = (state: LinkState) => states.push(state);
  const all = { ...server.link, path: "/v1/sessions/s/live", backoff: new Backoff(10, 20), onMessage: () => {}, onState };
  open = new Link({ ...all, ...options });
  return states;
}

test("a server that falls silent is left, one that answers is not", async () => {
  let pings = 0;
  server.talks = [
    () => {},
    (peer) => void peer.socket.on("message", () => peer.say({ type: "pong", serverTime: `${++pings}` })),
  ];
  const states = link({ pingEveryMs: 20, silentForMs: 50 });
  await vi.waitFor(() => expect(pings).toBeGreaterThan(5));
  expect(server.connections).toHaveLength(2);
  expect(states).toContainEqual(expect.objectContaining({ is: "reconnecting", why: "The server fell silent." }));
});

test("of a session that is not there nobody asks twice", async () => {
  server.refusesSockets = true;
  const states = link({});
  await vi.waitFor(() => expect(states.at(-1)).toEqual({ is: "ended", why: "not-found" }));
  expect(states).not.toContainEqual(expect.objectContaining({ is: "reconnecting" }));
});

test("a socket that is refused although what it shows is there is tried again", async () => {
  server.refusesSockets = true;
  server.onRequest = (request, reply) => {
    if (request.url !== "/v1/sessions/s") return false;
    server.refusesSockets = false;
    json(reply, 200, { session: {} });
    return true;
  };
  const states = link({});
  await vi.waitFor(() => expect(states.at(-1)).toEqual({ is: "connected" }));
});

test("closing while it waits for a ticket opens nothing", async () => {
  server.onRequest = (_, reply) => {
    setTimeout(() => json(reply, 201, { ticket: "late", expiresAt: "" }), 30);
    return true;
  };
  const states = link({});
  open?.close();
  await new Promise((done) => setTimeout(done, 80));
  expect(server.connections).toHaveLength(0);
  expect(states.at(-1)).toEqual({ is: "ended", why: "closed" });
});

test("waits grow, stay below their limit and differ", () => {
  const backoff = new Backoff(100, 1000, () => 1);
  expect(Array.from({ length: 6 }, () => backoff.next())).toEqual([100, 200, 400, 800, 1000, 1000]);
  backoff.reset();
  expect(backoff.next()).toBe(100);
  expect(new Backoff(100, 1000, () => 0).next()).toBe(50);
});

test("the wall keeps the signals of sessions that it knows, and takes what the server lists as what there is", async () => {
  const session = (id: string, eventCount = 0) => ({ id, eventCount });
  server.talks = [
    (peer) => {
      peer.say({ type: "sessions", sessions: [session("a"), session("b")] });
      peer.say({ type: "session", session: session("a", 5), signals: { promptCount: { value: 2 } } });
      setTimeout(() => peer.socket.close(1001), 20);
    },
    (peer) => peer.say({ type: "sessions", sessions: [session("a", 6), session("c")] }),
  ];
  const walls: Record<string, Tile>[] = [];
  const backoff = new Backoff(10, 20);
  const onTiles = (tiles: ReadonlyMap<string, Tile>) => walls.push(Object.fromEntries(tiles));
  open = new WallFeed({ ...server.link, assessmentId: "x", backoff, onTiles });
  await vi.waitFor(() => expect(walls).toHaveLength(3));
  expect(Object.keys(walls[0]!)).toEqual(["a", "b"]);
  expect(walls[2]).toEqual({
    a: { session: session("a", 6), signals: { promptCount: { value: 2 } } },
    c: { session: session("c"), signals: null },
  });
  expect(server.connections[0]).toBe("/v1/live?assessmentId=x&ticket=ticket-1");
});
