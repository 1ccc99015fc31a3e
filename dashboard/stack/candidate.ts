import { randomUUID } from "node:crypto";
import { ApiClient } from "../src/api/client";
import type { Server } from "./server";

/** A candidate who has begun, and sends prompts. */
export class Candidate {
  private constructor(
    private readonly api: ApiClient,
    readonly sessionId: string,
  ) {}

  static async begins(server: Server, reviewer: ApiClient): Promise<Candidate> {
    const asked = { title: "Fix the totals", role: "Engineer", taskBrief: "Make the tests pass." };
    const { assessment } = await reviewer.post<{ assessment: { id: string } }>("/v1/assessments", asked);
    const { keys } = await reviewer.post<{ keys: { key: string }[] }>(`/v1/assessments/${assessment.id}/keys`, { count: 1 });
    const key = keys[0]!.key;
    const anybody = new ApiClient({ base: server.url });
    await anybody.post("/v1/candidate/consent", { key });
    const { sessionId } = await anybody.post<{ sessionId: string }>("/v1/candidate/redeem", { key });
    return new Candidate(new ApiClient({ base: server.url, headers: { "X-API-Key": key } }), sessionId);
  }

  /** Sends so many prompts, and fails unless each is accepted. */
  async sends(count: number): Promise<void> {
    for (let sent = 0; sent < count; sent += 500) {
      const events = Array.from({ length: Math.min(500, count - sent) }, () => this.#prompt());
      const { rejected } = await this.api.post<{ rejected: number }>("/v1/hooks/ingest/batch", { events });
      if (rejected > 0) throw new Error(`${rejected} events were rejected`);
    }
  }

  #prompt(): object {
    const ts = new Date().toISOString();
    return { id: randomUUID(), sessionId: this.sessionId, ts, kind: "prompt", source: "cli", v: 1, data: { text: "Why?" } };
  }
}
