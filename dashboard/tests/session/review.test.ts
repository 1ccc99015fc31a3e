import { afterEach, beforeEach, expect, test } from "vitest";
import { ApiClient } from "../../src/api/client";
import { readReview } from "../../src/session/review";
import { json, Scripted } from "../scripted";

let server: Scripted;
const unheard: unknown[] = [];
const hear = (reason: unknown) => void unheard.push(reason);

beforeEach(async () => {
  server = await Scripted.start();
  unheard.length = 0;
  process.on("unhandledRejection", hear);
});
afterEach(async () => {
  process.off("unhandledRejection", hear);
  await server.stop();
});

/** Node tells of rejections that nobody heard once the microtasks are done. */
const settled = () => new Promise((done) => setTimeout(done, 50));
const read = (api: ApiClient) => readReview(api, "s", "a", new AbortController().signal);

test("a review that is refused fails once, whichever of its parts is refused first", async () => {
  for (const slow of ["/scores", "/assessments/"]) {
    server.onRequest = (request, reply) => {
      const refuse = () => json(reply, 403, { error: "Not with this key.", code: "insufficient_scope" });
      setTimeout(refuse, request.url!.includes(slow) ? 30 : 0);
      return true;
    };
    await expect(read(server.link.api), slow).rejects.toMatchObject({ status: 403, message: "Not with this key." });
    await settled();
    expect(unheard, slow).toEqual([]);
  }
});

test("a review without a server fails once", async () => {
  const { api } = server.link;
  await server.stop();
  await expect(read(api)).rejects.toMatchObject({ code: "offline" });
  await settled();
  expect(unheard).toEqual([]);
  server = await Scripted.start();
});

test("an assessment that was deleted leaves the scores", async () => {
  server.onRequest = (request, reply) => {
    if (request.url!.endsWith("/scores")) json(reply, 200, { scores: [], prompterScore: null });
    else json(reply, 404, { error: "There is no such thing.", code: "not_found" });
    return true;
  };
  expect(await read(server.link.api)).toEqual({ assessment: null, rubric: null, scores: { scores: [], prompterScore: null } });
});
