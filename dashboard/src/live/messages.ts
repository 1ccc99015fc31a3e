/** What the live protocol's server side says, and how a frame is read. */
import type { Event, Session, Signals } from "../api/types";

export type WatchMessage =
  | { type: "hello"; session: Session; signals: Signals; lastSeq: number; serverTime: string }
  | { type: "replay"; from: number; to: number }
  | { type: "live"; lastSeq: number }
  | { type: "reset"; reason: string }
  | { type: "event"; event: Event }
  | { type: "signals"; signals: Signals; atSeq: number }
  | { type: "session"; session: Session; signals?: Signals }
  | { type: "sessions"; sessions: Session[] }
  | { type: "presence"; watchers: number }
  | { type: "pong"; serverTime: string };

/** The close codes after which it is of no use to connect again. */
export const CLOSE = { notAllowed: 1008, credentialGone: 4001, sessionDeleted: 4002 } as const;

/** Reads a frame; `null` for what is no message. Types that are not known come through and are passed over by whoever reads. */
export function read(frame: unknown): WatchMessage | null {
  if (typeof frame !== "string") return null;
  try {
    const value: unknown = JSON.parse(frame);
    return typeof value === "object" && value !== null && "type" in value ? (value as WatchMessage) : null;
  } catch {
    return null;
  }
}
