import type { Session, Signals } from "../api/types";
import { span } from "../app/time";
import type { Recent } from "./recent";

/** What somebody should look at, the most urgent first. */
export type Level = "ended" | "calm" | "notice" | "warn" | "alarm";

export interface Hint {
  level: Level;
  text: string;
}

const RANK: Record<Level, number> = { alarm: 4, warn: 3, notice: 2, calm: 1, ended: 0 };

/** Nothing came for so long: away, or stuck. */
const QUIET_MS = 5 * 60_000;
/** Busy, and nothing was changed for so long. */
const NO_CHANGE_MS = 15 * 60_000;
const SOON_MS = 10 * 60_000;

export interface Seen {
  session: Session;
  signals: Signals | null;
  recent: Recent | null;
  /** When the time is over, in milliseconds since the epoch; `null` without a limit. */
  deadline: number | null;
}

/** What is to be said of a session, the most urgent first. */
export function hintsOf({ session, signals, recent, deadline }: Seen, now: number): Hint[] {
  if (session.status === "ended") return [{ level: "ended", text: "Finished" }];
  const hints: Hint[] = [];
  if (deadline !== null && deadline - now < SOON_MS) {
    const left = deadline - now;
    hints.push(left > 0 ? { level: "warn", text: `${span(left)} left` } : { level: "alarm", text: "Time is over" });
  }
  const failures = recent?.failuresInARow ?? 0;
  if (failures >= 3) hints.push({ level: failures >= 6 ? "alarm" : "warn", text: `${failures} failures in a row` });
  const last = Date.parse(session.lastActivityAt ?? session.startedAt);
  if (now - last > QUIET_MS) {
    hints.push({ level: now - last > 3 * QUIET_MS ? "alarm" : "warn", text: `Quiet for ${span(now - last)}` });
  } else if (isStuck(session, recent, now)) {
    const since = recent?.lastChangeAt;
    hints.push({ level: "warn", text: since ? `No change for ${span(now - since)}` : `No change for over ${span(NO_CHANGE_MS)}` });
  }
  if (signals?.testsPassedAtEnd.value === false) hints.push({ level: "notice", text: "Tests are red" });
  return hints.sort((one, other) => RANK[other.level] - RANK[one.level]);
}

/** Busy for a quarter of an hour without a change. */
function isStuck(session: Session, recent: Recent | null, now: number): boolean {
  if (!recent || now - Date.parse(session.startedAt) < NO_CHANGE_MS) return false;
  // Without one in the strip's time there is none that is known of.
  return now - (recent.lastChangeAt ?? 0) > NO_CHANGE_MS && recent.beats.length > 5;
}

/** Those that need attention first; among equals those whose time is over first, then by name, so that tiles stand still. */
export function byAttention(one: Seen & { hints: Hint[] }, other: Seen & { hints: Hint[] }): number {
  const rank = ({ hints }: { hints: Hint[] }) => RANK[hints[0]?.level ?? "calm"];
  return (
    rank(other) - rank(one) ||
    (one.deadline ?? Infinity) - (other.deadline ?? Infinity) ||
    (one.session.candidateName ?? "").localeCompare(other.session.candidateName ?? "") ||
    one.session.id.localeCompare(other.session.id)
  );
}

export function needsAttention(hints: readonly Hint[]): boolean {
  return hints.some(({ level }) => level === "alarm" || level === "warn");
}
