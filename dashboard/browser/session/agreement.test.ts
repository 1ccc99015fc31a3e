/** What the page works out of the events itself is what the server says of them: signals, and whose the lines of files are.
 * Needs no browser. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ApiClient } from "../../src/api/client";
import type { components } from "../../src/api/schema";
import type { SignalsReply, Timeline } from "../../src/api/types";
import { EventStore, NOW } from "../../src/session/model/event-store";
import { valuesAt } from "../../src/session/model/history";
import { Workspace } from "../../src/session/model/workspace";
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
  "npm test",
  "ls -la",
  "cd app && uv run pytest -q",
  "cargo clippy -- -D warnings",
  "echo pytest",
  "make lint build",
  "bash -lc 'npm run build'",
  'git commit -m "fix && pytest"',
  "npx jest@29 --coverage",
  "sudo -Hu postgres pytest",
  "cat <<EOF\npytest\nEOF\n",
  "ls # && pytest",
  "./gradlew :app:test",
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
      () => [
        "command",
        { command: one(LINES), exitCode: maybe(one([0, 0, 1, 2, null])), stdout: one(["", "1 failed, 2 passed in 0.1s"]) },
      ],
      () => [
        "file_diff",
        {
          path: one(["a", "b", "", "c/d"]),
          linesAdded: maybe(Math.floor(next() * 40)),
          linesRemoved: maybe(Math.floor(next() * 9)),
        },
      ],
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

/** Lines of a file put in the place of others, as a diff with up to two lines around it. */
function diffOf(lines: string[], at: number, removed: number, added: string[]): string {
  const [before, after] = [lines.slice(Math.max(0, at - 2), at), lines.slice(at + removed, at + removed + 2)];
  const start = at - before.length;
  const counts = [before.length + removed + after.length, before.length + added.length + after.length];
  const header = `@@ -${counts[0] === 0 ? start : start + 1},${counts[0]} +${counts[1] === 0 ? start : start + 1},${counts[1]} @@`;
  const body = [
    ...before.map((line) => ` ${line}`),
    ...lines.slice(at, at + removed).map((line) => `-${line}`),
    ...added.map((line) => `+${line}`),
    ...after.map((line) => ` ${line}`),
  ];
  return `${[header, ...body].join("\n")}\n`;
}

test("whose the lines are that a session leaves behind is what the server's record says", async () => {
  const assessment = await newAssessment(reviewer);
  let [lines, unplaced] = [0, 0];
  for (const seed of [11, 12, 13, 14, 15, 16]) {
    const next = random(seed);
    const below = (n: number) => Math.floor(next() * n);
    const candidate = await Candidate.begins(server.url, reviewer, assessment, `Seed ${seed}`);
    const files = new Map<string, string[]>(["a", "b", "c"].map((path) => [path, []]));
    const events = Array.from({ length: 80 }, (_, n) => {
      const path = ["a", "b", "c"][below(3)]!;
      const before = files.get(path)!;
      const base = { attribution: ATTRIBUTIONS[below(6)]!, actor: ACTORS[below(4)]!, ago: (80 - n) * 1000 };
      const added = Array.from({ length: below(4) }, (_, index) => `${n}.${index} ${below(3)}`);
      const what = below(20);
      if (what === 0) {
        files.set(path, []);
        return { ...base, kind: "file_delete", data: { path } };
      }
      if (what <= 2) {
        files.set(path, [...before, ...added]);
        return {
          ...base,
          kind: "file_diff",
          data: { path, content: [...before, ...added].map((line) => `${line}\n`).join("") },
        };
      }
      // One that does not fit, and one that was cut.
      if (what === 3) return { ...base, kind: "file_diff", data: { path, diff: "@@ -1,1 +1,1 @@\n-nothing like it\n+x\n" } };
      if (what === 4 && below(3) === 0) return { ...base, kind: "file_diff", data: { path, diff: "@@ -1,9 +1,9 @@\n a\n" } };
      const at = below(before.length + 1);
      const removed = Math.min(below(3), before.length - at);
      const diff =
        before.length === 0
          ? `@@ -0,0 +1,${added.length} @@\n${added.map((line) => `+${line}\n`).join("")}`
          : diffOf(before, at, removed, added);
      files.set(path, before.toSpliced(at, removed, ...added));
      return { ...base, kind: "file_diff", data: { path, diff } };
    });
    await candidate.sends(...events);
    const route = `/v1/sessions/${candidate.sessionId}`;
    const record = await reviewer.get<components["schemas"]["AgentTrace"]>(`${route}/export`, { format: "agent-trace" });
    const said = new Map<string, string>();
    for (const file of record.files) {
      for (const { contributor, ranges } of file.conversations) {
        for (const range of ranges)
          for (let line = range.start_line; line <= range.end_line; line += 1)
            said.set(`${file.path}:${line}`, contributor.type);
      }
    }
    const store = new EventStore();
    store.add((await reviewer.get<Timeline>(`${route}/timeline`, { limit: 2000 })).events);
    const found = new Map<string, string>();
    const lost: string[] = [];
    for (const { path, file, lost: why } of new Workspace(store).at(NOW).values()) {
      if (why) lost.push(path);
      file?.lines.forEach(({ hand }, index) => hand !== null && found.set(`${path}:${index + 1}`, hand));
    }
    expect([...found].sort(), `seed ${seed}`).toEqual([...said].sort());
    expect(lost.sort(), `seed ${seed}`).toEqual(record.metadata["dev.promptster"].unplaced);
    lines += said.size;
    unplaced += lost.length;
  }
  // Both happened, or nothing was compared.
  expect(Math.min(lines, unplaced)).toBeGreaterThan(2);
});
