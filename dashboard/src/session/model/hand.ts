import type { Event } from "../../api/types";

/** Whose work something is. `system` is shown as unknown where lines are concerned. */
export const HANDS = ["unknown", "ai", "human", "mixed", "system"] as const;
export type Hand = (typeof HANDS)[number];

/** What a reader calls them. */
export const HAND_NAMES: Record<Hand, string> = {
  unknown: "Unknown",
  ai: "AI",
  human: "Human",
  mixed: "Mixed",
  system: "System",
};

/** By the attribution; where that is unknown by who acted, as the signal `manualEditRatio` has it. */
export function handOf(event: Pick<Event, "actor" | "provenance">): Hand {
  switch (event.provenance.attribution) {
    case "likely_ai":
      return "ai";
    case "likely_human":
      return "human";
    case "ai_revised_by_human":
    case "mixed":
      return "mixed";
    case "system_generated":
      return "system";
    default:
      return event.actor.type;
  }
}
