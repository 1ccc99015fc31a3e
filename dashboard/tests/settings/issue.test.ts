import { expect, test } from "vitest";
import { bodyOf, draftOf, NEW_ISSUE, tagsOf, type Issue } from "../../src/settings/issues/draft";

const ISSUE: Issue = {
  id: "0190a0a0-0000-7000-8000-000000000001",
  source: null,
  repoUrl: "https://github.com/acme/parser",
  repoSlug: null,
  repoSubdir: null,
  issueNumber: 17,
  issueTitle: "Quotes",
  issueUrl: null,
  issueBody: null,
  language: "Python",
  difficulty: "hard",
  skillTags: ["parsing", "strings"],
  estimatedMinutes: null,
  brokenSha: "3f9a1bc",
  referenceSha: null,
  taskBrief: "  # Quotes\n",
  setupInstructions: null,
  isCustom: true,
  status: "archived",
  createdAt: "2026-11-27T00:00:00Z",
  updatedAt: "2026-11-27T00:00:00Z",
};

test("an issue that nobody changed is sent as it is", () => {
  const { id: _id, isCustom: _own, createdAt: _made, updatedAt: _changed, ...terms } = ISSUE;
  expect(bodyOf(draftOf(ISSUE))).toEqual(terms);
});

test("what is left empty is none, and what is no number is the server's to refuse", () => {
  const body = bodyOf({ ...NEW_ISSUE, issueTitle: "Quotes", repoUrl: " ", estimatedMinutes: "an hour", issueNumber: "" });
  expect(body).toMatchObject({ issueTitle: "Quotes", language: "", repoUrl: null, estimatedMinutes: "an hour", issueNumber: null, skillTags: [] });
});

test("tags are parted by commas, and are there once", () => {
  expect(tagsOf(" parsing, time,,\nparsing; a b ")).toEqual(["parsing", "time", "a b"]);
});
