import type { Event } from "../../src/api/types";

type Given = Partial<Omit<Event, "ts" | "provenance" | "actor" | "source">> & {
  seq: number;
  /** Seconds since the session began, where it is not the seq. */
  s?: number;
  attribution?: Event["provenance"]["attribution"];
  actor?: Event["actor"]["type"];
  integration?: string;
};

export const START = Date.parse("2026-04-01T10:00:00.000Z");

/** An event as the server gives it. */
export function event({ seq, s = seq, kind = "prompt", data = {}, attribution, actor, integration, ...rest }: Given): Event {
  const ts = new Date(START + s * 1000).toISOString();
  return {
    id: `00000000-0000-4000-8000-${String(seq).padStart(12, "0")}`,
    sessionId: "s",
    orgId: "o",
    seq,
    kind,
    ts,
    data,
    source: { channel: "hook", integration: integration ?? "claude-code", emitter: "unknown" },
    actor: { type: actor ?? "unknown" },
    provenance: { attribution: attribution ?? "unknown", confidence: 0.5, observability: "partial" },
    receivedAt: ts,
    createdAt: ts,
    sigVerified: null,
    ...rest,
  };
}
