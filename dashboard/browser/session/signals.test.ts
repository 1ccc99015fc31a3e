/** What the page folds of its events itself, for the history plots, is what the server says of them. Needs no browser. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ApiClient } from "../../src/api/client";
import type { SignalsReply, Timeline } from "../../src/api/types";
import { EventStore, NOW } from "../../src/session/model/event-store";
import { valuesAt } from "../../src/session/model/history";
import { Server } from "../../stack/server";
import { Candidate, newAssessment } from "./candidate";

let server: Server;
let reviewer: ApiClient;

beforeAll(async () => {
  server = await Server.start();
  reviewer = await server.reviewer();
});
afterAll(() => server?.remove());

/** The same numbers from 0 to 1 for the same seed. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const LINES = [
  "npm test", "ls -la", "cd app && uv run pytest -q", "cargo clippy -- -D warnings", "echo pytest", "make lint build", "bash -lc 'npm run build'",
  "git commit -m \"fix && pytest\"", "npx jest@29 --coverage", "sudo -Hu postgres pytest", "cat <<EOF\npytest\nEOF\n", "ls # && pytest", "./gradlew :app:test",
];
const ATTRIBUTIONS = ["likely_ai", "ai_revised_by_human", "likely_human", "mixed", "system_generated", "unknown"];
const ACTORS = ["ai", "human", "system", "unknown"];

test("signals at the end are those of the server, to the last digit that it prints", async () => {
  const assessment = await newAssessment(reviewer);
  for (const seed of [1, 2, 3, 4]) {
    const next = random(seed);
    const one = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)]!;
    const maybe = <T>(value: T): T | undefined => (next() < 0.7 ? value : undefined);
    const kinds: (() => [string, Record<string, unknown>])[] = [
      () => ["prompt", { text: "x" }],
      () => ["command", { command: one(LINES), exitCode: maybe(one([0, 0, 1, 2, null])), stdout: one(["", "1 failed, 2 passed in 0.1s"]) }],
      () => ["file_diff", { path: one(["a", "b", "", "c/d"]), linesAdded: maybe(Math.floor(next() * 40)), linesRemoved: maybe(Math.floor(next() * 9)) }],
      () => ["file_create", { path: one(["e", "f"]), linesAdded: maybe(3) }],
      () => ["file_delete", { path: one(["a", "e"]) }],
      () => ["test_run", { passed: maybe(one([0, 3])), failed: maybe(one([0, 0, 1])) }],
      () => ["build_run", {}],
      () => ["decision_event", { title: "x" }],
      () => ["session_start", { cwd: "/x" }],
      () => ["tool_use", { toolName: "Read" }],
    ];
    const candidate = await Candidate.begins(server.url, reviewer, assessment, `Seed ${seed}`);
    const events = Array.from({ length: 250 }, () => {
      const [kind, data] = one(kinds)();
      return { kind, data, ago: Math.floor(next() * 3_600_000), attribution: one(ATTRIBUTIONS), actor: one(ACTORS) };
    });
    await candidate.sends(...events);
    const route = `/v1/sessions/${candidate.sessionId}`;
    const { signals } = await reviewer.get<SignalsReply>(`${route}/signals`);
    const store = new EventStore(false);
    store.add((await reviewer.get<Timeline>(`${route}/timeline`, { limit: 2000 })).events);
    const printed = Object.fromEntries(
      Object.entries(valuesAt(store, NOW)).map(([name, value]) => {
        if (name === "testsPassedAtEnd") return [name, value === null ? null : value === 1];
        return [name, value === null ? null : Number(value.toFixed(name === "aiAttributionPct" ? 2 : 4))];
      }),
    );
    const said = Object.fromEntries(Object.keys(printed).map((name) => [name, signals[name as keyof typeof signals].value]));
    expect(printed, `seed ${seed}`).toEqual(said);
  }
});
