import { readFile } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { generated } from "../scripts/generated.mjs";
import type { ApiClient } from "../src/api/client";
import { Backoff } from "../src/live/backoff";
import { SessionFeed, type FeedState } from "../src/live/session-feed";
import { WallFeed, type Tile } from "../src/live/wall-feed";
import { SCORED } from "../src/settings/rubrics/signals";
import { Candidate } from "./candidate";
import { Server } from "./server";

let server: Server;
let reviewer: ApiClient;
let open: { close(): void }[] = [];

beforeAll(async () => {
  server = await Server.start();
  reviewer = await server.reviewer();
});
afterEach(() => {
  for (const feed of open) feed.close();
  open = [];
});
afterAll(() => server?.remove());

function watch(sessionId: string) {
  const seen: number[] = [];
  const states: FeedState[] = [];
  const feed = new SessionFeed({
    ...server.link(reviewer),
    sessionId,
    backoff: new Backoff(50, 500),
    onEvents: (events) => seen.push(...events.map(({ seq }) => seq)),
    onState: (state) => states.push(state),
  });
  open.push(feed);
  const hasAll = (count: number) =>
    vi.waitFor(() => expect(seen).toEqual(Array.from({ length: count }, (_, i) => i + 1)), 20_000);
  return { states, hasAll };
}

test("the types are those of the server's description", async () => {
  const document = await reviewer.get<Record<string, unknown>>("/v1/openapi.json");
  const written = await readFile(new URL("../src/api/schema.d.ts", import.meta.url), "utf8");
  expect(await generated(document), "`npm run types` writes them again").toBe(written);
});

test("the signals that a rubric may name are those that the API takes", async () => {
  type Body = { requestBody: { content: { "application/json": { schema: { properties: Record<string, any> } } } } };
  const document = await reviewer.get<{ paths: Record<string, { post: Body }> }>("/v1/openapi.json");
  const { criteria } = document.paths["/v1/rubrics"]!.post.requestBody.content["application/json"].schema.properties;
  const taken: (string | null)[] = criteria.items.properties.signal.enum;
  expect(taken.filter((name) => name !== null).sort()).toEqual([...SCORED].sort());
});

test("a restart of the server in between leaves neither gap nor repeat", async () => {
  const candidate = await Candidate.begins(server, reviewer);
  await candidate.sends(40);
  const { states, hasAll } = watch(candidate.sessionId);
  await hasAll(40);
  await candidate.sends(10);
  await hasAll(50);
  await server.down();
  await vi.waitFor(() => expect(states.at(-1)?.is).not.toBe("live"));
  await server.up();
  await candidate.sends(25);
  await hasAll(75);
  await vi.waitFor(() => expect(states.at(-1)?.is).toBe("live"), 20_000);
  expect(states.filter((state) => state.is === "reconnecting").length).toBeGreaterThan(0);
});

test("a session that is longer than the socket replays is read whole, and goes on live", async () => {
  const candidate = await Candidate.begins(server, reviewer);
  await candidate.sends(12_000);
  const { states, hasAll } = watch(candidate.sessionId);
  await hasAll(12_000);
  await vi.waitFor(() => expect(states.at(-1)?.is).toBe("live"), 20_000);
  await candidate.sends(1);
  await hasAll(12_001);
});

test("a session that is deleted while somebody watches is gone, and so is one that never was", async () => {
  const candidate = await Candidate.begins(server, reviewer);
  await candidate.sends(1);
  const { states, hasAll } = watch(candidate.sessionId);
  await hasAll(1);
  await reviewer.delete(`/v1/sessions/${candidate.sessionId}`);
  await vi.waitFor(() => expect(states.at(-1)).toEqual({ is: "ended", why: "deleted" }), 20_000);
  const never = watch("never-was");
  await vi.waitFor(() => expect(never.states.at(-1)).toEqual({ is: "ended", why: "not-found" }), 20_000);
});

test("the wall shows a session that starts and how it goes on", async () => {
  let tiles: ReadonlyMap<string, Tile> = new Map();
  open.push(new WallFeed({ ...server.link(reviewer), onTiles: (now) => (tiles = now) }));
  const candidate = await Candidate.begins(server, reviewer);
  await candidate.sends(3);
  await vi.waitFor(() => expect(tiles.get(candidate.sessionId)?.signals?.promptCount.value).toBe(3), 20_000);
  expect(tiles.get(candidate.sessionId)?.session.status).toBe("active");
});
