/** The kinds of event by what a reviewer looks for. Clients gain new kinds; those are `other` and shown all the same. */

export const GROUPS = ["prompt", "answer", "change", "command", "test", "decision", "tool", "editor", "session", "other"] as const;
export type Group = (typeof GROUPS)[number];

export const GROUP_NAMES: Record<Group, string> = {
  prompt: "Prompts",
  answer: "Answers",
  change: "Changes",
  command: "Commands",
  test: "Tests",
  decision: "Decisions and plans",
  tool: "Tools",
  editor: "Editor",
  session: "Session",
  other: "Other",
};

const BY_KIND: Record<string, Group> = {
  prompt: "prompt",
  interrupt: "prompt",
  ai_response: "answer",
  file_diff: "change",
  file_create: "change",
  file_delete: "change",
  command: "command",
  build_run: "command",
  git_action: "command",
  test_run: "test",
  decision_event: "decision",
  planning: "decision",
  plan_decision: "decision",
  tool_use: "tool",
  tool_result: "tool",
  tool_call: "tool",
  tool_intent: "tool",
  mcp_call: "tool",
  file_read: "tool",
  file_search: "tool",
  dir_list: "tool",
  web_lookup: "tool",
  planning_read: "tool",
  task_dispatch: "tool",
  subagent_start: "tool",
  subagent_stop: "tool",
  subagent_usage: "tool",
  context_compact: "tool",
  editor_focus: "editor",
  editor_edit: "editor",
  editor_idle: "editor",
  session_start: "session",
  session_end: "session",
  checkpoint: "session",
};

/** The group of a kind. A command that runs tests is a test: clients report tests as commands only. */
export function groupOf(kind: string, isTestCommand: boolean): Group {
  if (kind === "command" && isTestCommand) return "test";
  return Object.hasOwn(BY_KIND, kind) ? BY_KIND[kind]! : "other";
}

export function isChange(kind: string): boolean {
  return kind === "file_diff" || kind === "file_create" || kind === "file_delete";
}

/** `tool_use` as people write it: `Tool use`. */
export function kindName(kind: string): string {
  const words = kind.replaceAll("_", " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
