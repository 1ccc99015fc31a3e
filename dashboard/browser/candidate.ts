/** Candidates of these tests: each redeems a key that was made on the page, and sends what their tools would send. */
import { randomUUID } from "node:crypto";
import { ApiClient } from "../src/api/client";

export class Candidate {
  private constructor(
    private readonly api: ApiClient,
    readonly sessionId: string,
  ) {}

  static async redeems(url: string, key: string, candidateName?: string): Promise<Candidate> {
    const anybody = new ApiClient({ base: url });
    await anybody.post("/v1/candidate/consent", { key });
    const body = candidateName === undefined ? { key } : { key, candidateName };
    const { sessionId } = await anybody.post<{ sessionId: string }>("/v1/candidate/redeem", body);
    return new Candidate(new ApiClient({ base: url, headers: { "X-API-Key": key } }), sessionId);
  }

  /** Sends an event of now, and fails unless it is accepted. */
  async sends(kind: string, data: object): Promise<void> {
    const event = {
      id: randomUUID(),
      sessionId: this.sessionId,
      ts: new Date().toISOString(),
      kind,
      source: "claude-code",
      actor: { type: kind === "prompt" ? "human" : "ai" },
      v: 1,
      data,
    };
    await this.api.post("/v1/hooks/ingest", event);
  }
}
