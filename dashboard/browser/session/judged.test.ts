import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { ApiClient } from "../../src/api/client";
import type { Artifacts } from "../../src/session/types";
import { Server } from "../../stack/server";
import { Candidate, newAssessment, prompt } from "./candidate";
import { launch, signIn, Window } from "./window";

let model: HttpServer;
let server: Server;
let reviewer: ApiClient;
let browser: Browser;

/** What a model makes of the prompts that it is asked about; one note would be a page if anybody let it. */
function judge(question: string): string {
  const { messages } = JSON.parse(question) as { messages: { content: string }[] };
  const { prompts } = JSON.parse(messages[1]!.content) as { prompts: { number: number }[] };
  const judged = prompts.map(({ number }) => ({
    number, clarity: 4, context: 2, specificity: 5, note: `Note ${number} <img src=x onerror=alert(1)>`,
  }));
  const answer = { prompts: judged, summary: "Short and clear.", strengths: ["Names files."], improvements: ["Say why."] };
  return JSON.stringify({ choices: [{ message: { content: JSON.stringify(answer) }, finish_reason: "stop" }] });
}

beforeAll(async () => {
  model = createServer((request, reply) => {
    let question = "";
    request.on("data", (chunk: Buffer) => (question += chunk.toString()));
    request.on("end", () => reply.setHeader("content-type", "application/json").end(judge(question)));
  });
  await new Promise<void>((done) => model.listen(0, "127.0.0.1", done));
  const { port } = model.address() as AddressInfo;
  server = await Server.start("--judge-url", `http://127.0.0.1:${port}/v1`, "--judge-model", "wren-1");
  reviewer = await server.reviewer();
  browser = await launch();
});
afterAll(async () => {
  await browser?.close();
  await server?.remove();
  model?.close();
});

test("what a language model wrote is marked as such, and leads to the prompts it is about", async () => {
  const candidate = await Candidate.begins(server.url, reviewer, await newAssessment(reviewer), "Wren");
  await candidate.sends(prompt("Make the tests pass", 4000), prompt("Round half up", 2000));
  await candidate.completes();
  await vi.waitFor(async () => {
    const { artifacts } = await reviewer.get<Artifacts>(`/v1/sessions/${candidate.sessionId}/artifacts`);
    expect(artifacts.map(({ kind }) => kind)).toContain("prompt_analysis_v1");
  }, 30_000);
  const storageState = await signIn(browser, server.url, await server.apiKey());
  const window = await Window.open(browser, `${server.url}/sessions/${candidate.sessionId}`, { storageState });
  const { page } = window;
  await page.locator("[data-seq='2']").waitFor();
  await page.keyboard.press("4");
  const card = page.getByRole("region", { name: /Written by a language model/ });
  await card.getByText("It may be wrong").waitFor();
  const text = (await card.textContent())!;
  for (const shown of ["wren-1", "Short and clear.", "Names files.", "Say why.", "Clarity4 of 5"]) expect(text).toContain(shown);
  await card.getByText("2 prompts one by one").click();
  await card.getByText("Note 2 <img src=x").waitFor();
  await card.getByRole("button", { name: /#2/ }).click();
  await vi.waitFor(async () => expect(await page.locator(".s-row.is-current").getAttribute("data-seq")).toBe("2"), 5000);
  await window.expectAccessible();
  expect(window.complaints).toEqual([]);
  await window.close();
});
