/** A reviewer's day in a real browser, against the real server with its real stores. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ApiClient } from "../src/api/client";
import { Server } from "../stack/server";
import { Browser, isAccessible } from "./browser";
import { Candidate } from "./candidate";

/** What candidates write to hurt whoever looks. */
const HOSTILE = "<script>window.pwned=1</script><img src=x onerror=window.pwned=1>\u202egnp.exe\u001b[2J";
const WAIT = 20_000;

let server: Server;
let browser: Browser;
let page: Page;
let apiKey: string;
let keys: string[];
let plover: Candidate;
let shrike: Candidate;

beforeAll(async () => {
  server = await Server.start();
  apiKey = await server.apiKey();
  browser = await Browser.open(server.url);
  page = await browser.page();
  page.setDefaultTimeout(WAIT);
});
afterAll(async () => {
  await browser?.close();
  await server?.remove();
});

async function isHarmless(what: string): Promise<void> {
  expect(browser.faults, what).toEqual([]);
  expect(await page.evaluate(() => (window as unknown as { pwned?: number }).pwned), what).toBeUndefined();
}

test("somebody signs in with an API key, and comes to the page that they wanted", async () => {
  await page.goto(`${server.url}/settings`);
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  expect(new URL(page.url()).search).toBe("?next=%2Fsettings");
  await isAccessible(page, "sign-in");
  await page.getByLabel("API key").fill("psk_live_nonsense");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("This API key is not known, or it was revoked.").waitFor();
  await page.getByLabel("API key").fill(apiKey);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Settings" }).waitFor();
  expect(new URL(page.url()).pathname).toBe("/settings");

  const [cookie] = await browser.context.cookies();
  expect(cookie).toMatchObject({ httpOnly: true, sameSite: "Strict", path: "/" });
  const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]));
  expect(kept).not.toContain("psk_");
  expect(kept).not.toContain("psi_");
  await isHarmless("signing in");
});

test("the wall says that nobody is at work, and leads on", async () => {
  await page.getByRole("link", { name: "Live", exact: true }).click();
  await page.getByText("Nobody is at work right now.").waitFor();
  await page.getByText("Live", { exact: true }).first().waitFor();
  await isAccessible(page, "the empty wall");
});

test("an assessment is made, and what is wrong with it is said at its field", async () => {
  await page.getByRole("link", { name: "Assessments", exact: true }).click();
  await page.getByText("No assessments yet.").waitFor();
  await page.getByRole("button", { name: "New assessment" }).click();
  await page.getByLabel("Time limit in minutes").fill("ninety");
  await page.getByRole("button", { name: "Create" }).click();
  await page.getByLabel("Title").and(page.locator("[aria-invalid=true]")).waitFor();
  expect(await page.getByLabel("Time limit in minutes").getAttribute("aria-invalid")).toBe("true");
  await isAccessible(page, "the form of an assessment");
  await page.getByLabel("Title").fill("Fix the totals");
  await page.getByLabel("Role").fill("Backend engineer");
  await page.getByLabel("Brief").fill("# Totals\n\nMake the tests pass, and say why they failed.");
  await page.getByLabel("Repository").fill("https://github.com/acme/totals");
  await page.getByLabel("Time limit in minutes").fill("60");
  await page.getByRole("button", { name: "Create" }).click();
  await page.getByRole("heading", { name: "Fix the totals" }).waitFor();
  await page.getByText("Nobody is invited yet.").waitFor();

  await page.getByRole("button", { name: "Edit" }).click();
  await page.getByLabel("Role").fill("Engineer");
  await page.getByLabel("Model budget (US $)").fill("5");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("$5 for models").waitFor();
});

test("keys are made for a pasted list, and say how far their invitations are", async () => {
  await page.getByRole("button", { name: "Invite candidates" }).first().click();
  const list = page.getByLabel("Names and addresses, a candidate in a line");
  await list.fill("Grey Plover <plover@example.org>\nbroken@nowhere");
  await page.getByText("Line 2 has no address").waitFor();
  await list.fill("Grey Plover <plover@example.org>\nReed Warbler, warbler@example.org\nShrike");
  await page.getByText("3 candidates, 2 with an address.").waitFor();
  await isAccessible(page, "the list of invitations");
  await page.getByRole("button", { name: "Make 3 keys" }).click();
  await page.getByText("3 keys are made").waitFor();
  keys = await page.locator(".made code").allTextContents();
  expect(keys).toHaveLength(3);
  for (const key of keys) expect(key).toMatch(/^PST-[A-Z0-9]{4}-[A-Z0-9]{4}$/);
  await page.getByRole("button", { name: "Done" }).click();
  await page.getByRole("row", { name: /Reed Warbler/ }).waitFor();
  await page.getByRole("row", { name: /Grey Plover.*Invitation/ }).waitFor();
  await isAccessible(page, "an assessment");
  await isHarmless("making keys");
});

test("a tile appears when a candidate starts, and moves as they work", async () => {
  await page.getByRole("link", { name: "Watch live" }).click();
  await page.getByText("Nobody is at work right now.").waitFor();
  plover = await Candidate.redeems(server.url, keys[0]!);
  const tile = page.locator(`[data-session="${plover.sessionId}"]`);
  await tile.getByText("Grey Plover").waitFor();
  await plover.sends("prompt", { text: "Why are the totals wrong?" });
  await tile.getByText("Why are the totals wrong?").waitFor();
  expect(await tile.locator("path.kind-prompt").count()).toBe(1);
  await plover.sends("file_diff", { path: "src/totals.ts", linesAdded: 4, linesRemoved: 1, diff: "@@ -1 +1,4 @@\n-a\n+b" });
  await tile.getByText("src/totals.ts").waitFor();
  await tile.locator("dd", { hasText: /^1/ }).nth(1).waitFor();
  for (let n = 0; n < 3; n += 1) await plover.sends("command", { command: "npm test", exitCode: 1 });
  await tile.getByText("3 failures in a row").waitFor();
  await tile.getByText("3 failed").waitFor();
  await page.getByText("1 at work, 1 to look at").waitFor();
  await plover.sends("test_run", { suite: "totals", passed: 12, failed: 0 });
  await tile.getByText("12 passed").waitFor();
  await page.getByText("1 at work", { exact: true }).waitFor();
});

test("what a hostile candidate writes is shown, and does nothing", async () => {
  shrike = await Candidate.redeems(server.url, keys[2]!, HOSTILE);
  const tile = page.locator(`[data-session="${shrike.sessionId}"]`);
  await tile.waitFor();
  for (const kind of ["prompt", "ai_response"]) await shrike.sends(kind, { text: HOSTILE });
  await shrike.sends("command", { command: HOSTILE, exitCode: 0, stdout: HOSTILE });
  await shrike.sends("file_diff", { path: HOSTILE, diff: HOSTILE, linesAdded: 1 });
  await tile.getByText("<script>window.pwned=1</script>").first().waitFor();
  await tile.locator(".doing .hidden-character").first().waitFor();
  expect(await page.locator("script:not([src]), main img").count()).toBe(0);
  await isAccessible(page, "the wall");
  await isHarmless("the wall of a hostile candidate");
  await page.getByPlaceholder("Name").fill("plover");
  await tile.waitFor({ state: "detached" });
  await page.getByPlaceholder("Name").fill("nobody");
  await page.getByText("Nobody at work fits the filter.").waitFor();
  await page.getByPlaceholder("Name").fill("");
  await tile.waitFor();
});

test("the wall comes back by itself when the server does, with what happened meanwhile", async () => {
  const prompts = page.locator(`[data-session="${plover.sessionId}"] dd .number`).first();
  expect(await prompts.textContent()).toBe("1");
  await server.down();
  await page.getByText(/Connection lost/).waitFor();
  await server.up();
  await plover.sends("prompt", { text: "And now?" });
  await page.getByText("Live again, nothing missed").waitFor();
  await page.locator(`[data-session="${plover.sessionId}"]`).getByText("And now?").waitFor();
  await expect.poll(() => prompts.textContent(), { timeout: WAIT }).toBe("2");
});

/** The seqs of the rows of the timeline in their order, all of which are in sight. */
const rows = () =>
  page.locator(".s-events [data-seq]").evaluateAll((all) => all.map((row) => Number(row.getAttribute("data-seq"))));
const upTo = (last: number) => Array.from({ length: last }, (_, n) => n + 1);

test("the view of a session follows, rests, goes back and jumps to live", async () => {
  await page.locator(`[data-session="${plover.sessionId}"]`).getByRole("link", { name: "Grey Plover" }).click();
  await page.waitForURL(`**/sessions/${plover.sessionId}**`);
  await page.setViewportSize({ width: 1280, height: 1600 });
  await page.getByText("Grey Plover").first().waitFor();
  await page.locator("[data-seq='7']").waitFor();
  await page.locator(".p-live.is-on").waitFor();
  await plover.sends("prompt", { text: "Follow me" });
  await page.locator("[data-seq='8']", { hasText: "Follow me" }).waitFor();

  await page.keyboard.press("Space");
  await plover.sends("prompt", { text: "Not seen yet" });
  await page.locator("[data-seq='9'].is-ahead").waitFor();
  const track = (await page.locator(".p-track").boundingBox())!;
  await page.mouse.click(track.x + track.width / 2, track.y + track.height / 2);
  await page.locator("[data-seq='8'].is-ahead").waitFor();
  await page.getByText("Jump to live").last().click();
  await page.locator(".p-live.is-on").waitFor();
  expect(await page.locator(".is-ahead").count()).toBe(0);
  expect(await rows()).toEqual(upTo(9));
  for (const [key, what] of [["2", "files"], ["3", "signals"], ["4", "review"], ["1", "timeline"]] as const) {
    await page.keyboard.press(key);
    await isAccessible(page, `a session's ${what}`);
  }
  await page.keyboard.press("3");
  await page.getByRole("table", { name: "Of late" }).getByRole("row", { name: "Prompts 4 4 4" }).waitFor();
  await isHarmless("a session");
});

test("a server that is killed and started again leaves neither gap nor repeat on the screen", async () => {
  await server.kill();
  await page.getByText("Reconnecting").first().waitFor();
  await server.up();
  for (let n = 10; n <= 14; n += 1) await plover.sends("prompt", { text: `After the crash ${n}` });
  await page.locator("[data-seq='14']", { hasText: "After the crash 14" }).waitFor();
  await page.locator(".p-live.is-on").waitFor();
  expect(await rows()).toEqual(upTo(14));
  await isHarmless("a crash");
});

test("a session is scored, and the score is there after the page is loaded anew", async () => {
  await page.keyboard.press("4");
  await page.getByLabel("4", { exact: true }).check({ force: true });
  await page.getByRole("button", { name: "Name this moment (#14)" }).click();
  await page.getByRole("button", { name: "Save scores" }).click();
  await page.getByText("Saved.").waitFor();
  await page.reload();
  await page.locator("[data-seq='14']").waitFor();
  await page.keyboard.press("4");
  await expect.poll(() => page.getByLabel("4", { exact: true }).isChecked(), { timeout: WAIT }).toBe(true);
  await page.locator(".r-moment", { hasText: "#14" }).first().waitFor();
  await page.setViewportSize({ width: 1280, height: 860 });
  await isHarmless("scores");
});

test("sessions are compared from the wall", async () => {
  await page.getByRole("link", { name: "Live", exact: true }).first().click();
  for (const { sessionId } of [plover, shrike]) await page.locator(`[data-session="${sessionId}"] .pick input`).check();
  await page.getByRole("link", { name: "Compare", exact: true }).last().click();
  await page.getByRole("list", { name: "Compared sessions" }).getByText("Grey Plover").waitFor();
  expect(await page.getByRole("list", { name: "Compared sessions" }).getByRole("listitem").count()).toBe(2);
  await isAccessible(page, "the comparison");
  await isHarmless("other pages");
});

test("a revoked key leaves the table, and its candidate is refused", async () => {
  await page.getByRole("link", { name: "Assessments", exact: true }).click();
  await page.getByText("2 at work").waitFor();
  await isAccessible(page, "the assessments");
  await page.getByRole("link", { name: "Fix the totals" }).click();
  const row = page.getByRole("row", { name: new RegExp(keys[2]!) });
  await row.getByRole("button", { name: "Revoke" }).click();
  await isAccessible(page, "a question before something is done");
  await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
  await row.waitFor({ state: "detached" });
  await expect(shrike.sends("prompt", { text: "Still there?" })).rejects.toMatchObject({ status: 401 });
});

test("API keys are made, shown once, and revoked, which ends their sign-ins at once", async () => {
  await page.getByRole("link", { name: "Settings" }).click();
  await page.getByRole("button", { name: "New API key" }).click();
  await page.getByLabel("Name").fill("Another reviewer");
  await page.getByLabel("Read and change").check();
  await page.getByRole("button", { name: "Create" }).click();
  const secret = (await page.locator(".secret code").textContent())!;
  expect(secret).toMatch(/^psk_live_/);
  await page.getByRole("button", { name: "Done" }).click();
  const row = page.getByRole("row", { name: /Another reviewer/ });
  await row.waitFor();
  expect(await page.content()).not.toContain(secret);

  const other = await Browser.open(server.url);
  try {
    const second = await other.page();
    second.setDefaultTimeout(WAIT);
    await second.goto(server.url);
    await second.getByLabel("API key").fill(secret);
    await second.getByRole("button", { name: "Sign in" }).click();
    await second.getByRole("heading", { name: "Live" }).waitFor();
    await row.getByRole("button", { name: "Revoke" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
    await row.waitFor({ state: "detached" });
    // A page with a live view notices by itself; any other one with the next thing that it asks for.
    const settings = second.getByRole("link", { name: "Settings" });
    if (await settings.isVisible()) await settings.click({ timeout: 2000 }).catch(() => undefined);
    await second.getByText("Your sign-in has ended").waitFor();
    expect(other.faults).toEqual([]);
  } finally {
    await other.close();
  }
});

test("a webhook is made, tested, and says what became of what it was told", async () => {
  await page.getByRole("link", { name: "Webhooks" }).click();
  await page.getByRole("button", { name: "New webhook" }).click();
  await page.getByLabel("Address").fill("http://127.0.0.1/");
  await page.getByRole("button", { name: "Create" }).click();
  await page.getByLabel("Address").and(page.locator("[aria-invalid=true]")).waitFor();
  await page.getByLabel("Address").fill("https://hooks.invalid/promptster");
  await page.getByRole("button", { name: "Create" }).click();
  await page.locator(".secret code").waitFor();
  await page.getByRole("button", { name: "Done" }).click();
  await page.getByRole("button", { name: "Send a test" }).click();
  await page.getByRole("region", { name: "Deliveries" }).getByRole("row").nth(1).waitFor();
  await isAccessible(page, "settings");
  await isHarmless("settings");
});

test("whoever signs out is out, in every tab", async () => {
  const tab = await browser.context.newPage();
  await tab.goto(`${server.url}/assessments`);
  await tab.getByRole("heading", { name: "Assessments" }).waitFor();
  const cookies = await browser.context.cookies();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await tab.getByRole("heading", { name: "Sign in" }).waitFor();
  expect(await browser.context.cookies()).toEqual([]);
  // The cookie itself counts no more, whoever kept it.
  const cookie = cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
  const thief = new ApiClient({ base: server.url, headers: { Cookie: cookie } });
  await expect(thief.get("/v1/org")).rejects.toMatchObject({ status: 401 });
  await page.goto(server.url);
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await isHarmless("signing out");
});
