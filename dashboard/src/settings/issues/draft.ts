import type { components } from "../../api/schema";
import { number } from "../../app/form";

export type Issue = components["schemas"]["Issue"];

export const DIFFICULTIES = ["easy", "medium", "hard"] as const;
export type Difficulty = (typeof DIFFICULTIES)[number];

/** An issue while it is written: texts, as they stand in their fields. */
export interface IssueDraft {
  issueTitle: string;
  language: string;
  difficulty: Difficulty;
  estimatedMinutes: string;
  /** Parted by commas. */
  skillTags: string;
  taskBrief: string;
  setupInstructions: string;
  repoUrl: string;
  repoSubdir: string;
  brokenSha: string;
  referenceSha: string;
  source: string;
  repoSlug: string;
  issueUrl: string;
  issueNumber: string;
  issueBody: string;
  status: Issue["status"];
}

export const NEW_ISSUE: IssueDraft = {
  issueTitle: "",
  language: "",
  difficulty: "medium",
  estimatedMinutes: "",
  skillTags: "",
  taskBrief: "",
  setupInstructions: "",
  repoUrl: "",
  repoSubdir: "",
  brokenSha: "",
  referenceSha: "",
  source: "",
  repoSlug: "",
  issueUrl: "",
  issueNumber: "",
  issueBody: "",
  status: "active",
};

const TEXTS = [
  "setupInstructions",
  "repoUrl",
  "repoSubdir",
  "brokenSha",
  "referenceSha",
  "source",
  "repoSlug",
  "issueUrl",
  "issueBody",
] as const;
const NUMBERS = ["estimatedMinutes", "issueNumber"] as const;

export function draftOf(issue: Issue): IssueDraft {
  const draft: IssueDraft = {
    ...NEW_ISSUE,
    issueTitle: issue.issueTitle,
    language: issue.language,
    difficulty: issue.difficulty,
    skillTags: issue.skillTags.join(", "),
    taskBrief: issue.taskBrief,
    status: issue.status,
  };
  for (const name of TEXTS) draft[name] = issue[name] ?? "";
  for (const name of NUMBERS) draft[name] = String(issue[name] ?? "");
  return draft;
}

/** The draft as the API takes it: what is empty is none. Numbers that are none go as they are, so that the server says so. */
export function bodyOf(draft: IssueDraft): Record<string, unknown> {
  const { issueTitle, language, difficulty, taskBrief, status } = draft;
  const body: Record<string, unknown> = { issueTitle, language, difficulty, taskBrief, status };
  body["skillTags"] = tagsOf(draft.skillTags);
  for (const name of TEXTS) body[name] = draft[name].trim() === "" ? null : draft[name];
  for (const name of NUMBERS) body[name] = draft[name].trim() === "" ? null : number(draft[name]);
  return body;
}

/** Each tag once, in the order in which they stand. */
export function tagsOf(text: string): string[] {
  return [...new Set(text.split(/[,;\n]/).map((tag) => tag.trim()))].filter((tag) => tag !== "");
}
