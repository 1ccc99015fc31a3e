/** A server on a real port whose answers a test writes down, for what a real one does only when it is in trouble. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocketServer, WebSocket as Socket } from "ws";
import { ApiClient } from "../src/api/client";
import type { Event } from "../src/api/types";

export class Scripted {
  /** Answers plain requests; tickets are given unless it answers those itself by returning true. */
  onRequest: (request: IncomingMessage, reply: ServerResponse) => boolean = () => false;
  /** One for each connection that is to be answered, in order; the last goes on for all that follow. */
  talks: ((peer: Peer) => void | Promise<void>)[] = [];
  /** Refuses sockets with 404 instead of opening them. */
  refusesSockets = false;
  readonly connections: string[] = [];
  readonly #http = createServer((request, reply) => this.#answer(request, reply));
  readonly #sockets = new WebSocketServer({ noServer: true });
  #tickets = 0;

  static async start(): Promise<Scripted> {
    const server = new Scripted();
    server.#http.on("upgrade", (request, line, head) => {
      if (server.refusesSockets) return line.end("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
      return server.#sockets.handleUpgrade(request, line, head, (socket) => server.#connected(socket, request));
    });
    await new Promise<void>((done) => server.#http.listen(0, "127.0.0.1", done));
    return server;
  }

  get host(): string {
    return `127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  get link() {
    const api = new ApiClient({ base: `http://${this.host}` });
    return { api, origin: `ws://${this.host}`, webSocket: Socket as unknown as typeof WebSocket };
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#http.closeAllConnections();
    await new Promise((done) => this.#http.close(done));
  }

  #answer(request: IncomingMessage, reply: ServerResponse): void {
    if (this.onRequest(request, reply)) return;
    if (request.url !== "/v1/live-tickets") return json(reply, 404, { error: "No.", code: "not_found" });
    this.#tickets += 1;
    json(reply, 201, { ticket: `ticket-${this.#tickets}`, expiresAt: "2030-01-01T00:00:00.000Z" });
  }

  #connected(socket: Socket, request: IncomingMessage): void {
    const talk = this.talks[Math.min(this.connections.length, this.talks.length - 1)];
    this.connections.push(request.url ?? "");
    void talk?.(new Peer(socket));
  }
}

/** The server's side of one connection. */
export class Peer {
  readonly #heard: string[] = [];
  #waiting: ((text: string) => void) | null = null;

  constructor(readonly socket: Socket) {
    socket.on("message", (data) => {
      const text = String(data);
      if (this.#waiting) this.#waiting(text);
      else this.#heard.push(text);
      this.#waiting = null;
    });
  }

  say(...messages: object[]): void {
    for (const message of messages) this.socket.send(JSON.stringify(message));
  }

  /** The next thing that the client says. */
  async hears(): Promise<Record<string, unknown>> {
    const text = this.#heard.shift() ?? (await new Promise<string>((done) => (this.#waiting = done)));
    return JSON.parse(text) as Record<string, unknown>;
  }
}

export function json(reply: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  reply.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
}

/** A timeline row of which only the number matters. */
export function row(seq: number): Event {
  return { id: `event-${seq}`, seq, kind: "prompt", data: {} } as unknown as Event;
}

export function events(from: number, to: number): { type: string; event: Event }[] {
  return Array.from({ length: to - from + 1 }, (_, i) => ({ type: "event", event: row(from + i) }));
}

export function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}
