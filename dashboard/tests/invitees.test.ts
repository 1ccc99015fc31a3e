import { expect, test } from "vitest";
import { csv } from "../src/assessments/csv";
import { batches, readInvitees } from "../src/assessments/invitees";

test("a pasted list is read as people write it", () => {
  const list = [
    "Name\tE-Mail",
    "Grey Plover <plover@example.org>",
    'Warbler, "Reed", warbler@example.org',
    "Sedge Wren\twren@example.org",
    "",
    "knot@example.org",
    "Willow Tit",
    "Plover again; PLOVER@example.org",
    "broken@nowhere",
  ].join("\r\n");
  const { people, odd, doubled } = readInvitees(list);
  expect(people).toEqual([
    { name: "Grey Plover", email: "plover@example.org" },
    { name: "Warbler Reed", email: "warbler@example.org" },
    { name: "Sedge Wren", email: "wren@example.org" },
    { name: null, email: "knot@example.org" },
    { name: "Willow Tit", email: null },
  ]);
  expect(odd).toEqual([{ line: 9, text: "broken@nowhere" }]);
  expect(doubled).toEqual(["PLOVER@example.org"]);
});

test("a name is not taken for the heading of a table", () => {
  expect(readInvitees("Name").people).toEqual([{ name: "Name", email: null }]);
});

test("a request names the same things of all its candidates, and has 50 at most", () => {
  const people = [
    ...Array.from({ length: 51 }, (_, i) => ({ name: `N${i}`, email: `n${i}@example.org` })),
    { name: null, email: "a@example.org" },
    { name: "B", email: null },
    { name: null, email: null },
  ];
  const made = batches(people);
  expect(made.map(({ count }) => count)).toEqual([50, 1, 1, 1, 1]);
  expect(made[1]).toEqual({ count: 1, candidateEmails: ["n50@example.org"], candidateNames: ["N50"] });
  expect(made[2]).toEqual({ count: 1, candidateEmails: ["a@example.org"] });
  expect(made[3]).toEqual({ count: 1, candidateNames: ["B"] });
  expect(made[4]).toEqual({ count: 1 });
});

test("a spreadsheet takes nothing for a formula", () => {
  expect(csv([["=HYPERLINK(1)", 'a"b', null, 3, "x,y"], ["+1", "-1", "@a", "\tb", "ok"]])).toBe(
    `'=HYPERLINK(1),"a""b",,3,"x,y"\r\n'+1,'-1,'@a,'\tb,ok\r\n`,
  );
});
