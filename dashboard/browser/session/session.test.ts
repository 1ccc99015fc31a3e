import { readdir, readFile } from "node:fs/promises";
import { loadavg } from "node:os";
import { gzipSync } from "node:zlib";
import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import type { ApiClient } from "../../src/api/client";
import { Server } from "../../stack/server";
import { Candidate, newAssessment, prompt } from "./candidate";
import { launch, signIn, Window, type SignedIn } from "./window";

let server: Server;
let reviewer: ApiClient;
let signedIn: SignedIn;
let browser: Browser;
let assessment: string;
let windows: Window[] = [];

beforeAll(async () => {
  server = await Server.start();
  reviewer = await server.reviewer();
  const { secret } = await reviewer.post<{ secret: string }>("/v1/org/api-keys", {
    name: "browser",
    scopes: ["read", "write"],
  });
  browser = await launch();
  signedIn = await signIn(browser, server.url, secret);
  assessment = await newAssessment(reviewer, { timeLimitMinutes: 90 });
});
afterEach(async () => {
  for (const window of windows) await window.close();
  windows = [];
});
afterAll(async () => {
  await browser?.close();
  await server?.remove();
});

const begins = (name = "Plover") => Candidate.begins(server.url, reviewer, assessment, name);

async function open(path: string, options = {}): Promise<Window> {
  const window = await Window.open(browser, server.url + path, { storageState: signedIn, ...options });
  windows.push(window);
  return window;
}

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n + 1);

test("the view follows live, rests when it is told to, goes back and jumps to live", async () => {
  const candidate = await begins();
  await candidate.sends(...numbers(30).map((n) => prompt(`past ${n}`, (40 - n) * 1000)));
  const window = await open(`/sessions/${candidate.sessionId}`);
  const { page } = window;
  const last = page.locator(".v-row").last();
  await vi.waitFor(async () => expect(await last.textContent()).toContain("past 30"), 10_000);
  await candidate.sends(prompt("live 31"));
  await vi.waitFor(async () => expect(await last.textContent()).toContain("live 31"), 5000);

  await page.keyboard.press("Space");
  await candidate.sends(prompt("live 32"));
  await page.getByText("Jump to live").last().waitFor();
  await vi.waitFor(
    async () => expect(await page.locator("[data-seq='32']").getAttribute("class")).toContain("is-ahead"),
    5000,
  );
  await vi.waitFor(() => expect(new URL(page.url()).searchParams.get("at")).toBe("31"), 5000);

  await page.keyboard.press("Home");
  await vi.waitFor(
    async () => expect(await page.locator("[data-seq='2']").getAttribute("class")).toContain("is-ahead"),
    5000,
  );
  const track = (await page.locator(".p-track").boundingBox())!;
  await page.mouse.click(track.x + track.width / 2, track.y + 20);
  await vi.waitFor(async () => {
    const current = Number(await page.locator(".s-row.is-current").getAttribute("data-seq"));
    expect(current).toBeGreaterThan(5);
    expect(current).toBeLessThan(31);
  }, 5000);

  await page.keyboard.press("l");
  await vi.waitFor(async () => expect(await last.textContent()).toContain("live 32"), 5000);
  await candidate.sends(prompt("live 33"));
  await vi.waitFor(async () => expect(await last.textContent()).toContain("live 33"), 5000);
  expect(await window.rows()).toEqual(numbers(33));
  expect(window.complaints).toEqual([]);
});

test("a link to a moment opens there, and playing goes on from it", async () => {
  const candidate = await begins();
  await candidate.sends(...numbers(40).map((n) => prompt(`event ${n}`, (60 - n) * 200)));
  const { page } = await open(`/sessions/${candidate.sessionId}?at=17`);
  await vi.waitFor(async () => expect(await page.locator(".s-row.is-current").getAttribute("data-seq")).toBe("17"), 10_000);
  await page.keyboard.press("+");
  await page.keyboard.press("Space");
  await vi.waitFor(async () => expect(await page.locator(".p-live.is-on").count()).toBe(1), 20_000);
  await vi.waitFor(() => expect(new URL(page.url()).searchParams.get("at")).toBeNull(), 5000);
});

test("a restart of the server leaves neither gap nor repeat on the screen", async () => {
  const candidate = await begins();
  await candidate.sends(...numbers(40).map((n) => prompt(`before ${n}`)));
  const window = await open(`/sessions/${candidate.sessionId}`);
  await window.page.locator("[data-seq='40']").waitFor();
  await server.down();
  await window.page.getByText("Reconnecting").first().waitFor();
  await server.up();
  await candidate.sends(...numbers(25).map((n) => prompt(`after ${n}`)));
  await window.page.getByText("Live again, nothing missed").waitFor({ timeout: 30_000 });
  await window.page.locator("[data-seq='65']").waitFor();
  await candidate.sends(prompt("and on"));
  await window.page.locator("[data-seq='66']").waitFor();
  expect(await window.rows()).toEqual(numbers(66));
  expect(window.complaints).toEqual([]);
});

test("events are on the screen soon after they are sent", async () => {
  const candidate = await begins();
  await candidate.sends(prompt("first"));
  const { page } = await open(`/sessions/${candidate.sessionId}`);
  await page.locator(".p-live.is-on").waitFor();
  await page.locator("[data-seq='1']").waitFor();
  await page.evaluate(() => {
    const seen: Record<string, number> = ((globalThis as unknown as { seen: Record<string, number> }).seen = {});
    const look = () => {
      for (const title of document.querySelectorAll(".s-prompt .s-title")) seen[title.textContent!] ??= Date.now();
    };
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true });
  });
  const sent: [string, number][] = [];
  for (const n of numbers(120)) {
    sent.push([`measured ${n}`, Date.now()]);
    await candidate.sends(prompt(`measured ${n}`));
    await new Promise((done) => setTimeout(done, 25));
  }
  await page.locator("[data-seq='121']").waitFor();
  const seen = await page.evaluate(() => (globalThis as unknown as { seen: Record<string, number> }).seen);
  const took = sent.map(([text, at]) => seen[text]! - at).sort((one, other) => one - other);
  const at = (share: number) => took[Math.floor(share * (took.length - 1))]!;
  console.log(`sent to visible: median ${at(0.5)} ms, p95 ${at(0.95)} ms, most ${at(1)} ms`);
  expect(took.every(Number.isFinite) && took.length === 120).toBe(true);
});

test("a session of 100,000 events is shown and scrolls", async () => {
  const candidate = await begins();
  const kinds = [
    (n: number) => prompt(`Prompt ${n}: change how the totals are rounded, and say why.`, (100_000 - n) * 100),
    (n: number) => ({
      kind: "command",
      data: { command: "uv run pytest -q", exitCode: n % 3, stdout: `${n % 3} failed, 12 passed in 0.4s` },
      ago: (100_000 - n) * 100,
    }),
    (n: number) => ({
      kind: "file_diff",
      data: { path: `src/m${n % 40}.py`, diff: `@@ -1,0 +1,1 @@\n+# ${n}\n`, linesAdded: 1, linesRemoved: 0 },
      ago: (100_000 - n) * 100,
    }),
    (n: number) => ({
      kind: "tool_use",
      data: { toolName: "Read", inputPreview: `src/m${n % 40}.py` },
      ago: (100_000 - n) * 100,
    }),
  ];
  for (let sent = 0; sent < 100_000; sent += 5000) {
    await candidate.sends(...Array.from({ length: 5000 }, (_, n) => kinds[n % 4]!(sent + n)));
  }
  let first = Infinity;
  for (let tries = 0; tries < 3 && first > 2000; tries += 1) {
    // One that goes on reading would take the next one's time.
    for (const window of windows.splice(0)) await window.close();
    const { page } = await open(`/sessions/${candidate.sessionId}`);
    first = Math.min(first, await page.evaluate(firstRow));
  }
  const { page } = windows.at(-1)!;
  await page.locator(".s-events[aria-busy=false]").waitFor({ timeout: 200_000 });
  const all = Math.round(await page.evaluate(() => performance.now()));
  expect(await page.locator(".v-row").first().getAttribute("aria-setsize")).toBe("100000");
  const devtools = await page.context().newCDPSession(page);
  // Of the page's own thread: what other programs take away is not counted.
  await devtools.send("Performance.enable", { timeDomain: "threadTicks" });
  const worked = async () => {
    const { metrics } = await devtools.send("Performance.getMetrics");
    return 1000 * metrics.find(({ name }) => name === "TaskDuration")!.value;
  };
  // The best of several tries: on a machine that is busy with other things nothing is drawn smoothly.
  let [best, cost] = [0, Infinity];
  for (let tries = 0; tries < 5 && best < 50; tries += 1) {
    const before = await worked();
    const frames = await page.evaluate(scroll);
    cost = Math.min(cost, ((await worked()) - before) / frames);
    best = Math.max(best, frames / 2);
  }
  console.log(
    `100,000 events: first rows after ${first} ms, all after ${all} ms; scrolling: ${Math.round(best)} frames a second, ${cost.toFixed(1)} ms of work for each; load of the machine ${loadavg()[0]!.toFixed(1)}`,
  );
  // Figures of one machine and one moment: printed, and aimed at (2 s, 50 frames), but nothing fails over them.
  expect([first, all, cost, best].every(Number.isFinite)).toBe(true);
}, 600_000);

/** Milliseconds from the start of the navigation to the first frame with rows. */
async function firstRow(): Promise<number> {
  while (!document.querySelector(".s-row")) await new Promise(requestAnimationFrame);
  return Math.round(performance.now());
}

/** Scrolls for two seconds and counts the frames. */
async function scroll(): Promise<number> {
  const box = document.querySelector(".s-events")!;
  let [frames, top] = [0, 2_000_000 * Math.random()];
  const end = performance.now() + 2000;
  while (performance.now() < end) {
    await new Promise(requestAnimationFrame);
    frames += 1;
    box.scrollTop = top += 60;
  }
  return frames;
}

const HOSTILE =
  "<script>document.title='owned'</script><img src=x onerror=\"alert(1)\"> javascript:alert(1) \u001b[2J\u001b]0;owned\u0007 \u202Egnp.exe \u2066x http://evil.example/a.png";

test("what candidates plant does nothing", async () => {
  const candidate = await begins(`<b>${HOSTILE.replaceAll(/[\u0000-\u001f]/g, "")}`.slice(0, 200));
  const kinds: Record<string, Record<string, unknown>> = {
    prompt: { text: HOSTILE },
    ai_response: { lastAssistantMessage: HOSTILE },
    command: { command: HOSTILE, exitCode: 1, stdout: HOSTILE, stderr: HOSTILE },
    file_diff: { path: HOSTILE, diff: `@@ -0,0 +1,1 @@\n+${HOSTILE.replaceAll("\n", " ")}\n`, linesAdded: 1 },
    file_create: { path: `x/${HOSTILE}`, content: HOSTILE, movePath: HOSTILE },
    test_run: { suite: HOSTILE, passed: 1 },
    decision_event: {
      title: HOSTILE,
      rationale: HOSTILE,
      tradeoffs: HOSTILE,
      context: HOSTILE,
      chosenOption: HOSTILE,
      category: HOSTILE,
    },
    planning: { todos: [{ content: HOSTILE }] },
    mcp_call: { tool: HOSTILE, argsPreview: HOSTILE },
    session_start: { cwd: HOSTILE, model: HOSTILE, repoUrl: "javascript:alert(1)" },
    never_seen: { anything: HOSTILE, nested: { deep: [HOSTILE] } },
  };
  await candidate.sends(...Object.entries(kinds).map(([kind, data]) => ({ kind, data })));
  const window = await open(`/sessions/${candidate.sessionId}`, { viewport: { width: 1440, height: 2400 } });
  const { page } = window;
  await page.locator("[data-seq='11']").waitFor();
  const heads = page.locator(".s-head");
  for (let index = 0; index < (await heads.count()); index += 1) await heads.nth(index).click();
  for (const tab of ["3", "4", "2"]) {
    await page.keyboard.press(tab);
    await page.waitForTimeout(300);
  }
  expect(window.complaints).toEqual([]);
  expect(await page.title()).not.toBe("owned");
  expect(await page.locator("main :is(script, img, iframe, object, embed, form[action])").count()).toBe(0);
  const links = await page.locator("a").evaluateAll((all) => all.map((link) => (link as HTMLAnchorElement).href));
  expect(links.filter((link) => !link.startsWith(server.url))).toEqual([]);
  const text = await page.locator("main").evaluate((main) => (main as HTMLElement).textContent ?? "");
  expect(text).toContain("<script>document.title='owned'</script>");
  expect(
    [...text].filter((letter) => /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/.test(letter)),
  ).toEqual([]);
  const attributes = await page.evaluate(() =>
    [...document.querySelectorAll("main *")].flatMap((element) => [...element.attributes].map(({ value }) => value)),
  );
  expect(attributes.filter((value) => /[\u0000-\u0008\u000b-\u001f\u202a-\u202e\u2066-\u2069]/.test(value))).toEqual([]);
});

test("a session that is deleted while it is looked at says so, and so does one that never was", async () => {
  const candidate = await begins();
  await candidate.sends(prompt("gone soon"));
  const { page } = await open(`/sessions/${candidate.sessionId}`);
  await page.locator("[data-seq='1']").waitFor();
  await reviewer.delete(`/v1/sessions/${candidate.sessionId}`);
  await page.getByText("This session has been deleted.").waitFor();
  const never = await open("/sessions/never-was");
  await never.page.getByText("There is no such session.").waitFor();
});

test("a session is scored beside its timeline, with notes that name moments", async () => {
  const candidate = await begins();
  await candidate.sends(...numbers(5).map((n) => prompt(`event ${n}`, (10 - n) * 1000)));
  await candidate.completes();
  const window = await open(`/sessions/${candidate.sessionId}?at=3`);
  const { page } = window;
  await page.locator(".s-row.is-current[data-seq='3']").waitFor();
  await page.keyboard.press("4");
  await page.getByLabel("4", { exact: true }).check({ force: true });
  await page.getByRole("button", { name: "Name this moment (#3)" }).click();
  await page.getByRole("button", { name: "Save scores" }).click();
  await page.getByText("Saved.").waitFor();
  const { scores } = await reviewer.get<{ scores: { score: number; notes: string }[] }>(
    `/v1/sessions/${candidate.sessionId}/scores`,
  );
  expect(scores).toMatchObject([{ score: 4, notes: "#3 " }]);
  await page.keyboard.press("Home");
  await page.locator(".r-moment").first().click();
  await vi.waitFor(async () => expect(await page.locator(".s-row.is-current").getAttribute("data-seq")).toBe("3"));
  expect(window.complaints).toEqual([]);
});

test("sessions are compared, and the address holds which", async () => {
  const [one, other] = [await begins("Plover"), await begins("Dipper")];
  await one.sends(...numbers(8).map((n) => prompt(`${n}`, (10 - n) * 1000)));
  await other.sends(prompt("only one", 5000), prompt("and another"));
  const window = await open("/compare");
  const { page } = window;
  await page.getByPlaceholder("Name of a candidate").fill(one.sessionId);
  await page.locator(".x-picker li button").first().click();
  await page.getByPlaceholder("Name of a candidate").fill(other.sessionId);
  await page.locator(".x-picker li button").first().click();
  await page.getByText("Prompts: 8 for Plover, 2 for Dipper, 4 times as much").waitFor();
  expect(page.url()).toContain(`sessions=${one.sessionId},${other.sessionId}`);
  await other.sends(...numbers(6).map((n) => prompt(`more ${n}`)));
  await vi.waitFor(async () => expect(await page.getByText("Prompts: 8 for Plover").count()).toBe(0), 10_000);
  await window.expectAccessible();
  expect(window.complaints).toEqual([]);
});

test("the pages can be used by all, in light and dark, wide and narrow", async () => {
  const candidate = await begins();
  await candidate.sends(
    prompt("Fix the totals", 900_000),
    { kind: "file_create", data: { path: "a.py", content: "x = 1\ny = 2\n" }, attribution: "likely_ai", ago: 20_000 },
    { kind: "command", data: { command: "pytest -q", exitCode: 1, stdout: "1 failed, 3 passed in 0.1s" }, ago: 10_000 },
    { kind: "decision_event", data: { title: "Use a list", rationale: "It is short." } },
  );
  for (const [colorScheme, width] of [
    ["light", 1440],
    ["dark", 320],
  ] as const) {
    const window = await open(`/sessions/${candidate.sessionId}`, { colorScheme, viewport: { width, height: 900 } });
    await window.page.locator("[data-seq='4']").waitFor();
    for (const tab of ["1", "2", "3", "4"]) {
      await window.page.keyboard.press(tab);
      await window.page.waitForTimeout(400);
      await window.expectAccessible();
      const overflow = await window.page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      expect(overflow, `${width} wide`).toBeLessThanOrEqual(0);
    }
    expect(window.complaints).toEqual([]);
  }
});

test("what is loaded is small", async () => {
  const assets = new URL("../../dist/assets/", import.meta.url);
  let size = 0;
  for (const name of await readdir(assets))
    if (name.endsWith(".js")) size += gzipSync(await readFile(new URL(name, assets))).length;
  console.log(`all JavaScript of the dashboard: ${Math.round(size / 1024)} KB compressed`);
  expect(size).toBeLessThanOrEqual(150 * 1024);
});
