import type { Detail, ErrorBody } from "./types";

/** Longer than any answer takes that a person would wait for. */
const TIMEOUT_MS = 30_000;

/** Why a request got no answer of use. */
export class ApiError extends Error {
  override name = "ApiError";

  constructor(
    /** The HTTP status; 0 when no answer came at all. */
    readonly status: number,
    /** A name for programs, as in the API's errors; `offline` or `timeout` when no answer came, `unreadable` for one that
     * is not of the API, such as a proxy's page. */
    readonly code: string,
    /** A sentence for a person. */
    message: string,
    readonly details: Detail[] = [],
    /** Milliseconds after which it may be asked again, where the server said so. */
    readonly retryAfterMs: number | null = null,
  ) {
    super(message);
  }

  /** Whether the same request may succeed a little later. */
  get isPassing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

export interface ClientOptions {
  /** Where the server is, without a slash at the end; empty for the page's own origin. */
  base?: string;
  /** Sent with every request. */
  headers?: Record<string, string>;
  fetch?: typeof fetch;
}

export type Query = Record<string, string | number | undefined>;

/** Asks the API. Every failure is an {@link ApiError}, but for a request that the caller himself aborted. */
export class ApiClient {
  readonly #base: string;
  readonly #headers: Record<string, string>;
  readonly #fetch: typeof fetch;

  constructor({ base = "", headers = {}, fetch: ask = globalThis.fetch.bind(globalThis) }: ClientOptions = {}) {
    this.#base = base;
    this.#headers = headers;
    this.#fetch = ask;
  }

  get<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> {
    return this.#ask("GET", path + asText(query), undefined, signal);
  }

  post<T>(path: string, body: unknown, signal?: AbortSignal): Promise<T> {
    return this.#ask("POST", path, body, signal);
  }

  patch<T>(path: string, body: unknown, signal?: AbortSignal): Promise<T> {
    return this.#ask("PATCH", path, body, signal);
  }

  delete<T>(path: string, signal?: AbortSignal): Promise<T> {
    return this.#ask("DELETE", path, undefined, signal);
  }

  async #ask<T>(method: string, path: string, body: unknown, signal?: AbortSignal): Promise<T> {
    const timeout = AbortSignal.timeout(TIMEOUT_MS);
    const headers: Record<string, string> = { Accept: "application/json", ...this.#headers };
    const request: RequestInit = { method, headers, signal: signal ? AbortSignal.any([signal, timeout]) : timeout };
    if (body !== undefined) {
      headers["Content-Type"] = "application/json";
      request.body = JSON.stringify(body);
    }
    let reply: Response;
    let text: string;
    try {
      reply = await this.#fetch(this.#base + path, request);
      text = await reply.text();
    } catch (error) {
      if (signal?.aborted) throw error;
      if (timeout.aborted) throw new ApiError(0, "timeout", "The server did not answer in time.");
      throw new ApiError(0, "offline", "The server cannot be reached.");
    }
    const value = parsed(text);
    if (!reply.ok) throw refusal(reply, value);
    if (value === undefined) throw new ApiError(reply.status, "unreadable", "The server's answer could not be read.");
    return value as T;
  }
}

/** A path with its parts encoded: `` path`/v1/sessions/${id}` ``. */
export function path(texts: TemplateStringsArray, ...parts: string[]): string {
  return texts.map((text, i) => text + (i < parts.length ? encodeURIComponent(parts[i]!) : "")).join("");
}

function asText(query: Query): string {
  const given = Object.entries(query).filter((entry): entry is [string, string | number] => entry[1] !== undefined);
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return text && `?${text}`;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function refusal(reply: Response, value: unknown): ApiError {
  const after = Number(reply.headers.get("retry-after") ?? "");
  const retryAfterMs = reply.headers.has("retry-after") && Number.isFinite(after) ? after * 1000 : null;
  const body = (typeof value === "object" && value !== null ? value : {}) as Partial<ErrorBody>;
  if (typeof body.code !== "string" || typeof body.error !== "string") {
    const message = `The server answered ${reply.status} without saying why.`;
    return new ApiError(reply.status, "unreadable", message, [], retryAfterMs);
  }
  return new ApiError(reply.status, body.code, body.error, body.details, retryAfterMs);
}
