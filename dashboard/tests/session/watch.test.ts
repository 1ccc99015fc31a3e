import type { IncomingMessage, ServerResponse } from "node:http";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Event, Session, Signals } from "../../src/api/types";
import { Backoff } from "../../src/live/backoff";
import type { FeedState } from "../../src/live/session-feed";
import type { HistoryState } from "../../src/session/backfill";
import type { EventStore } from "../../src/session/model/event-store";
import { SessionWatch } from "../../src/session/watch";
import { Scripted } from "../scripted";
import { event, START } from "./events";

let server: Scripted;
let open: SessionWatch[] = [];
/** What history holds; a live event is in it as well. */
let history: Event[] = [];
let status: Session["status"] = "active";
/** Answers instead of the timeline, as long as it says so. */
let refuses: (reply: ServerResponse) => boolean = () => false;
let asked: string[] = [];

beforeEach(async () => {
  server = await Scripted.start();
  server.onRequest = (request, reply) => answer(request, reply);
  [history, status, asked] = [[], "active", []];
  refuses = () => false;
});
afterEach(async () => {
  for (const watch of open) watch.close();
  open = [];
  await server.stop();
});

const session = (): Session =>
  ({ id: "s", status, startedAt: new Date(START).toISOString(), lastActivityAt: history.at(-1)?.ts ?? null, eventCount: history.length }) as Session;

function json(reply: ServerResponse, code: number, body: unknown): true {
  reply.writeHead(code, { "content-type": "application/json" }).end(JSON.stringify(body));
  return true;
}

function answer({ url = "" }: IncomingMessage, reply: ServerResponse): boolean {
  const { pathname, searchParams } = new URL(url, "http://x");
  if (pathname === "/v1/sessions/s") return json(reply, 200, { session: session(), eventCount: history.length, status });
  if (pathname === "/v1/sessions/s/signals") return json(reply, 200, { sessionId: "s", final: false, atSeq: history.length, signals: {} as Signals, windows: {} });
  if (pathname !== "/v1/sessions/s/timeline") return false;
  asked.push(searchParams.toString());
  if (refuses(reply)) return true;
  const limit = Number(searchParams.get("limit"));
  const from = searchParams.get("from") ?? "";
  const byTime = history.toSorted((one, other) => one.ts.localeCompare(other.ts) || one.seq - other.seq).filter(({ ts }) => ts >= from);
  const start = byTime.findIndex(({ id }) => id === searchParams.get("after")) + 1;
  return json(reply, 200, { events: byTime.slice(start, start + limit), hasMore: byTime.length > start + limit });
}

function watch() {
  const feeds: FeedState[] = [];
  const histories: HistoryState[] = [];
  const holder: { store: EventStore | null } = { store: null };
  const found = new SessionWatch({
    ...server.link,
    sessionId: "s",
    backoff: () => new Backoff(20, 100),
    onEvents: () => {},
    onSession: () => {},
    onSignals: () => {},
    onWatchers: () => {},
    onFeed: (state) => feeds.push(state),
    onHistory: (state) => histories.push(state),
    onStartOver: (store) => (holder.store = store),
  });
  open.push(found);
  const hasAll = (count: number) =>
    vi.waitFor(() => expect([found.store.size, found.store.contiguous]).toEqual([count, count]), 5000);
  return { found, feeds, histories, hasAll };
}

const past = (count: number) => Array.from({ length: count }, (_, n) => event({ seq: n + 1, s: (n * 37) % count }));

test("history comes in pages while the feed already brings what is new", async () => {
  history = past(5000);
  server.talks = [
    async (peer) => {
      expect(await peer.hears()).toEqual({ type: "resume", after: 5000 });
      peer.say({ type: "live", lastSeq: 5000 });
      peer.say({ type: "event", event: event({ seq: 5001, s: 9000 }) });
    },
  ];
  const { histories, hasAll } = watch();
  await hasAll(5001);
  await vi.waitFor(() => expect(histories.at(-1)).toEqual({ is: "whole" }));
  const [screen, more, first] = asked;
  expect(screen, "its end first: the session runs").toContain("from=");
  expect(screen! > more!, "a screen of it, then what is scrolled back to").toBe(true);
  expect(first).toBe("limit=200");
});

test("an ended session is read from its beginning, and an empty one not at all", async () => {
  [history, status] = [past(300), "ended"];
  server.talks = [async (peer) => void (await peer.hears())];
  const ended = watch();
  await ended.hasAll(300);
  expect(asked[0]).toBe("limit=200");
  history = [];
  const empty = watch();
  await vi.waitFor(() => expect(empty.histories).toEqual([{ is: "whole" }]));
});

test("history that cannot be read is tried again, goes on where it was, and live goes on meanwhile", async () => {
  history = past(3000);
  let failures = 2;
  refuses = (reply) => asked.length > 3 && failures-- > 0 && json(reply, 503, { error: "The history cannot be read.", code: "unavailable" });
  server.talks = [
    async (peer) => {
      await peer.hears();
      peer.say({ type: "live", lastSeq: 3000 });
      peer.say({ type: "event", event: event({ seq: 3001, s: 9000 }) });
    },
  ];
  const { histories, hasAll } = watch();
  await hasAll(3001);
  const waits = histories.filter((state) => state.is === "waiting");
  expect(waits.map((state) => state.is === "waiting" && state.why)).toEqual(["The history cannot be read.", "The history cannot be read."]);
  expect(asked.filter((query) => query === "limit=200"), "it does not begin anew").toHaveLength(1);
});

test("a session that is not there, or may not be read, is said to be so", async () => {
  for (const [code, why] of [[404, "not-found"], [410, "deleted"], [401, "signed-out"], [403, "not-allowed"]] as const) {
    server.onRequest = (_, reply) => json(reply, code, { error: "No.", code: "no" });
    const { feeds } = watch();
    await vi.waitFor(() => expect(feeds.at(-1)).toEqual({ is: "ended", why }));
  }
});

test("a server that is away at first is asked again", async () => {
  history = past(10);
  let failures = 2;
  server.onRequest = (request, reply) => (failures-- > 0 ? json(reply, 503, { error: "Not ready.", code: "unavailable" }) : answer(request, reply));
  server.talks = [async (peer) => void (await peer.hears())];
  const { feeds, hasAll } = watch();
  await hasAll(10);
  expect(feeds.some((state) => state.is === "reconnecting" && state.why === "Not ready.")).toBe(true);
});

test("a server that was restored from an older state has everything shown anew", async () => {
  history = past(50);
  server.talks = [
    async (peer) => {
      await peer.hears();
      peer.say({ type: "reset", reason: "unknown_position" });
      expect(await peer.hears()).toEqual({ type: "resume", after: 0 });
      for (const one of past(30)) peer.say({ type: "event", event: one });
      peer.say({ type: "live", lastSeq: 30 });
    },
  ];
  const { hasAll } = watch();
  await hasAll(30);
});

test("pages are smaller where events hold much", async () => {
  const file = "x".repeat(20_000);
  history = Array.from({ length: 1500 }, (_, n) => event({ seq: n + 1, kind: "command", data: { command: "cat", stdout: n < 600 ? file : "" } }));
  status = "ended";
  server.talks = [async (peer) => void (await peer.hears())];
  const { hasAll } = watch();
  await hasAll(1500);
  const limits = asked.map((query) => Number(new URLSearchParams(query).get("limit")));
  expect(limits).toEqual([200, 399, 399, 2000]);
});
