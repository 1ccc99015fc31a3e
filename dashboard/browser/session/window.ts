/** A page of Debian's Chromium that notes whatever a strict reviewer would complain of. */
import axe from "axe-core";
import { chromium, type Browser, type BrowserContext, type BrowserContextOptions, type Page } from "playwright-core";
import { expect } from "vitest";

const FLAGS =
  "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";

export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium", args: FLAGS.split(" ") });
}

export type SignedIn = Awaited<ReturnType<BrowserContext["storageState"]>>;

/** Signs in on the server's own page, as a person does: the cookie with which other windows are signed in as well. */
export async function signIn(browser: Browser, url: string, apiKey: string): Promise<SignedIn> {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(url);
  await page.getByLabel("API key").fill(apiKey);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Live" }).waitFor();
  const state = await context.storageState();
  await context.close();
  return state;
}

export class Window {
  /** Errors of scripts, refusals of the content policy, dialogs, and requests to anywhere else. */
  readonly complaints: string[] = [];

  private constructor(readonly page: Page) {}

  static async open(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Window> {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
    const page = await context.newPage();
    const window = new Window(page);
    const { origin } = new URL(url);
    page.on("pageerror", (error) => window.complaints.push(`error: ${error.message}`));
    page.on("console", (message) => {
      if (/Content Security Policy|Trusted ?Type/i.test(message.text())) window.complaints.push(`policy: ${message.text()}`);
    });
    page.on("dialog", (dialog) => {
      window.complaints.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on("request", (request) => {
      if (new URL(request.url()).origin !== origin) window.complaints.push(`elsewhere: ${request.url()}`);
    });
    await page.goto(url);
    return window;
  }

  /** No serious or critical violation of what makes a page usable for all. */
  async expectAccessible(): Promise<void> {
    await this.page.evaluate(axe.source);
    const { violations } = await this.page.evaluate(() => (globalThis as unknown as { axe: typeof axe }).axe.run());
    const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
    expect(serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(" | ")}`)).toEqual([]);
  }

  /** The seqs of all rows of the timeline from the first to the last, as somebody sees them who scrolls through it. */
  rows(): Promise<number[]> {
    return this.page.evaluate(async () => {
      const box = document.querySelector(".s-events")!;
      const seen = new Map<number, number>();
      const frame = () => new Promise(requestAnimationFrame);
      for (let top = 0; ; top += box.clientHeight / 2) {
        box.scrollTop = top;
        await frame();
        await frame();
        for (const row of box.querySelectorAll(".v-row")) {
          const place = Number(row.getAttribute("aria-posinset"));
          seen.set(place, Number(row.querySelector("[data-seq]")!.getAttribute("data-seq")));
        }
        if (box.scrollTop + box.clientHeight >= box.scrollHeight - 1) break;
      }
      return [...seen].sort(([one], [other]) => one - other).map(([, seq]) => seq);
    });
  }

  async close(): Promise<void> {
    await this.page.context().close();
  }
}
