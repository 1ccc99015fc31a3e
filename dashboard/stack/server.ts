/** The real server with its real stores, started for a test on a port and a directory of its own. */
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { WebSocket as Socket } from "ws";
import { ApiClient } from "../src/api/client";

const BINARY = resolve(process.env["PROMPTSTER_SERVER"] ?? "../target/debug/promptster-server");
/** Candidates of a test send more in a moment than people do in a day. */
const BUDGETS = ["--ingest-per-minute", "1000000", "--ingest-burst", "1000000"];

export class Server {
  #child: ChildProcess | null = null;

  private constructor(
    private readonly directory: string,
    private readonly port: number,
    private readonly flags: readonly string[],
  ) {}

  /** With these flags besides those that it needs. */
  static async start(...flags: string[]): Promise<Server> {
    if (!existsSync(BINARY)) throw new Error(`${BINARY} is not there: build it, or name another in PROMPTSTER_SERVER`);
    const server = new Server(await mkdtemp(join(tmpdir(), "dashboard-")), await freePort(), flags);
    await server.up();
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The API key of the organisation that a new server has. */
  async apiKey(): Promise<string> {
    return (JSON.parse(await readFile(join(this.directory, "dev.json"), "utf8")) as { apiKey: string }).apiKey;
  }

  /** Asks as that organisation. */
  async reviewer(): Promise<ApiClient> {
    return new ApiClient({ base: this.url, headers: { Authorization: `Bearer ${await this.apiKey()}` } });
  }

  /** What a command of the server's own prints, for this one. */
  async run(...words: string[]): Promise<string> {
    const { stdout } = await promisify(execFile)(BINARY, [...words, "--data-dir", this.directory]);
    return stdout;
  }

  link(api: ApiClient) {
    return { api, origin: `ws://127.0.0.1:${this.port}`, webSocket: Socket as unknown as typeof WebSocket };
  }

  async up(): Promise<void> {
    const flags = ["--listen", `127.0.0.1:${this.port}`, "--data-dir", this.directory, ...BUDGETS, ...this.flags];
    const child = spawn(BINARY, ["dev", ...flags], { stdio: ["ignore", "ignore", "inherit"] });
    this.#child = child;
    for (let tries = 0; tries < 300; tries += 1) {
      if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}`);
      const ready = await fetch(`${this.url}/v1/ready`).then((reply) => reply.ok, () => false);
      if (ready && existsSync(join(this.directory, "dev.json"))) return;
      await new Promise((done) => setTimeout(done, 100));
    }
    throw new Error("the server was not ready after half a minute");
  }

  async down(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null) return;
    const ended = new Promise((done) => child.once("exit", done));
    child.kill("SIGTERM");
    await ended;
  }

  /** Ends it as a crash does: it gets to say and to write nothing more. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((done) => child.once("exit", done));
    child.kill("SIGKILL");
    await ended;
  }

  async remove(): Promise<void> {
    await this.down();
    await rm(this.directory, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const listener = createServer();
  await new Promise<void>((done) => listener.listen(0, "127.0.0.1", done));
  const { port } = listener.address() as AddressInfo;
  await new Promise((done) => listener.close(done));
  return port;
}
