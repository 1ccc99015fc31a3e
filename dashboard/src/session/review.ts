import { ApiError, path, type ApiClient } from "../api/client";
import { seqsOf } from "./evidence";
import { member, text } from "./model/data";
import type { Artifacts, Assessment, Criterion, Rubric, RubricReply, Score, ScoresShown } from "./types";

/** What may be asked of the candidate, and why. */
export interface Followup {
  rule: string;
  question: string;
  /** The events that it rests on, as many as are named. */
  seqs: number[];
}

export const RULE_NAMES: Record<string, string> = {
  longest_struggle: "Longest struggle",
  work_taken_back: "Work taken back",
  unverified_ai_change: "Unverified change by the AI",
  undocumented_decision: "Decision without a reason",
};

/** The questions of the artifact `interview_followups_v1`; `null` where the session has none yet. */
export function followupsOf({ artifacts }: Artifacts): Followup[] | null {
  const found = artifacts.find(({ kind }) => kind === "interview_followups_v1");
  if (!found) return null;
  const questions = (found.data as Record<string, unknown>)["questions"];
  if (!Array.isArray(questions)) return null;
  return questions.flatMap((value: unknown) => {
    const item = member({ value }, "value");
    const question = text(item, "question");
    if (question === null) return [];
    return [{ rule: text(item, "rule") ?? "", question, seqs: seqsOf(item) }];
  });
}

/** Something that is scored: a criterion of the rubric, or what reviewers added. */
export interface Dimension {
  key: string;
  title: string;
  description: string | null;
  weight: number | null;
  /** The reviewer's own. */
  given: { score: number; notes: string } | null;
  /** What others gave, and what the server scored by a signal. */
  others: Score[];
}

/** Where there is no rubric, this is what is scored. */
const GENERAL: Criterion = {
  key: "overall",
  title: "Overall",
  description: null,
  weight: 1,
  signal: null,
  thresholds: null,
};

/** A row for each criterion, and for each score of something else. `me` is whose scores can be changed, where that is known:
 * the ones that this view has saved. */
export function dimensionsOf(rubric: Rubric | null, scores: readonly Score[], me: string | null): Dimension[] {
  const criteria = rubric && rubric.criteria.length > 0 ? rubric.criteria : [GENERAL];
  const known = new Set(criteria.map(({ key }) => key));
  const more = [...new Set(scores.map(({ dimension }) => dimension))].filter((key) => !known.has(key));
  const rows = [...criteria, ...more.map((key): Criterion => ({ ...GENERAL, key, title: key }))];
  return rows.map(({ key, title, description, weight }) => {
    const of = scores.filter(({ dimension }) => dimension === key);
    const own = of.find(({ source, reviewerId }) => source === "reviewer" && me !== null && reviewerId === me);
    return {
      key,
      title,
      description,
      weight: known.has(key) ? weight : null,
      given: own ? { score: own.score, notes: own.notes ?? "" } : null,
      others: of.filter((score) => score !== own),
    };
  });
}

export interface ReviewData {
  assessment: Assessment | null;
  rubric: Rubric | null;
  scores: ScoresShown;
}

/** What is missing (an assessment that was deleted, a rubric that is gone) is left out; anything else that fails, fails. */
export async function readReview(
  api: ApiClient,
  sessionId: string,
  assessmentId: string | null,
  signal: AbortSignal,
): Promise<ReviewData> {
  // Awaited together: whichever is refused first says why, and the others' refusals have somebody who hears them.
  const [about, scores] = await Promise.all([
    readTerms(api, assessmentId, signal),
    api.get<ScoresShown>(path`/v1/sessions/${sessionId}/scores`, {}, signal),
  ]);
  return { ...about, scores };
}

async function readTerms(
  api: ApiClient,
  assessmentId: string | null,
  signal: AbortSignal,
): Promise<Omit<ReviewData, "scores">> {
  const reply = assessmentId
    ? await orNull(api.get<{ assessment: Assessment }>(path`/v1/assessments/${assessmentId}`, {}, signal))
    : null;
  const assessment = reply?.assessment ?? null;
  const rubricId = assessment?.rubricId;
  const rubric = rubricId ? await orNull(api.get<RubricReply>(path`/v1/rubrics/${rubricId}`, {}, signal)) : null;
  return { assessment, rubric: rubric?.rubric ?? null };
}

async function orNull<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  }
}
