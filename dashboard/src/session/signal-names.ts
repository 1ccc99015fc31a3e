import type { CohortStats, SignalName } from "./types";
import { count, dayAndTime, duration, trimmed } from "./format";

export const SIGNAL_NAMES: Record<SignalName, string> = {
  promptCount: "Prompts",
  commandCount: "Commands",
  commandFailCount: "Failed commands",
  commandFailRate: "Share of commands that failed",
  verificationCount: "Verifications",
  testRunCount: "Test runs",
  verifyIntensity: "Verifications per change",
  fileChangeCount: "Changes of files",
  uniqueFilesTouched: "Files touched",
  manualEditRatio: "Share of changes by hand",
  firstChangeLatencyMs: "Time to the first change",
  aiAttributionPct: "Lines by the AI",
  durationMs: "Duration",
  decisionFlagCount: "Decisions",
  testsPassedAtEnd: "Last tests passed",
  eventCount: "Events",
  lastActivityAt: "Last activity",
};

/** In the order in which they are shown: what says most about the work first. */
export const SHOWN: readonly SignalName[] = [
  "testsPassedAtEnd", "verifyIntensity", "commandFailRate", "aiAttributionPct", "manualEditRatio", "firstChangeLatencyMs",
  "promptCount", "durationMs", "decisionFlagCount", "verificationCount", "testRunCount", "commandCount", "commandFailCount",
  "fileChangeCount", "uniqueFilesTouched", "eventCount",
];

export type CohortMetric = keyof NonNullable<CohortStats["percentiles"]>;

/** Which of two values ranks higher in a cohort, as the API has it. */
export const BETTER: Record<CohortMetric, "less" | "more"> = {
  durationMs: "less",
  promptCount: "less",
  commandFailRate: "less",
  manualEditRatio: "less",
  verifyIntensity: "more",
  firstChangeLatencyMs: "more",
};

export function isCohortMetric(name: string): name is CohortMetric {
  return Object.hasOwn(BETTER, name);
}

/** A value as people read it. */
export function printSignal(name: SignalName, value: number | boolean | string | null): string {
  if (value === null) return "–";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "string") return name === "lastActivityAt" ? dayAndTime(Date.parse(value)) : value;
  switch (name) {
    case "testsPassedAtEnd":
      return value ? "yes" : "no";
    case "durationMs":
    case "firstChangeLatencyMs":
      return duration(value);
    case "commandFailRate":
    case "manualEditRatio":
      return `${trimmed(100 * value, 1)} %`;
    case "aiAttributionPct":
      return `${trimmed(value, 1)} %`;
    case "verifyIntensity":
      return trimmed(value, 2);
    default:
      return Number.isInteger(value) ? count(value) : trimmed(value, 1);
  }
}

export const CONFIDENCE_NAMES = {
  insufficient_data: "no data",
  moderate: "few data",
  high: "",
} as const;
