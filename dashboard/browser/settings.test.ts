/** What an organisation says of itself: for how long sessions are kept, its issues, its rubrics. */
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ApiClient } from "../src/api/client";
import { Server } from "../stack/server";
import { Browser, isAccessible } from "./browser";
import { Candidate } from "./candidate";

const HOSTILE = "<img src=x onerror=window.pwned=1>\u202egnp.exe";

let server: Server;
let browser: Browser;
let page: Page;
let reviewer: ApiClient;

beforeAll(async () => {
  process.env["PROMPTSTER_ISSUES_FILE"] = fileURLToPath(new URL("../../docs/examples/issues.json", import.meta.url));
  server = await Server.start();
  reviewer = await server.reviewer();
  browser = await Browser.open(server.url);
  page = await browser.page();
  page.setDefaultTimeout(20_000);
  await signIn(page, await server.apiKey(), "/settings/retention");
});
afterAll(async () => {
  await browser?.close();
  await server?.remove();
});

async function signIn(page: Page, apiKey: string, path: string): Promise<void> {
  await page.goto(server.url + path);
  await page.getByLabel("API key").fill(apiKey);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Settings" }).waitFor();
}

const part = (name: string) => page.getByRole("navigation", { name: "Parts of the settings" }).getByRole("link", { name });
const dialog = () => page.getByRole("dialog");
const days = async () => (await reviewer.get<{ org: { retentionDays: number | null } }>("/v1/org")).org.retentionDays;

/** A session that has ended. */
async function ended(): Promise<void> {
  const task = { title: "Totals", role: "Engineer", taskBrief: "Fix them." };
  const { assessment } = await reviewer.post<{ assessment: { id: string } }>("/v1/assessments", task);
  const { keys } = await reviewer.post<{ keys: { key: string }[] }>(`/v1/assessments/${assessment.id}/keys`, { count: 1 });
  const candidate = await Candidate.redeems(server.url, keys[0]!.key);
  await candidate.sends("prompt", { text: "Why?" });
  await reviewer.patch(`/v1/sessions/${candidate.sessionId}`, { endedAt: new Date().toISOString() });
}

test("retention is explained, refused by its field, asked about, and set", async () => {
  await ended();
  await page.getByText("kept until they are deleted").waitFor();
  await page.getByText("What is deleted").waitFor();
  await isAccessible(page, "retention");
  await page.getByLabel("For a number of days").check();
  for (const [wrong, said] of [
    ["", "Must be an integer."],
    ["0", "Must be from 1 to 3650."],
    ["1.5", "Must be an integer."],
    ["soon", "Must be an integer."],
  ] as const) {
    await page.getByLabel("Days after the end").fill(wrong);
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("alert").filter({ hasText: said }).waitFor();
  }
  expect(await days()).toBeNull();

  await page.getByLabel("Days after the end").fill("180");
  await page.getByText("It is kept for 180 days").waitFor();
  await page.getByRole("button", { name: "Save" }).click();
  await dialog().getByText("Of 1 session that ended, none began so long ago.").waitFor();
  await isAccessible(page, "the question before sessions go");
  await dialog().getByRole("button", { name: "Cancel" }).click();
  expect(await days()).toBeNull();
  await page.getByRole("button", { name: "Save" }).click();
  await dialog().getByRole("button", { name: "Delete after 180 days" }).click();
  await page.getByText("Sessions are deleted 180 days after their end.").waitFor();
  expect(await days()).toBe(180);

  // What keeps them longer needs no question.
  await page.getByLabel("Days after the end").fill("365");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Sessions are deleted 365 days after their end.").waitFor();
  await page.getByText("Saved.").waitFor();
  await page.getByLabel("Days after the end").fill("364");
  await page.getByRole("button", { name: "Save" }).click();
  await dialog().getByText("So far they are kept for 365 days.").waitFor();
  await page.keyboard.press("Escape");
  await page.getByLabel("Until somebody deletes them").check();
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("kept until they are deleted").waitFor();
  expect(await days()).toBeNull();
  expect(browser.faults).toEqual([]);
});

test("shared issues can be looked at and copied, and not be changed", async () => {
  await part("Issues").click();
  const shared = page.getByRole("row", { name: /A rate limit that slides/ });
  await shared.getByText("shared").waitFor();
  expect(await shared.getByRole("button").allTextContents()).toEqual(["A rate limit that slides", "Copy"]);
  await shared.getByRole("button").first().click();
  await dialog().getByText("Make it hold for any span").waitFor();
  await isAccessible(page, "a shared issue");
  await page.getByRole("button", { name: "Make one like it" }).click();
  expect(await page.getByLabel("Language").inputValue()).toBe("JavaScript");
  await page.getByLabel("Title", { exact: true }).fill("A limit of our own");
  await page.getByRole("button", { name: "Create" }).click();
  await page.getByRole("row", { name: /A limit of our own/ }).getByText("in no assessment").waitFor();
  await page.getByRole("button", { name: "Delete A limit of our own" }).click();
  await dialog().getByRole("button", { name: "Delete" }).click();
  await page.getByRole("row", { name: /A limit of our own/ }).waitFor({ state: "detached" });
  await shared.waitFor();
});

test("an issue is made, changed, archived and deleted", async () => {
  await page.getByRole("button", { name: "New issue" }).click();
  await page.getByLabel("Minutes it takes").fill("an hour");
  await page.getByRole("button", { name: "Create" }).click();
  for (const field of ["Title", "Language", "Brief", "Minutes it takes"]) {
    await page.getByLabel(field, { exact: true }).and(page.locator("[aria-invalid=true]")).waitFor();
  }
  await isAccessible(page, "the form of an issue");
  await page.getByLabel("Title", { exact: true }).fill("Quotes in fields");
  await page.getByLabel("Language").fill("Python");
  await page.getByLabel("Difficulty").selectOption("hard");
  await page.getByLabel("Minutes it takes").fill("45");
  await page.getByLabel("Tags").fill(`parsing, ${HOSTILE}`);
  await page.getByLabel("Brief", { exact: true }).fill("# Quotes\n\nMake it read them.");
  await page.getByLabel("Set-up").fill("python3 -m unittest");
  await page.getByLabel("Repository", { exact: true }).fill("github.com/acme/parser");
  await page.getByLabel("Commit to start from").fill("3f9a1bc");
  await page.getByText("Where it comes from").click();
  await page.getByLabel("Address of the issue").fill("javascript:window.pwned=1");
  await page.getByRole("button", { name: "Create" }).click();
  await page.getByText("Must be an absolute http(s), ssh or git@ URL.").waitFor();
  await page.getByText("Must be an absolute http(s) URL.").waitFor();
  await page.getByLabel("Address of the issue").fill("https://github.com/acme/parser/issues/17");
  await page.getByLabel("Repository", { exact: true }).fill("https://github.com/acme/parser");
  await page.getByRole("button", { name: "Create" }).click();
  const row = page.getByRole("row", { name: /Quotes in fields/ });
  await row.getByText("hard").waitFor();
  await row.getByText("own", { exact: true }).waitFor();
  await isAccessible(page, "issues");

  await row.getByRole("button", { name: "Quotes in fields", exact: true }).click();
  await dialog().getByText("Make it read them.").waitFor();
  await isAccessible(page, "an issue");
  await dialog().getByRole("button", { name: "Close" }).last().click();

  await row.getByRole("button", { name: "Edit" }).click();
  expect(await page.getByLabel("Set-up").inputValue()).toBe("python3 -m unittest");
  await page.getByLabel("Difficulty").selectOption("easy");
  await page.getByLabel("Minutes it takes").fill("");
  await page.keyboard.press("Escape");
  await page.getByText("What you wrote is not saved.").waitFor();
  await page.getByRole("button", { name: "Save" }).click();
  await row.getByText("easy").waitFor();
  await row.getByText("–").waitFor();
  type Issue = Record<string, unknown>;
  const { issues } = await reviewer.get<{ issues: Issue[] }>("/v1/issues", { limit: 1 });
  expect(issues).toMatchObject([{ skillTags: ["parsing", HOSTILE], estimatedMinutes: null, brokenSha: "3f9a1bc", issueUrl: "https://github.com/acme/parser/issues/17" }]);

  await row.getByRole("button", { name: "Edit" }).click();
  await page.getByLabel("Archived").check();
  await page.getByRole("button", { name: "Save" }).click();
  await row.waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Show archived issues" }).click();
  await row.getByRole("button", { name: "Delete" }).click();
  await dialog().getByRole("button", { name: "Delete" }).click();
  await page.getByText("No archived issues.").waitFor();
  expect(browser.faults).toEqual([]);
});

test("an issue that is named says by how many assessments", async () => {
  const made = { issueTitle: "Sums", language: "Go", difficulty: "easy", taskBrief: "Sum them up." };
  const { issue } = await reviewer.post<{ issue: { id: string } }>("/v1/issues", made);
  await reviewer.post("/v1/assessments", { title: "Totals", role: "Engineer", issueId: issue.id });
  await page.reload();
  await page.getByRole("row", { name: /Sums/ }).getByText("in 1 assessment").waitFor();
  await page.getByRole("button", { name: "Delete Sums" }).click();
  await dialog().getByText("in 1 assessment").waitFor();
  await page.keyboard.press("Escape");
});

test("a rubric is made by hand and by signals, with what is wrong at its place", async () => {
  await part("Rubrics").click();
  await page.getByText("No rubrics yet.").waitFor();
  await page.getByRole("button", { name: "New rubric" }).click();
  await page.getByRole("button", { name: "Create" }).click();
  await page.getByLabel("Name", { exact: true }).and(page.locator("[aria-invalid=true]")).waitFor();
  await page.getByLabel("Title", { exact: true }).and(page.locator("[aria-invalid=true]")).waitFor();
  await page.getByLabel("Name", { exact: true }).fill("Backend");
  await page.getByLabel("Title", { exact: true }).fill("Checks what it got");
  expect(await page.getByLabel("Key", { exact: true }).inputValue()).toBe("checks-what-it-got");
  await page.getByLabel("Weight", { exact: true }).fill("3");
  await page.getByLabel("Scored by").selectOption("commandFailRate");
  for (const [index, value] of ["50", "30", "40", "10"].entries()) await page.getByLabel(`A score of ${index + 2} begins at`).fill(value);
  await page.getByRole("button", { name: "Add a criterion" }).click();
  const second = page.locator(".criterion").nth(1);
  await second.getByLabel("Title", { exact: true }).fill("Asks well");
  await second.getByLabel("Weight", { exact: true }).fill("0");
  await page.getByRole("button", { name: "Create" }).click();
  await page.locator(".criterion").first().getByText("Must ascend, or descend.").waitFor();
  await second.getByText("Must be above 0 and at most 100.").waitFor();
  await isAccessible(page, "the form of a rubric");

  await page.getByLabel("A score of 4 begins at").fill("20");
  await page.getByRole("list", { name: "Which values earn which score" }).getByText("10 % or less").waitFor();
  await second.getByLabel("Weight", { exact: true }).fill("1");
  await second.getByText("25 % of the score").waitFor();
  await page.locator(".criterion").first().getByText("75 % of the score").waitFor();
  await second.getByRole("button", { name: "Move Asks well up" }).click();
  await page.getByRole("button", { name: "Create" }).click();
  const card = page.getByRole("article").filter({ hasText: "Backend" });
  await card.getByText("2 criteria, 1 by signals").waitFor();
  await card.getByRole("img", { name: "Shares of the criteria: Asks well 25 %, Checks what it got 75 %" }).waitFor();
  await card.getByText("Criteria", { exact: true }).click();
  await card.getByText("Share of commands that failed").waitFor();
  await isAccessible(page, "rubrics");
  const { rubrics } = await reviewer.get<{ rubrics: unknown[] }>("/v1/rubrics");
  expect(rubrics).toMatchObject([
    {
      name: "Backend",
      criteria: [
        { key: "asks-well", weight: 1, signal: null },
        { key: "checks-what-it-got", weight: 3, signal: "commandFailRate", thresholds: [0.5, 0.3, 0.2, 0.1] },
      ],
    },
  ]);
  expect(browser.faults).toEqual([]);
});

test("a rubric is changed and deleted, and what is not saved is not lost by a key", async () => {
  const card = page.getByRole("article").filter({ hasText: "Backend" });
  await card.getByRole("button", { name: "Edit" }).click();
  await page.getByLabel("Title", { exact: true }).first().fill(HOSTILE);
  await page.keyboard.press("Escape");
  await page.getByText("What you wrote is not saved.").waitFor();
  await page.getByRole("button", { name: "Save" }).click();
  await card.locator(".hidden-character").first().waitFor();
  const { rubrics } = await reviewer.get<{ rubrics: { criteria: { key: string; title: string }[] }[] }>("/v1/rubrics");
  expect(rubrics[0]!.criteria[0]).toMatchObject({ key: "asks-well", title: HOSTILE });
  await card.getByRole("button", { name: "Edit" }).click();
  await page.keyboard.press("Escape");
  await dialog().waitFor({ state: "detached" });
  await card.getByRole("button", { name: "Edit" }).click();
  await page.getByLabel("Name", { exact: true }).fill("Another");
  for (let n = 0; n < 2; n += 1) await page.keyboard.press("Escape");
  await dialog().waitFor({ state: "detached" });
  await card.getByRole("button", { name: "Delete" }).click();
  await dialog().getByRole("button", { name: "Delete" }).click();
  await page.getByText("No rubrics yet.").waitFor();
  expect(await page.evaluate(() => (window as unknown as { pwned?: number }).pwned)).toBeUndefined();
  expect(browser.faults).toEqual([]);
});

test("who may only read sees all of it and can change nothing", async () => {
  const { secret } = await reviewer.post<{ secret: string }>("/v1/org/api-keys", { name: "Reader", scopes: ["read"] });
  const other = await Browser.open(server.url);
  try {
    const second = await other.page();
    second.setDefaultTimeout(20_000);
    await signIn(second, secret, "/settings/issues");
    await second.getByRole("button", { name: "Sums", exact: true }).click();
    await second.getByRole("dialog").getByText("Sum them up.").waitFor();
    await second.keyboard.press("Escape");
    for (const name of ["issues", "rubrics", "webhooks", "retention"]) {
      await second.goto(`${server.url}/settings/${name}`);
      await second.getByRole("heading", { level: 2 }).first().waitFor();
      expect(await second.getByRole("button", { name: /New|Edit|Delete|Copy|Save/ }).count(), name).toBe(0);
    }
    await second.getByText("may look at this, and not change it").waitFor();
    expect(other.faults).toEqual([]);
  } finally {
    await other.close();
  }
});
