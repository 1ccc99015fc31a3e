/** Names for the generated types that only these pages use. */
import type { components } from "../api/schema";

type Schemas = components["schemas"];

export type SessionShown = Schemas["SessionShown"];
export type Signal = Schemas["Signal"];
export type SignalName = keyof Schemas["Signals"];
export type CohortStats = Schemas["CohortStats"];
export type CohortReply = Schemas["CohortReply"];
export type Distribution = Schemas["Distribution"];
export type Assessment = Schemas["AssessmentWithIssue"];
export type AssessmentReplyShown = Schemas["AssessmentShown"];
export type Rubric = Schemas["Rubric"];
export type RubricReply = Schemas["RubricReply"];
export type Criterion = Schemas["Criterion"];
export type Score = Schemas["Score"];
export type ScoresShown = Schemas["ScoresShown"];
export type Artifacts = Schemas["Artifacts"];
