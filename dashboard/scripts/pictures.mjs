/** Pictures of the pages, light and dark, of a server that `make demo ARGS="--issues-file docs/examples/issues.json"` filled:
 * `npm run pictures -- URL API-KEY FOLDER`. What an organisation says of itself in its settings is added before. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const [url, apiKey, folder] = process.argv.slice(2);
if (!folder) throw new Error("usage: npm run pictures -- URL API-KEY FOLDER");
const directory = await mkdtemp(join(tmpdir(), "pictures-"));
const context = await chromium.launchPersistentContext(directory, {
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  viewport: { width: 1280, height: 800 },
  locale: "en-GB",
});
const page = context.pages()[0];

async function call(method, path, body) {
  const headers = { Authorization: `Bearer ${apiKey}`, "Content-Type": "application/json" };
  const reply = await fetch(url + path, { method, headers, body: body && JSON.stringify(body) });
  // Members of an earlier run are there already.
  if (!reply.ok && reply.status !== 409) throw new Error(`${method} ${path}: ${await reply.text()}`);
  return reply.json();
}

for (const [email, ...scopes] of [["wren@example.org", "read", "write"], ["plover@example.org", "read", "write"], ["heron@example.org", "read"]]) {
  await call("POST", "/v1/org/members", { email, scopes });
}
const own = {
  issueTitle: "Invoices lose a cent",
  language: "TypeScript",
  difficulty: "hard",
  estimatedMinutes: 90,
  skillTags: ["money", "rounding"],
  taskBrief: "# Invoices lose a cent\n\nThe total of an invoice is a cent below the sum of its lines now and then. Find out when, and make it right.\n\nYou are done when `npm test` passes, with a test of your own for what was wrong.\n",
  setupInstructions: "npm ci\nnpm test",
  repoUrl: "https://github.com/acme/invoices",
  brokenSha: "3f9a1bc",
};
const known = await call("GET", "/v1/issues?limit=50");
if (!known.issues.some(({ issueTitle }) => issueTitle === own.issueTitle)) await call("POST", "/v1/issues", own);
await call("PATCH", "/v1/org", { retentionDays: 180 });

async function picture(name) {
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    await page.waitForTimeout(600);
    await page.screenshot({ path: join(folder, `${name}-${colorScheme}.png`) });
  }
}

await page.goto(url);
await page.getByLabel("API key").waitFor();
await picture("sign-in");
await page.getByLabel("API key").fill(apiKey);
await page.getByRole("button", { name: "Sign in" }).click();
await page.locator(".tile").first().waitFor();
await page.waitForTimeout(6000);
await picture("wall");
const running = await page.locator(".tile h2 a").first().getAttribute("href");
await page.getByRole("link", { name: "Assessments", exact: true }).click();
await page.locator(".assessment").first().waitFor();
await picture("assessments");
await page.getByRole("button", { name: "New assessment" }).click();
await page.getByLabel("Title").waitFor();
await picture("assessment-form");
await page.keyboard.press("Escape");
await page.locator(".assessment h2 a").first().click();
await page.locator(".metric").first().waitFor();
await picture("assessment");
await page.getByRole("button", { name: "Invite candidates" }).first().click();
await page.getByLabel("Names and addresses, a candidate in a line").fill("Grey Plover <plover@example.org>\nReed Warbler, warbler@example.org\nbroken@nowhere");
await picture("invite");
await page.keyboard.press("Escape");
const boxes = page.locator(".keys input[type=checkbox]");
for (let index = 0; index < 3; index += 1) await boxes.nth(index).check();
const compared = await page.getByRole("link", { name: /^Compare 3/ }).getAttribute("href");
await page.getByRole("link", { name: "Settings" }).click();
await page.getByRole("region", { name: "API keys" }).last().waitFor();
await picture("settings");
const part = (name) => page.getByRole("navigation", { name: "Parts of the settings" }).getByRole("link", { name }).click();
await part("Issues");
await page.getByRole("region", { name: "Issues" }).last().waitFor();
await picture("settings-issues");
await page.getByRole("button", { name: `Edit ${own.issueTitle}` }).click();
await page.getByLabel("Set-up").waitFor();
await picture("settings-issue");
await page.keyboard.press("Escape");
await part("Rubrics");
await page.locator(".rubric summary").first().click();
await picture("settings-rubrics");
await page.getByRole("button", { name: /^Edit/ }).first().click();
await page.locator(".scale").first().waitFor();
await picture("settings-rubric");
await page.keyboard.press("Escape");
await part("Retention");
await page.getByText("What is deleted").waitFor();
await picture("settings-retention");
await page.goto(url + running);
await page.waitForTimeout(4000);
await picture("session");
await page.keyboard.press("3");
await page.locator(".g-signal").first().waitFor();
await page.waitForTimeout(2000);
await picture("signals");
await page.goto(url + compared);
await page.getByRole("list", { name: "Compared sessions" }).waitFor();
await page.waitForTimeout(4000);
await picture("compare");
await page.setViewportSize({ width: 390, height: 844 });
await page.goto(url);
await page.locator(".tile").first().waitFor();
await page.waitForTimeout(4000);
await picture("wall-narrow");
await context.close();
await rm(directory, { recursive: true, force: true });
