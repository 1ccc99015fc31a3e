import type { components } from "../api/schema";
import { api } from "../app/identity";
import { plural } from "../session/format";

type Assessment = components["schemas"]["AssessmentWithIssue"];

/** The assessments that name an issue or a rubric, by its id. */
export type Used = ReadonlyMap<string, readonly Assessment[]>;

export async function loadUses(field: "issueId" | "rubricId", signal: AbortSignal): Promise<Used> {
  const { assessments } = await api.get<{ assessments: Assessment[] }>("/v1/assessments", {}, signal);
  const uses = new Map<string, Assessment[]>();
  for (const assessment of assessments) {
    const id = assessment[field];
    if (id !== null) uses.set(id, [...(uses.get(id) ?? []), assessment]);
  }
  return uses;
}

/** How many assessments name it. */
export function Uses({ of, uses }: { of: string; uses: Used }) {
  const count = uses.get(of)?.length ?? 0;
  return <span>{count === 0 ? "in no assessment" : `in ${plural(count, "assessment")}`}</span>;
}
