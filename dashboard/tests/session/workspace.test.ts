import { expect, test } from "vitest";
import { hunksOf } from "../../src/session/model/diff";
import { EventStore, NOW } from "../../src/session/model/event-store";
import { shares, Workspace } from "../../src/session/model/workspace";
import type { Event } from "../../src/api/types";
import { event, START } from "./events";

type Step = [hand: "ai" | "human" | "mixed", data: Record<string, unknown>, kind?: string, integration?: string];

const ATTRIBUTION = { ai: "likely_ai", human: "likely_human", mixed: "ai_revised_by_human" } as const;

function events(steps: Step[]): Event[] {
  return steps.map(([hand, data, kind = "file_diff", integration = "claude-code"], index) =>
    event({ seq: index + 1, kind, data: { path: "a", ...data }, attribution: ATTRIBUTION[hand], integration }),
  );
}

function files(steps: Step[]) {
  const store = new EventStore();
  store.add(events(steps));
  return new Workspace(store).at(NOW);
}

/** The lines of a file as `hand text`. */
function lines(steps: Step[], path = "a") {
  const { file, lost } = files(steps).get(path)!;
  return file ? file.lines.map(({ hand, text }) => `${hand ?? "-"} ${text ?? "?"}`) : lost;
}

const create = (content: string): Step => ["ai", { content }, "file_create"];

test("a line is whose it is that wrote it, and moves with what is put before it", () => {
  const steps: Step[] = [
    ["ai", { diff: "@@ -3,2 +3,4 @@\n x\n+b\n+c\n y\n" }],
    ["human", { diff: "@@ -1,0 +2,1 @@\n+1\n" }],
    ["mixed", { diff: "@@ -5 +5,2 @@\n-b\n+B\n+BB\n" }],
  ];
  expect(lines(steps)).toEqual(["- ?", "human 1", "- ?", "- x", "mixed B", "mixed BB", "ai c", "- y"]);
  expect(shares(files(steps).get("a")!.file!.lines)).toEqual({ ai: 1, human: 1, mixed: 2, unknown: 0 });
});

test("a whole file that comes again keeps whose its other lines were", () => {
  expect(lines([create("1\n2\n3\n4\n"), ["human", { content: "1\n2\nnew\n4\n" }]])).toEqual(["ai 1", "ai 2", "human new", "ai 4"]);
  expect(lines([["ai", { linesAdded: 2 }, "file_create"]])).toEqual(["ai ?", "ai ?"]);
  expect(lines([["ai", { content: "é\n", contentLength: 3 }]]), "counted in bytes").toEqual(["ai é"]);
});

test("what two tools report counts once; the same line twice is two", () => {
  const diff = "@@ -1,2 +1,3 @@\n a\n+b\n c\n";
  expect(lines([["ai", { diff }], ["human", { diff }]])).toEqual(["- a", "ai b", "- c"]);
  expect(lines([create("a\nb\nc\n"), ["human", { diff: "@@ -1,3 +1,4 @@\n a\n b\n c\n+c\n" }]])).toHaveLength(4);
});

test("an edit without a position is placed where its lines stand, or not at all", () => {
  const edit: Step = ["human", { diff: "@@ -1 +1,2 @@\n-3\n+x\n+y\n" }, "file_diff", "cursor"];
  expect(lines([create("1\n2\n3\n"), edit])).toEqual(["ai 1", "ai 2", "human x", "human y"]);
  expect(lines([create("1\n3\n3\n"), edit])).toBe("does-not-fit");
  expect(lines([edit])).toBe("does-not-fit");
  const exchange: Step = ["human", { oldString: "2\n", newString: "two\n" }];
  expect(lines([create("1\n2\n3\n"), exchange])).toEqual(["ai 1", "human two", "ai 3"]);
  expect(lines([create("2\n2\n"), exchange])).toBe("does-not-fit");
  expect(lines([create("12\n"), ["human", { oldString: "2", newString: "3" }]]), "within a line").toBe("no-diff");
});

test("what does not fit is said and not guessed, until the file is known again", () => {
  for (const [bad, why] of [
    [{ diff: "@@ -2 +2 @@\n-nothing like it\n+x\n" }, "does-not-fit"],
    [{ diff: "@@ -1,9 +1,9 @@\n a\n-b\n" }, "cut"],
    [{ diff: "no diff" }, "cut"],
    [{ linesAdded: 3 }, "no-diff"],
    [{ content: "1\n", contentLength: 9 }, "cut"],
  ] as const) {
    const steps: Step[] = [create("a\nb\n"), ["ai", bad], ["human", { diff: "@@ -1 +1 @@\n-a\n+A\n" }]];
    expect(lines(steps), JSON.stringify(bad)).toBe(why);
    expect(lines([...steps, create("z\n")])).toEqual(["ai z"]);
  }
});

test("files are deleted, moved and come back", () => {
  for (const gone of [["human", {}, "file_delete"], ["ai", { changeType: "delete" }]] as Step[]) {
    expect(files([create("1\n"), gone]).get("a")).toMatchObject({ isDeleted: true, file: null, lost: null });
    expect(lines([create("1\n"), gone, ["human", { diff: "@@ -0,0 +1 @@\n+2\n" }]])).toEqual(["human 2"]);
  }
  const moved = files([create("1\n2\n"), ["human", { movePath: "b", diff: "@@ -1 +1 @@\n-1\n+x\n" }]]);
  expect(moved.get("a")!.isDeleted).toBe(true);
  expect(moved.get("b")!.file!.lines.map(({ text }) => text)).toEqual(["x", "2"]);
  expect(files([["ai", { path: "" }]]).size).toBe(0);
});

test("any moment is the same whichever way one comes to it, also when something comes late", () => {
  const steps = Array.from({ length: 300 }, (_, n): Step =>
    n === 0 ? create("0\n") : [n % 2 ? "human" : "ai", { path: n % 7 ? "a" : `f${n % 3}`, diff: `@@ -${n % 7 ? 1 : 0},0 +1 @@\n+${n}\n`.replace("-1,0 +1", "-0,0 +1") }],
  );
  const all = events(steps);
  const plainly = (upTo: number) => {
    const store = new EventStore();
    store.add(all.slice(0, upTo));
    return [...new Workspace(store).at(NOW).values()];
  };
  const store = new EventStore();
  const workspace = new Workspace(store);
  const late = all.filter((_, index) => index % 50 === 20);
  workspace.changedFrom(store.add(all.filter((one) => !late.includes(one))));
  workspace.at(NOW);
  for (const one of late) {
    workspace.changedFrom(store.add([one]));
    workspace.at({ at: START + 150_000, seq: Infinity });
  }
  for (const upTo of [300, 1, 64, 65, 128, 200, 10, 299, 63, 0]) {
    expect([...workspace.at({ at: START + upTo * 1000, seq: Infinity }).values()], `${upTo}`).toEqual(plainly(upTo));
  }
});

test("diffs are read strictly", () => {
  expect(hunksOf("--- a\n+++ b\n@@ -2,3 +2,3 @@ fn x()\n a\n--- b\n+++ c\n \n\\ No newline\n@@ -9 +8,0 @@\n-z\n")).toMatchObject([
    { at: 1, heading: "fn x()", lines: [{ mark: " " }, { mark: "-", text: "-- b" }, { mark: "+", text: "++ c" }, { mark: " ", text: "" }] },
    { at: 8, lines: [{ mark: "-", text: "z" }] },
  ]);
  const two = "--- a\n+++ b\n@@ -1 +1 @@\n-a\n+b\n--- c\n+++ d\n@@ -1 +1 @@\n-a\n+b\n";
  for (const bad of ["", "no diff", "@@ -1,2 +1,2 @@\n a\n", "@@ -1 +1 @@\nx\n", "@@ -1 +0 @@\n+a\n", "@@ -1 +1\n-a\n+b", "@@ -x +1 @@\n+a", two]) {
    expect(hunksOf(bad), bad).toBeNull();
  }
});
