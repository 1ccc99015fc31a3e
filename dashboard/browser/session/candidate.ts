import { randomUUID } from "node:crypto";
import { ApiClient } from "../../src/api/client";

interface Given {
  kind: string;
  data: Record<string, unknown>;
  /** Milliseconds before now. */
  ago?: number;
  attribution?: string;
  actor?: string;
}

export async function newAssessment(reviewer: ApiClient, more: object = {}): Promise<string> {
  const asked = { title: "Fix the totals", role: "Engineer", taskBrief: "Make the tests pass.", ...more };
  const { assessment } = await reviewer.post<{ assessment: { id: string } }>("/v1/assessments", asked);
  return assessment.id;
}

/** A candidate who has begun, and whose programs send what they are told. */
export class Candidate {
  private constructor(
    private readonly api: ApiClient,
    private readonly key: string,
    readonly sessionId: string,
  ) {}

  static async begins(url: string, reviewer: ApiClient, assessmentId: string, name: string): Promise<Candidate> {
    const asked = { count: 1, candidateNames: [name] };
    const { keys } = await reviewer.post<{ keys: { key: string }[] }>(`/v1/assessments/${assessmentId}/keys`, asked);
    const key = keys[0]!.key;
    const anybody = new ApiClient({ base: url });
    await anybody.post("/v1/candidate/consent", { key });
    const { sessionId } = await anybody.post<{ sessionId: string }>("/v1/candidate/redeem", { key });
    return new Candidate(new ApiClient({ base: url, headers: { "X-API-Key": key } }), key, sessionId);
  }

  async sends(...events: Given[]): Promise<void> {
    for (let sent = 0; sent < events.length; sent += 500) {
      const batch = events.slice(sent, sent + 500).map((given) => this.#envelope(given));
      const { rejected } = await this.api.post<{ rejected: number }>("/v1/hooks/ingest/batch", { events: batch });
      if (rejected > 0) throw new Error(`${rejected} events were rejected`);
    }
  }

  async completes(): Promise<void> {
    await this.api.post("/v1/candidate/complete", { sessionId: this.sessionId, key: this.key });
  }

  #envelope({ kind, data, ago = 0, attribution = "unknown", actor = "human" }: Given): object {
    return {
      id: randomUUID(),
      sessionId: this.sessionId,
      ts: new Date(Date.now() - ago).toISOString(),
      kind,
      source: "claude-code",
      v: 1,
      data,
      actor: { type: actor },
      provenance: { attribution, confidence: 0.8, observability: "high" },
    };
  }
}

export const prompt = (text: string, ago = 0): Given => ({ kind: "prompt", data: { text }, ago });
