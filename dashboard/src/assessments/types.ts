/** Names for the generated types that these pages use. */
import type { components } from "../api/schema";

type Schemas = components["schemas"];

export type Assessment = Schemas["AssessmentWithIssue"];
export type CandidateKey = Schemas["CandidateKey"];
export type Issue = Schemas["Issue"];
export type Rubric = Schemas["Rubric"];
export type CohortStats = Schemas["CohortStats"];
export type Distribution = Schemas["Distribution"];
