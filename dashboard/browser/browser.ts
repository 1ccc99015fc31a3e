/** Debian's Chromium, and what is held against every page that is shown in it. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type BrowserContext, type Page } from "playwright-core";
import { expect } from "vitest";

const EXECUTABLE = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const axe = readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** A browser of its own, with nothing in it. */
export class Browser {
  readonly faults: string[] = [];

  private constructor(
    readonly context: BrowserContext,
    private readonly directory: string,
    private readonly origin: string,
  ) {}

  static async open(origin: string): Promise<Browser> {
    const directory = await mkdtemp(join(tmpdir(), "browser-"));
    const context = await chromium.launchPersistentContext(directory, {
      executablePath: EXECUTABLE,
      args: FLAGS,
      viewport: { width: 1280, height: 860 },
      locale: "en-GB",
    });
    const browser = new Browser(context, directory, origin);
    browser.#watch();
    return browser;
  }

  #watch(): void {
    const own = [this.origin, this.origin.replace(/^http/, "ws")];
    const isOwn = (url: string) => own.some((origin) => url.startsWith(`${origin}/`)) || /^(data|blob|about):/.test(url);
    const foreign = (url: string) => isOwn(url) || this.faults.push(`a request left the origin: ${url}`);
    this.context.on("request", (request) => foreign(request.url()));
    this.context.on("page", (page) => this.#watchPage(page, foreign));
    for (const page of this.context.pages()) this.#watchPage(page, foreign);
  }

  #watchPage(page: Page, foreign: (url: string) => void): void {
    page.on("websocket", (socket) => foreign(socket.url()));
    // A request that was given up because its page was left is no fault.
    page.on("pageerror", (error) => error.name === "AbortError" || this.faults.push(`an exception: ${error.stack ?? error.message}`));
    page.on("console", (message) => {
      if (/content security policy/i.test(message.text())) this.faults.push(`the content policy: ${message.text()}`);
    });
    page.on("dialog", (dialog) => {
      this.faults.push(`a dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
  }

  async page(): Promise<Page> {
    return this.context.pages()[0] ?? this.context.newPage();
  }

  async close(): Promise<void> {
    await this.context.close();
    await rm(this.directory, { recursive: true, force: true });
  }
}

interface Violation {
  id: string;
  impact: string | null;
  nodes: { target: unknown; failureSummary?: string }[];
}

/** Fails when axe finds something serious on the page as it is, in light and in dark, and at the width of a phone. */
export async function isAccessible(page: Page, what: string): Promise<void> {
  await page.evaluate(await axe);
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.waitForTimeout(100);
    const found = await page.evaluate(async () => {
      const { axe } = window as unknown as { axe: { run(): Promise<{ violations: Violation[] }> } };
      return (await axe.run()).violations;
    });
    const serious = found.filter(({ impact }) => impact === "serious" || impact === "critical");
    const told = serious.flatMap(({ id, nodes }) => nodes.map((node) => `${id} ${String(node.target)}: ${node.failureSummary ?? ""}`));
    expect(told, `${what}, ${colorScheme}`).toEqual([]);
  }
  const size = page.viewportSize()!;
  await page.setViewportSize({ width: 320, height: 640 });
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(overflow, `${what}: wider than 320 pixels`).toBeLessThanOrEqual(0);
  await page.setViewportSize(size);
  await page.emulateMedia({ colorScheme: "light", reducedMotion: null });
}
