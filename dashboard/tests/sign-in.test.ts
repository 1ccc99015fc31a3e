import { expect, test, vi } from "vitest";

// What the modules under test ask of a browser when they are read.
vi.stubGlobal("location", { origin: "http://127.0.0.1", pathname: "/", search: "" });

const { describe: inOneLine, inOrder } = await import("../src/app/organisations");
const { beginAt } = await import("../src/sign-in/provider");
const { inWords } = await import("../src/sign-in/reasons");
const { scopesOf } = await import("../src/app/identity");

test("every reason has words of its own, and nothing of an address is shown", () => {
  const names = "oidc_off oidc_unreachable oidc_denied oidc_state oidc_token oidc_issuer oidc_audience oidc_nonce oidc_expired".split(" ");
  names.push("email_not_verified", "not_a_member", "insufficient_scope", "rate_limited", "unavailable");
  expect(new Set(names.map(inWords)).size).toBe(names.length);
  for (const odd of ["", "toString", "__proto__", "<b>call 555</b>"]) expect(inWords(odd)).toBe("Signing in did not work. Try again.");
});

test("the provider's button leads back to the page that was wanted", () => {
  expect(beginAt("/auth/oidc/begin", "/")).toBe("/auth/oidc/begin");
  expect(beginAt("/auth/oidc/begin", "/sessions/a?at=3&x=1")).toBe("/auth/oidc/begin?next=%2Fsessions%2Fa%3Fat%3D3%26x%3D1");
});

test("organisations keep their places whichever is looked at", () => {
  const [a, b, c] = [{ id: "1", name: "Acme" }, { id: "2", name: "Beta" }, { id: "3", name: "Beta" }];
  expect(inOrder([c!, a!, b!])).toEqual([a, b, c]);
  expect(inOrder([b!, c!, a!])).toEqual([a, b, c]);
});

test("a sign-in says whom it stands for and what that may do", () => {
  const member = { id: "m", email: "wren@example.org", scopes: ["read" as const] };
  const apiKey = { id: "k", name: "CI", prefix: "psk_live_1", scopes: ["read" as const, "write" as const] };
  const of = { org: { id: "1", name: "Acme" }, organisations: [], expiresAt: "" };
  expect(inOneLine({ apiKey: null, member })).toBe("Signed in as wren@example.org");
  expect(inOneLine({ apiKey, member: null })).toContain("“CI” (psk_live_1…)");
  expect(scopesOf({ ...of, apiKey: null, member })).toEqual(["read"]);
  expect(scopesOf({ ...of, apiKey, member: null })).toEqual(["read", "write"]);
});
