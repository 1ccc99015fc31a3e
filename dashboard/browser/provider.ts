/** An OpenID Connect provider on another site than the server's: `localhost` is not `127.0.0.1` to a browser. */
import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

export class Provider {
  /** Whom it signs in. */
  email = "wren@example.org";
  readonly #server: Server;
  readonly #keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
  readonly #codes = new Map<string, URLSearchParams>();

  private constructor() {
    this.#server = createServer((request, reply) => void this.#answer(request, reply));
  }

  static async start(): Promise<Provider> {
    const provider = new Provider();
    await new Promise<void>((done) => provider.#server.listen(0, "localhost", done));
    return provider;
  }

  get issuer(): string {
    return `http://localhost:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }

  async #answer(request: IncomingMessage, reply: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", this.issuer);
    const json = (status: number, body: unknown) => reply.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    switch (url.pathname) {
      case "/.well-known/openid-configuration":
        return void json(200, {
          issuer: this.issuer,
          authorization_endpoint: `${this.issuer}/authorize`,
          token_endpoint: `${this.issuer}/token`,
          jwks_uri: `${this.issuer}/jwks`,
        });
      case "/jwks":
        return void json(200, { keys: [{ ...this.#keys.publicKey.export({ format: "jwk" }), kid: "k", use: "sig", alg: "ES256" }] });
      case "/authorize": {
        // A page of its own, as people see one: a link leads on.
        const code = `code-${this.#codes.size}`;
        this.#codes.set(code, url.searchParams);
        const back = new URL(url.searchParams.get("redirect_uri")!);
        back.search = new URLSearchParams({ code, state: url.searchParams.get("state")! }).toString();
        const link = back.href.replaceAll("&", "&amp;");
        return void reply.writeHead(200, { "content-type": "text/html" }).end(`<title>Provider</title><a href="${link}">Go on as ${this.email}</a>`);
      }
      case "/token": {
        let body = "";
        for await (const part of request) body += String(part);
        const asked = new URLSearchParams(body);
        const begun = this.#codes.get(asked.get("code") ?? "");
        this.#codes.delete(asked.get("code") ?? "");
        const challenge = createHash("sha256").update(asked.get("code_verifier") ?? "").digest("base64url");
        if (begun?.get("code_challenge") !== challenge) return void json(400, { error: "invalid_grant" });
        return void json(200, { token_type: "Bearer", access_token: "a", id_token: this.#token(begun.get("nonce")) });
      }
      default:
        return void json(404, {});
    }
  }

  #token(nonce: string | null): string {
    const exp = Math.floor(Date.now() / 1000) + 300;
    const claims = { iss: this.issuer, aud: "promptster", sub: this.email, exp, nonce, email: this.email, email_verified: true };
    const message = `${encode({ alg: "ES256", kid: "k" })}.${encode(claims)}`;
    const signature = sign("sha256", Buffer.from(message), { key: this.#keys.privateKey, dsaEncoding: "ieee-p1363" });
    return `${message}.${signature.toString("base64url")}`;
  }
}
