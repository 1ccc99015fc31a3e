/** Members: signing in with a provider on another site, what they see, and who else there is. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ApiClient } from "../src/api/client";
import { Server } from "../stack/server";
import { Browser, isAccessible } from "./browser";
import { Provider } from "./provider";

let provider: Provider;
let server: Server;
let browser: Browser;
let page: Page;
let reviewer: ApiClient;

beforeAll(async () => {
  provider = await Provider.start();
  const told = { ISSUER: provider.issuer, CLIENT_ID: "promptster", NAME: "Rookery" };
  for (const [name, value] of Object.entries(told)) process.env[`PROMPTSTER_OIDC_${name}`] = value;
  server = await Server.start();
  reviewer = await server.reviewer();
  browser = await Browser.open(server.url);
  page = await browser.page();
  page.setDefaultTimeout(20_000);
});
afterAll(async () => {
  await browser?.close();
  await server?.remove();
  await provider?.stop();
});

/** The way to the provider is the one that leads elsewhere. */
const faults = () => browser.faults.filter((fault) => !fault.includes(provider.issuer));

test("who is no member is told so in words", async () => {
  await page.goto(`${server.url}/settings`);
  await page.getByRole("link", { name: "Sign in with Rookery" }).click();
  await page.getByRole("link", { name: "Go on as wren@example.org" }).click();
  await page.getByText("Nobody has made you a member of an organisation here.").waitFor();
  expect(new URL(page.url()).search).toBe("?reason=not_a_member");
  await isAccessible(page, "sign-in with a provider");
});

test("a member comes from the provider's site to the page that was wanted, signed in", async () => {
  await reviewer.post("/v1/org/members", { email: "Wren@example.org", scopes: ["read", "write"] });
  await page.goto(`${server.url}/settings`);
  await page.getByRole("link", { name: "Sign in with Rookery" }).click();
  await page.getByRole("link", { name: "Go on as wren@example.org" }).click();
  await page.getByRole("heading", { name: "Settings" }).waitFor();
  expect(new URL(page.url()).pathname).toBe("/settings");
  await page.getByText("signed in as Wren@example.org").waitFor();
  const cookies = await browser.context.cookies();
  expect(cookies.map(({ name, sameSite }) => [name, sameSite])).toEqual([["promptster_sign_in", "Strict"]]);
  expect(faults()).toEqual([]);
});

test("members are added, changed and removed", async () => {
  const members = page.getByRole("region", { name: "Members" });
  await page.getByRole("button", { name: "Add a member" }).click();
  await page.getByLabel("E-mail address").fill("plover");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await page.getByText("Must be an e-mail address.").waitFor();
  await page.getByLabel("E-mail address").fill("wren@EXAMPLE.org");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await page.getByText("Somebody with this address is a member already.").waitFor();
  await page.getByLabel("E-mail address").fill("plover@example.org");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  const plover = members.getByRole("row").filter({ hasText: "plover@example.org" });
  await plover.getByText("never").waitFor();
  await isAccessible(page, "settings with members");
  await plover.getByRole("button", { name: "Change" }).click();
  await page.getByLabel("Read and change").check();
  await page.getByRole("button", { name: "Save" }).click();
  await plover.getByText("read, write").waitFor();
  await plover.getByRole("button", { name: "Remove" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await plover.waitFor({ state: "detached" });
  const { members: left } = await reviewer.get<{ members: { email: string }[] }>("/v1/org/members");
  expect(left.map(({ email }) => email)).toEqual(["Wren@example.org"]);
});

test("the header turns from one organisation to another", async () => {
  const made = JSON.parse(await server.run("org", "create", "--name", "Heronry", "--json")) as { orgId: string; apiKey: string };
  await page.getByRole("button", { name: "Add an organisation" }).click();
  await page.getByRole("dialog").getByLabel("API key").fill("psk_live_nonsense");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await page.getByRole("dialog").getByRole("alert").waitFor();
  await page.getByRole("dialog").getByLabel("API key").fill(made.apiKey);
  await page.getByRole("button", { name: "Add", exact: true }).click();
  const choice = page.getByRole("combobox", { name: "Organisation" });
  await choice.waitFor();
  expect(await choice.inputValue()).toBe(made.orgId);
  await isAccessible(page, "a choice of organisations");
  await page.getByRole("link", { name: "Settings" }).click();
  await page.getByText("signed in with the API key first key").waitFor();
  const all = await choice.locator("option").evaluateAll((options) => options.map((option) => (option as HTMLOptionElement).value));
  await choice.selectOption(all.find((id) => id !== made.orgId)!);
  await page.getByRole("heading", { name: "Live" }).waitFor();
  await page.getByRole("link", { name: "Settings" }).click();
  await page.getByText("signed in as Wren@example.org").waitFor();
  expect(faults()).toEqual([]);
});

test("a member who is removed is signed out", async () => {
  const { members } = await reviewer.get<{ members: { id: string }[] }>("/v1/org/members");
  await page.getByRole("link", { name: "Live", exact: true }).click();
  await reviewer.delete(`/v1/org/members/${members[0]!.id}`);
  // The page notices by itself: it asks for a ticket, or what is new.
  await page.getByText("Your sign-in has ended").waitFor({ timeout: 50_000 });
  expect(faults()).toEqual([]);
});
