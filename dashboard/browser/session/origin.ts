/** An origin of the built dashboard before a real server: its files under the strictest content policy, the API behind them,
 * signed in with an API key. */
import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { extname, join, normalize, resolve } from "node:path";

const DIST = resolve(import.meta.dirname, "../../dist");
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join("; ");
const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
};
const ME = {
  org: { id: "00000000-0000-4000-8000-000000000000", name: "Acme" },
  apiKey: { id: "00000000-0000-4000-8000-000000000001", name: "test", prefix: "psk_live_test", scopes: ["read", "write"] },
  expiresAt: "2100-01-01T00:00:00.000Z",
};

export class Origin {
  readonly #http = createServer((question, reply) => this.#answer(question, reply));
  readonly #sockets = new Set<Socket>();

  private constructor(
    private readonly server: URL,
    private readonly authorization: string,
  ) {}

  static async of(server: string, apiKey: string): Promise<Origin> {
    if (!existsSync(join(DIST, "index.html"))) throw new Error("dist is not there: run `npm run build`");
    const origin = new Origin(new URL(server), `Bearer ${apiKey}`);
    origin.#http.on("upgrade", (question, socket: Socket, head: Buffer) => origin.#pass(question, socket, head));
    await new Promise<void>((done) => origin.#http.listen(0, "127.0.0.1", done));
    return origin;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#http.closeAllConnections();
    await new Promise((done) => this.#http.close(done));
  }

  #answer(question: IncomingMessage, reply: ServerResponse): void {
    const path = (question.url ?? "/").split("?")[0]!;
    if (path === "/auth/me") {
      reply.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(ME));
    } else if (path.startsWith("/v1/")) {
      const headers = { ...question.headers, host: this.server.host, authorization: this.authorization };
      const { hostname, port } = this.server;
      const asked = request({ hostname, port, path: question.url, method: question.method, headers }, (answer) => {
        reply.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(reply);
      });
      asked.on("error", () => reply.destroy());
      question.pipe(asked);
    } else {
      const wanted = join(DIST, normalize(path));
      const file =
        wanted.startsWith(DIST) && existsSync(wanted) && statSync(wanted).isFile() ? wanted : join(DIST, "index.html");
      const type = TYPES[extname(file)] ?? "application/octet-stream";
      reply.writeHead(200, { "content-type": type, "content-security-policy": POLICY });
      createReadStream(file).pipe(reply);
    }
  }

  #pass(question: IncomingMessage, socket: Socket, head: Buffer): void {
    const { hostname, port, host } = this.server;
    const upstream = connect(Number(port), hostname, () => {
      const headers = { ...question.headers, host, origin: `http://${host}` };
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${String(value)}`);
      upstream.write(`GET ${question.url} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
      upstream.write(head);
      upstream.pipe(socket).pipe(upstream);
    });
    for (const [one, other] of [
      [upstream, socket],
      [socket, upstream],
    ] as const) {
      this.#sockets.add(one);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        other.destroy();
        this.#sockets.delete(one);
      });
    }
  }
}
