import type { Event } from "../api/types";
import { number, text, type Data } from "../session/model/data";
import { classify } from "../session/model/verification";

/** What happens in a session, as the strips draw it: from the bottom of a bar to its top. */
export const GROUPS = ["prompt", "answer", "change", "command", "test", "fail", "decision", "other"] as const;
export type Group = (typeof GROUPS)[number];

export const GROUP_NAMES: Record<Group, string> = {
  prompt: "Prompts",
  answer: "Answers",
  change: "Changes",
  command: "Commands",
  test: "Checks",
  fail: "Failures",
  decision: "Decisions",
  other: "Other",
};

/** What the last event says somebody is doing: a phrase of ours, and words of theirs. */
export interface Activity {
  group: Group;
  phrase: string;
  /** What a candidate or a program of theirs wrote; empty where nothing is to be shown. */
  words: string;
  /** More of ours, behind the words. */
  more: string;
}

const BY_KIND: Record<string, Group> = {
  prompt: "prompt",
  ai_response: "answer",
  file_diff: "change",
  file_create: "change",
  file_delete: "change",
  git_action: "command",
  decision_event: "decision",
  planning: "decision",
  plan_decision: "decision",
};

export function groupOf({ kind, data }: Pick<Event, "kind" | "data">): Group {
  if (kind === "command" || kind === "build_run") {
    if (failed(data)) return "fail";
    return kind === "build_run" || isCheck(data) ? "test" : "command";
  }
  if (kind === "test_run") return (number(data, "failed") ?? 0) > 0 || failed(data) ? "fail" : "test";
  return Object.hasOwn(BY_KIND, kind) ? BY_KIND[kind]! : "other";
}

export function activityOf(event: Pick<Event, "kind" | "data">): Activity {
  const { kind, data } = event;
  const group = groupOf(event);
  const is = (phrase: string, words = "", more = ""): Activity => ({ group, phrase, words: short(words), more });
  const path = () => text(data, "path", "filePath") ?? "";
  switch (kind) {
    case "prompt":
      return is("Asked", text(data, "text", "prompt") ?? "");
    case "ai_response":
      return is("Got an answer", text(data, "lastAssistantMessage", "text", "content") ?? "");
    case "file_diff":
      return is("Changed", path(), lines(data));
    case "file_create":
      return is("Created", path(), lines(data));
    case "file_delete":
      return is("Deleted", path());
    case "command":
      return is(isCheck(data) ? "Checked with" : "Ran", text(data, "command") ?? "", outcome(data));
    case "build_run":
      return is("Built", text(data, "command") ?? "", outcome(data));
    case "test_run":
      return is("Ran tests", text(data, "suite", "command") ?? "", tests(data));
    case "decision_event":
      return is("Decided", text(data, "title", "chosenOption") ?? "");
    case "session_start":
      return is("Started");
    case "session_end":
      return is("Handed in");
    case "tool_use":
    case "tool_result":
    case "tool_call":
    case "mcp_call":
      return is("The AI used", text(data, "tool", "toolName", "name") ?? "a tool");
    case "file_read":
      return is("The AI read", path());
    default: {
      const name = kind.replaceAll("_", " ").trim();
      return is(name.charAt(0).toUpperCase() + name.slice(1));
    }
  }
}

function failed(data: Data): boolean {
  const exit = number(data, "exitCode");
  return exit !== null && exit !== 0;
}

function isCheck(data: Data): boolean {
  return classify(text(data, "command") ?? "") !== null;
}

function outcome(data: Data): string {
  const exit = number(data, "exitCode");
  if (exit === null) return "";
  return exit === 0 ? "succeeded" : `failed (${exit})`;
}

function tests(data: Data): string {
  const parts = [
    [number(data, "passed"), "passed"],
    [number(data, "failed"), "failed"],
  ] as const;
  return parts.flatMap(([n, word]) => (n ? [`${n} ${word}`] : [])).join(", ");
}

function lines(data: Data): string {
  const [added, removed] = [number(data, "linesAdded"), number(data, "linesRemoved")];
  const parts = [added ? `+${added}` : "", removed ? `−${removed}` : ""];
  return parts.filter(Boolean).join(" ");
}

/** The first line that says something, and no more than fits. */
function short(words: string): string {
  const line = words.slice(0, 2000).split("\n").find((line) => line.trim() !== "") ?? "";
  return line.length > 160 ? `${line.slice(0, 160)}…` : line;
}
