import type { components } from "../../api/schema";
import { number } from "../../app/form";
import type { ScoredSignal } from "./signals";
import { isScored, shownNumber, storedNumber } from "./signals";

export type Rubric = components["schemas"]["Rubric"];
export type Criterion = components["schemas"]["Criterion"];

/** A criterion while it is written: texts, as they stand in their fields. */
export interface CriterionDraft {
  /** Which one it is, wherever it stands. */
  readonly id: number;
  key: string;
  /** Whether the key is somebody's choice; else it follows the title. */
  hasOwnKey: boolean;
  title: string;
  description: string;
  weight: string;
  /** Empty: reviewers score it. */
  signal: ScoredSignal | "";
  /** In the unit of the signal. */
  thresholds: readonly string[];
}

export interface RubricDraft {
  name: string;
  criteria: readonly CriterionDraft[];
}

/** As many as the API takes. */
export const MOST_CRITERIA = 20;
const LONGEST_KEY = 128;
export const NO_THRESHOLDS: readonly string[] = ["", "", "", ""];

let ids = 0;

export function newCriterion(): CriterionDraft {
  ids += 1;
  return { id: ids, key: "", hasOwnKey: false, title: "", description: "", weight: "1", signal: "", thresholds: NO_THRESHOLDS };
}

export function draftOf(rubric: Rubric | null): RubricDraft {
  if (!rubric) return { name: "", criteria: [newCriterion()] };
  return { name: rubric.name, criteria: rubric.criteria.map(criterionDraft) };
}

function criterionDraft({ key, title, description, weight, signal, thresholds }: Criterion): CriterionDraft {
  const known = signal !== null && isScored(signal) ? signal : "";
  return {
    ...newCriterion(),
    key,
    hasOwnKey: true,
    title,
    description: description ?? "",
    weight: String(weight),
    signal: known,
    thresholds: known && thresholds ? thresholds.map((value) => shownNumber(known, value)) : NO_THRESHOLDS,
  };
}

/** The draft as the API takes it. What is no number goes as it is, so that the server says what is wrong with it. */
export function bodyOf({ name, criteria }: RubricDraft): object {
  return { name, criteria: criteria.map(criterionBody) };
}

function criterionBody({ key, title, description, weight, signal, thresholds }: CriterionDraft): object {
  const isGiven = thresholds.some((text) => text.trim() !== "");
  return {
    key,
    title,
    ...(description.trim() && { description }),
    ...(weight.trim() && { weight: number(weight) }),
    ...(signal && { signal }),
    ...(signal && isGiven && { thresholds: thresholds.map((text) => storedNumber(signal, text)) }),
  };
}

/** The criteria with one of them changed. A key that is nobody's choice follows the title. */
export function withChange(criteria: readonly CriterionDraft[], id: number, change: Partial<CriterionDraft>): readonly CriterionDraft[] {
  return criteria.map((criterion) => {
    if (criterion.id !== id) return criterion;
    const changed = { ...criterion, ...change };
    if (change.key !== undefined) changed.hasOwnKey = change.key !== "";
    const others = criteria.filter((other) => other.id !== id).map((other) => other.key);
    return changed.hasOwnKey ? changed : { ...changed, key: keyOf(changed.title, others) };
  });
}

/** The criteria with one of them a place earlier (`-1`) or later (`1`). */
export function moved(criteria: readonly CriterionDraft[], place: number, by: -1 | 1): readonly CriterionDraft[] {
  const order = [...criteria];
  const other = order[place + by];
  const one = order[place];
  if (!one || !other) return criteria;
  [order[place], order[place + by]] = [other, one];
  return order;
}

/** A key made of a title: `Checks what it got` becomes `checks-what-it-got`, with a number where that is taken. */
export function keyOf(title: string, taken: readonly string[]): string {
  const base = title
    .normalize("NFKD")
    .replace(/\p{Mark}/gu, "")
    .toLowerCase()
    .replace(/[^\p{Letter}\p{Number}]+/gu, "-")
    .replace(/^-|-$/g, "");
  const named = [...base].slice(0, LONGEST_KEY - 4).join("").replace(/-$/, "");
  if (named === "" || !taken.includes(named)) return named;
  for (let n = 2; ; n += 1) if (!taken.includes(`${named}-${n}`)) return `${named}-${n}`;
}

/** How much each weight is of all, from 0 to 1; `null` for one that the API would not take. An empty one is 1. */
export function shares(weights: readonly string[]): (number | null)[] {
  const values = weights.map((text) => {
    const value = text.trim() === "" ? 1 : number(text);
    return typeof value === "number" && value > 0 && value <= 100 ? value : null;
  });
  const sum = values.reduce<number>((sum, value) => sum + (value ?? 0), 0);
  return values.map((value) => (value === null ? null : value / sum));
}
