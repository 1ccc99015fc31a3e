import { seqsOf } from "./evidence";
import { count, member, number, text, type Data } from "./model/data";
import type { Artifacts } from "./types";

export const FIGURES = ["clarity", "context", "specificity"] as const;
export type Figure = (typeof FIGURES)[number];

/** What a language model says of one prompt. */
export interface JudgedPrompt {
  number: number;
  figures: Record<Figure, number>;
  note: string;
  seqs: number[];
}

/** What a language model says of the prompts of a session. */
export interface Analysis {
  notice: string;
  model: string;
  means: Record<Figure, number>;
  summary: string;
  strengths: string[];
  improvements: string[];
  prompts: JudgedPrompt[];
  leftOut: number;
}

/** The artifact `prompt_analysis_v1`; `null` where there is none, or one that cannot be read. */
export function analysisOf({ artifacts }: Artifacts): Analysis | null {
  const data = artifacts.find(({ kind }) => kind === "prompt_analysis_v1")?.data as Data | undefined;
  if (!data) return null;
  const [notice, model, summary] = [text(data, "notice"), text(data, "model"), text(data, "summary")];
  const means = figuresOf(member(data, "means"));
  if (notice === null || model === null || summary === null || means === null) return null;
  return {
    notice,
    model,
    means,
    summary,
    strengths: textsOf(data["strengths"]),
    improvements: textsOf(data["improvements"]),
    prompts: listOf(data["prompts"]).flatMap((value) => promptOf(member({ value }, "value"))),
    leftOut: count(data, "leftOut") ?? 0,
  };
}

function promptOf(item: Data): JudgedPrompt[] {
  const [place, figures] = [count(item, "number"), figuresOf(item)];
  if (place === null || figures === null) return [];
  return [{ number: place, figures, note: text(item, "note") ?? "", seqs: seqsOf(item) }];
}

function figuresOf(data: Data): Record<Figure, number> | null {
  const [clarity, context, specificity] = FIGURES.map((name) => number(data, name));
  if (clarity == null || context == null || specificity == null) return null;
  return { clarity, context, specificity };
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function textsOf(value: unknown): string[] {
  return listOf(value).filter((item): item is string => typeof item === "string");
}
