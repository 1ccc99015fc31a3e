import { expect, test } from "vitest";
import { pieces, plain, safeLink } from "../src/text/plain";

test("ordinary text in any script is one piece, as it is", () => {
  for (const text of ["let x = 1;\n\tnext", "שלום עולם", "नमस्ते क्‍ष", "👩‍💻 naïve", "<script>alert(1)</script>"])
    expect(pieces(text)).toEqual([{ kind: "text", text }]);
  expect(pieces("")).toEqual([]);
});

test("terminal sequences are shown, not obeyed", () => {
  expect(plain("\u001b[31mred\u001b[0m")).toBe("\u241b[31mred\u241b[0m");
  expect(plain("a\u0000b\u0008c\u007fd\u009be")).toBe("a\u2400b\u2408c\u2421d\u27e8U+009B\u27e9e");
  expect(plain("hidden\rshown\r\nnext")).toBe("hidden\u240dshown\nnext");
});

test("characters that turn the direction or cannot be seen are shown and named", () => {
  expect(pieces("user\u202e \u2066// admin")).toEqual([
    { kind: "text", text: "user" },
    { kind: "mark", text: "\u27e8U+202E\u27e9", name: "right-to-left override U+202E" },
    { kind: "text", text: " " },
    { kind: "mark", text: "\u27e8U+2066\u27e9", name: "left-to-right isolate U+2066" },
    { kind: "text", text: "// admin" },
  ]);
  for (const code of [0x200b, 0x200e, 0x200f, 0x2028, 0x202a, 0x2069, 0xfeff, 0xe0041, 0xad, 0x3164, 0xd800])
    expect(pieces(String.fromCodePoint(code))[0]?.kind).toBe("mark");
});

test("nothing is left out: each character is in a piece", () => {
  const all = Array.from({ length: 0x3000 }, (_, code) => String.fromCodePoint(code));
  for (const character of all) expect(pieces(`a${character}b`).map(({ text }) => text).join("").length).toBeGreaterThan(2);
});

test("only addresses of the web are links", () => {
  expect(safeLink("https://example.org/a?b#c")).toBe("https://example.org/a?b#c");
  for (const bad of ["javascript:alert(1)", " java\nscript:alert(1)", "data:text/html,x", "file:///etc/passwd", "//x", "x", "https://a:b@c.org", "vbscript:x"])
    expect(safeLink(bad)).toBeNull();
});
