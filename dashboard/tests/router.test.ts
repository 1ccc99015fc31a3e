import { expect, test } from "vitest";
import { comparison, match, safeNext } from "../src/app/router";
import { selectionOf } from "../src/compare/selection";
import { ago, span } from "../src/app/time";

test("each path has its page, and no other has one", () => {
  expect(match("/")).toEqual({ page: "wall" });
  expect(match("/?assessment=1")).toEqual({ page: "wall" });
  expect(match("/sessions/a%3Ab")).toEqual({ page: "session", sessionId: "a:b" });
  expect(match("/sessions/%ff")).toEqual({ page: "session", sessionId: "%ff" });
  expect(match("/compare?sessions=a,b")).toEqual({ page: "compare" });
  expect(match("/assessments")).toEqual({ page: "assessments" });
  expect(match("/assessments/1")).toEqual({ page: "assessment", assessmentId: "1" });
  expect(match("/settings")).toEqual({ page: "settings", part: "access" });
  expect(match("/settings/rubrics")).toEqual({ page: "settings", part: "rubrics" });
  for (const path of ["/sessions", "/sessions/a/b", "/v1/org", "/settings/x", "/settings/access", "/docs"]) expect(match(path)).toEqual({ page: "unknown" });
});

test("the comparison that is linked to is the one that is shown", () => {
  expect(selectionOf(comparison(["a:1", "b.2"]).split("?")[1]!)).toEqual(["a:1", "b.2"]);
});

test("signing in leads to a page of the dashboard only", () => {
  expect(safeNext("/sessions/a?at=3")).toBe("/sessions/a?at=3");
  for (const odd of [null, "", "https://evil.example", "//evil.example", "/\\evil.example", "/v1/org", "/sign-in", "javascript:1"]) {
    expect(safeNext(odd)).toBe("/");
  }
});

test("times are said as people say them", () => {
  expect([0, 59_000, 60_000, 3_600_000, 3_900_000, 90_000_000, 8 * 86_400_000].map(span)).toEqual([
    "0 s",
    "59 s",
    "1 min",
    "1 h",
    "1 h 5 min",
    "1 d 1 h",
    "8 d",
  ]);
  expect([ago(1000, 2000), ago(0, 12_000), ago(5000, 0)]).toEqual(["just now", "12 s ago", "just now"]);
});
