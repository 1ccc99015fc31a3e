import { count, flag, member, number, text, type Data } from "./data";
import { hunksOf, type Hunk } from "./diff";
import type { Entry } from "./event-store";
import { kindName } from "./kinds";
import { countsIn, type TestCounts } from "./test-counts";
import { classify, type CommandClass } from "./verification";

/** What a row of the timeline says. All texts are what a client sent: shown as text only. */
export type Row =
  | { is: "prompt"; text: string; tokens: number | null; letters: number; isPaste: boolean; redirects: boolean }
  | { is: "answer"; text: string; tokensIn: number | null; tokensOut: number | null; tookMs: number | null }
  | {
      is: "change";
      verb: "changed" | "created" | "deleted" | "moved";
      path: string;
      to: string | null;
      added: number | null;
      removed: number | null;
      /** The text of the change, in the form that came. */
      body: { diff: string } | { content: string } | { old: string; fresh: string } | null;
    }
  | {
      is: "command";
      command: string;
      exit: number | null;
      tookMs: number | null;
      stdout: string;
      stderr: string;
      class: CommandClass | null;
      tests: TestCounts | null;
    }
  | { is: "test"; suite: string | null; tests: TestCounts | null; tookMs: number | null }
  | {
      is: "decision";
      title: string;
      chosen: string | null;
      rationale: string | null;
      tradeoffs: string | null;
      context: string | null;
      /** 1–5. */
      impact: number | null;
      words: string[];
    }
  | { is: "note"; title: string; text: string | null };

/** The row of an event, whatever its payload turns out to be. */
export function rowOf({ kind, data }: Entry): Row {
  switch (kind) {
    case "prompt":
      return prompt(data);
    case "ai_response":
      return {
        is: "answer",
        text: text(data, "lastAssistantMessage", "text", "content") ?? "",
        tokensIn: count(data, "inputTokens"),
        tokensOut: count(data, "outputTokens"),
        tookMs: number(data, "turnDurationMs", "durationMs"),
      };
    case "file_diff":
    case "file_create":
    case "file_delete":
      return change(kind, data);
    case "command":
      return command(data);
    case "test_run":
      return { is: "test", suite: text(data, "suite", "command"), tests: testsOf(data), tookMs: number(data, "durationMs") };
    case "decision_event":
      return decision(data);
    default:
      return { is: "note", title: noteTitle(kind, data), text: noteText(kind, data) };
  }
}

function prompt(data: Data): Row {
  const said = text(data, "text", "prompt") ?? "";
  return {
    is: "prompt",
    text: said,
    tokens: count(data, "tokenCount"),
    letters: count(data, "promptLengthChars") ?? said.length,
    isPaste: flag(data, "likelyPaste"),
    redirects: flag(data, "followsInterrupt"),
  };
}

function change(kind: string, data: Data): Row {
  const diff = text(data, "diff");
  const isDelete = kind === "file_delete" || text(data, "changeType") === "delete";
  const to = text(data, "movePath");
  const isNew = kind === "file_create" || text(data, "changeType") === "add";
  const [old, fresh] = [text(data, "oldString"), text(data, "newString")];
  const content = text(data, "content");
  const body = diff ? { diff } : content ? { content } : (old ?? fresh) ? { old: old ?? "", fresh: fresh ?? "" } : null;
  const counted = diff && count(data, "linesAdded") === null ? linesOf(hunksOf(diff)) : null;
  return {
    is: "change",
    verb: isDelete ? "deleted" : to ? "moved" : isNew ? "created" : "changed",
    path: text(data, "path") ?? "",
    to,
    added: count(data, "linesAdded") ?? counted?.added ?? null,
    removed: count(data, "linesRemoved") ?? counted?.removed ?? null,
    body,
  };
}

function linesOf(hunks: Hunk[] | null): { added: number; removed: number } | null {
  const lines = hunks?.flatMap((hunk) => hunk.lines);
  if (!lines) return null;
  const of = (wanted: string) => lines.filter(({ mark }) => mark === wanted).length;
  return { added: of("+"), removed: of("-") };
}

function command(data: Data): Row {
  const line = text(data, "command") ?? "";
  const runs = classify(line);
  const stdout = text(data, "stdout", "output") ?? "";
  return {
    is: "command",
    command: line,
    exit: number(data, "exitCode"),
    tookMs: number(data, "durationMs"),
    stdout,
    stderr: text(data, "stderr") ?? "",
    class: runs,
    tests: runs === "test" ? (countsIn(stdout) ?? countsIn(text(data, "stderr") ?? "")) : null,
  };
}

function testsOf(data: Data): TestCounts | null {
  const [passed, failed, skipped] = [count(data, "passed"), count(data, "failed"), count(data, "skipped")];
  if (passed === null && failed === null) return null;
  return { passed: passed ?? 0, failed: failed ?? 0, skipped: skipped ?? 0 };
}

/** The candidate's own tool gives every decision the same title; the words are in the rationale. */
function decision(data: Data): Row {
  const impact = number(data, "impactScore");
  return {
    is: "decision",
    title: text(data, "title") ?? "Decision",
    chosen: text(data, "chosenOption"),
    rationale: text(data, "rationale"),
    tradeoffs: text(data, "tradeoffs"),
    context: text(data, "context"),
    impact: impact !== null && impact >= 1 && impact <= 5 ? impact : null,
    words: ["category", "severity", "capturedVia"].flatMap((name) => text(data, name) ?? []),
  };
}

function noteTitle(kind: string, data: Data): string {
  const tool = text(data, "toolName", "tool");
  const sub = text(data, "subKind", "action", "variant", "label", "checkpoint");
  return [kindName(kind), tool ?? sub].filter((part) => part).join(": ");
}

/** The members that say most, by kind or in general. */
const TELLING = [
  "text", "message", "reason", "error", "path", "filePath", "pattern", "query", "url", "subject", "summary", "taskPreview",
  "taskDescription", "planPreview", "inputPreview", "argsPreview", "resultPreview", "toFile", "ref", "commit", "lastAction",
  "cwd", "model",
];

function noteText(kind: string, data: Data): string | null {
  if (kind === "planning" && Array.isArray(data["todos"])) {
    const todos = data["todos"].flatMap((todo: unknown) => {
      const item: Data = typeof todo === "object" && todo !== null ? (todo as Data) : {};
      const said = text(item, "content", "text", "subject", "title") ?? (typeof todo === "string" ? todo : null);
      return said ? [(text(item, "status") === "completed" ? "✓ " : "· ") + said] : [];
    });
    if (todos.length > 0) return todos.join("\n");
  }
  const found = TELLING.flatMap((name) => text(data, name) ?? []);
  if (found.length > 0) return found.slice(0, 2).join(" · ");
  const status = text(member(data, "editorCapture"), "status");
  return status ? `Editor capture: ${status}` : null;
}
