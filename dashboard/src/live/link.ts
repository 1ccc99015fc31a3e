import { ApiError, type ApiClient } from "../api/client";
import type { Ticket } from "../api/types";
import { Backoff } from "./backoff";
import { CLOSE, read, type WatchMessage } from "./messages";

/** How often the server is asked for a sign of life; browsers do not show its pings. */
const PING_EVERY_MS = 15_000;
/** After how long without one the connection is held for dead. */
const SILENT_FOR_MS = 40_000;

/** Why a link ended for good. */
export type Ended = "closed" | "signed-out" | "not-allowed" | "deleted" | "not-found";

export type LinkState =
  | { is: "connecting" }
  | { is: "connected" }
  /** Lost; tried again at `retryAt` (milliseconds since the epoch). `why` is a sentence for a person, where there is one. */
  | { is: "reconnecting"; retryAt: number; why: string | null }
  | { is: "ended"; why: Ended };

export interface LinkOptions {
  api: ApiClient;
  /** The path of the live route, with its query. */
  path: string;
  /** `ws://host` or `wss://host`. */
  origin: string;
  /** What to say as soon as the socket is open. */
  onOpen?: (say: (message: object) => void) => void;
  onMessage: (message: WatchMessage) => void;
  onState: (state: LinkState) => void;
  webSocket?: typeof WebSocket;
  backoff?: Backoff;
  pingEveryMs?: number;
  silentForMs?: number;
}

/** A socket of the live protocol that is opened again whenever it is lost, each time with a new one-use ticket. It knows
 * nothing of positions: that is for whoever reads its messages. */
export class Link {
  readonly #options: LinkOptions;
  readonly #backoff: Backoff;
  readonly #aborted = new AbortController();
  #socket: WebSocket | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pinger: ReturnType<typeof setInterval> | undefined;
  #heardAt = 0;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#backoff = options.backoff ?? new Backoff();
    void this.#connect();
  }

  say(message: object): void {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(message));
  }

  /** It works: the next loss is tried again at once. To be called when what was asked for has come. */
  isWell(): void {
    this.#backoff.reset();
  }

  /** Lets go of the socket and opens another one after a wait. */
  again(why: string | null, leastMs = 0): void {
    this.#letGo();
    if (this.#aborted.signal.aborted) return;
    const wait = Math.max(this.#backoff.next(), leastMs);
    this.#options.onState({ is: "reconnecting", retryAt: Date.now() + wait, why });
    this.#timer = setTimeout(() => void this.#connect(), wait);
  }

  /** Tries at once, as when the browser says that it is online again. Does nothing while connected or connecting. */
  retryNow(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    void this.#connect();
  }

  close(): void {
    this.#end("closed");
  }

  #end(why: Ended): void {
    if (this.#aborted.signal.aborted) return;
    this.#letGo();
    clearTimeout(this.#timer);
    this.#aborted.abort();
    this.#options.onState({ is: "ended", why });
  }

  #letGo(): void {
    clearInterval(this.#pinger);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  async #connect(): Promise<void> {
    this.#timer = undefined;
    this.#options.onState({ is: "connecting" });
    try {
      const ticket = await this.#options.api.post<Ticket>("/v1/live-tickets", {}, this.#aborted.signal);
      if (!this.#aborted.signal.aborted) this.#open(ticket.ticket);
    } catch (error) {
      if (!this.#aborted.signal.aborted) this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    if (!(error instanceof ApiError)) throw error;
    if (error.isPassing) this.again(error.message, error.retryAfterMs ?? 0);
    else if (error.status === 404 || error.status === 410) this.#end(error.status === 404 ? "not-found" : "deleted");
    else this.#end(error.status === 401 ? "signed-out" : "not-allowed");
  }

  #open(ticket: string): void {
    const { origin, path, webSocket: Socket = WebSocket } = this.#options;
    const socket = new Socket(`${origin}${path}${path.includes("?") ? "&" : "?"}ticket=${encodeURIComponent(ticket)}`);
    this.#socket = socket;
    // What a socket says that was let go of concerns nobody any more.
    const isOurs = () => this.#socket === socket;
    let opened = false;
    this.#heardAt = Date.now();
    this.#pinger = setInterval(() => this.#look(), this.#options.pingEveryMs ?? PING_EVERY_MS);
    socket.onopen = () => {
      if (!isOurs()) return;
      opened = true;
      this.#options.onState({ is: "connected" });
      this.#options.onOpen?.((message) => this.say(message));
    };
    socket.onmessage = ({ data }) => {
      if (!isOurs()) return;
      this.#heardAt = Date.now();
      const message = read(data);
      if (message) this.#options.onMessage(message);
    };
    // `onclose` follows, and says more.
    socket.onerror = () => {};
    socket.onclose = ({ code, reason }) => {
      if (isOurs()) this.#closed(code, reason, opened);
    };
  }

  #closed(code: number, reason: string, opened: boolean): void {
    if (code === CLOSE.sessionDeleted) this.#end("deleted");
    else if (code === CLOSE.credentialGone) this.#end("signed-out");
    else if (code === CLOSE.notAllowed) this.#end("not-allowed");
    else if (opened) this.again(reason || null);
    else void this.#askWhy();
  }

  /** A browser does not say why a socket was refused; the same route as a plain request does. */
  async #askWhy(): Promise<void> {
    this.#letGo();
    const probe = this.#options.path.replace(/\/live(\?.*)?$/, "");
    try {
      // The wall has no resource of its own to ask for; an organisation that may be watched may be read.
      await this.#options.api.get(probe === "/v1" ? "/v1/org" : probe, {}, this.#aborted.signal);
      this.again(null);
    } catch (error) {
      if (!this.#aborted.signal.aborted) this.#failed(error);
    }
  }

  #look(): void {
    if (Date.now() - this.#heardAt > (this.#options.silentForMs ?? SILENT_FOR_MS)) this.again("The server fell silent.");
    else this.say({ type: "ping" });
  }
}
