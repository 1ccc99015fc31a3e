import { afterEach, beforeEach, expect, test } from "vitest";
import { ApiClient, ApiError, path } from "../src/api/client";
import { Scripted, json } from "./scripted";

let server: Scripted;
beforeEach(async () => void (server = await Scripted.start()));
afterEach(() => server.stop());

const api = () => new ApiClient({ base: `http://${server.host}`, headers: { "X-Test": "yes" } });
const failure = (asked: Promise<unknown>) => asked.then(() => expect.fail("it succeeded"), (error: ApiError) => error);

test("asks with query, headers and body, and gives the answer", async () => {
  server.onRequest = (request, reply) => {
    let body = "";
    request.on("data", (part) => (body += part));
    request.on("end", () => json(reply, 200, { url: request.url, by: request.headers["x-test"], body }));
    return true;
  };
  expect(await api().get("/v1/x", { limit: 5, after: undefined, q: "a b" })).toMatchObject({ url: "/v1/x?limit=5&q=a+b", by: "yes" });
  expect(await api().post("/v1/x", { a: 1 })).toMatchObject({ body: '{"a":1}' });
});

test("a refusal keeps its name, its sentence and its fields", async () => {
  const details = [{ path: ["title"], message: "must be given", code: "required" }];
  server.onRequest = (_, reply) => (json(reply, 400, { error: "Wrong.", code: "validation", details }), true);
  const error = await failure(api().get("/"));
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({ status: 400, code: "validation", message: "Wrong.", details, isPassing: false });
});

test("a proxy's page is not taken for an answer", async () => {
  server.onRequest = (_, reply) => (reply.writeHead(502, { "retry-after": "7" }).end("<h1>Bad gateway</h1>"), true);
  const error = await failure(api().get("/"));
  expect(error).toMatchObject({ status: 502, code: "unreadable", retryAfterMs: 7000, isPassing: true });
  server.onRequest = (_, reply) => (reply.end("<h1>Welcome</h1>"), true);
  expect(await failure(api().get("/"))).toMatchObject({ status: 200, code: "unreadable", isPassing: false });
});

test("no server is offline, and an abort is the caller's own", async () => {
  const client = api();
  await server.stop();
  expect(await failure(client.get("/"))).toMatchObject({ status: 0, code: "offline", isPassing: true });
  server = await Scripted.start();
  server.onRequest = () => true;
  const aborted = new AbortController();
  const asked = failure(api().get("/", {}, aborted.signal));
  aborted.abort();
  expect(await asked).not.toBeInstanceOf(ApiError);
});

test("what is put into a path cannot leave its place", () => {
  expect(path`/v1/sessions/${"../org?x#y"}/live`).toBe("/v1/sessions/..%2Forg%3Fx%23y/live");
});
