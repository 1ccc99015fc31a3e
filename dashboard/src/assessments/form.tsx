import { useEffect, useState } from "preact/hooks";
import { path } from "../api/client";
import { api } from "../app/identity";
import { Dialog, FormEnd } from "../app/dialog";
import { Field, FieldError, number, useSending } from "../app/form";
import type { Assessment, Issue, Rubric } from "./types";

const TOOLS = [
  ["claude", "Claude Code"],
  ["codex", "Codex"],
  ["cursor", "Cursor"],
] as const;

export interface FormProps {
  /** What is changed; `null` for a new one. */
  assessment: Assessment | null;
  onDone: (assessment: Assessment) => void;
  onClose: () => void;
}

/** Makes an assessment, or changes one. */
export function AssessmentForm({ assessment, onDone, onClose }: FormProps) {
  const [title, setTitle] = useState(assessment?.title ?? "");
  const [role, setRole] = useState(assessment?.role ?? "");
  const [brief, setBrief] = useState(assessment?.taskBrief ?? "");
  const [repoUrl, setRepoUrl] = useState(assessment?.repoUrl ?? "");
  const [minutes, setMinutes] = useState(assessment ? String(assessment.timeLimitMinutes ?? "") : "90");
  const [days, setDays] = useState(String(assessment?.expiresInDays ?? 7));
  const [budget, setBudget] = useState(String(assessment?.tokenBudgetUsd ?? ""));
  const [tools, setTools] = useState<string[]>(assessment?.allowedTools ?? TOOLS.map(([name]) => name));
  const [issueId, setIssueId] = useState(assessment?.issueId ?? "");
  const [rubricId, setRubricId] = useState(assessment?.rubricId ?? "");
  const [issues, setIssues] = useState<Issue[]>(assessment?.issue ? [assessment.issue] : []);
  const [rubrics, setRubrics] = useState<Rubric[]>([]);
  const { isSending, faults, send, setFaults } = useSending();

  useEffect(() => {
    // Without them an assessment can still be made: they only offer more.
    const quietly = () => {};
    void api.get<{ issues: Issue[] }>("/v1/issues", { limit: 50, status: "active" }).then((reply) => {
      setIssues((own) => [...own, ...reply.issues.filter(({ id }) => own.every((one) => one.id !== id))]);
    }, quietly);
    void api.get<{ rubrics: Rubric[] }>("/v1/rubrics", { limit: 50 }).then((reply) => setRubrics(reply.rubrics), quietly);
  }, []);

  const submit = async (event: Event) => {
    event.preventDefault();
    const terms: Record<string, unknown> = { title, role, expiresInDays: number(days), allowedTools: tools };
    if (!issueId) terms["taskBrief"] = brief;
    for (const [name, value] of Object.entries({
      repoUrl: repoUrl.trim() || null,
      timeLimitMinutes: minutes.trim() === "" ? null : number(minutes),
      tokenBudgetUsd: budget.trim() === "" ? null : number(budget),
      issueId: issueId || null,
      rubricId: rubricId || null,
    })) {
      // What is left out of a new one and what was there before differ: only a change says "none".
      if (value !== null || assessment) terms[name] = value;
    }
    if (tools.length === 0) return setFaults({ allowedTools: "Allow at least one." });
    await send(async () => {
      const reply = assessment
        ? await api.patch<{ assessment: Assessment }>(path`/v1/assessments/${assessment.id}`, terms)
        : await api.post<{ assessment: Assessment }>("/v1/assessments", terms);
      onDone({ ...reply.assessment, issue: issues.find(({ id }) => id === issueId) ?? null });
    });
  };
  const toggle = (name: string) => setTools((all) => (all.includes(name) ? all.filter((one) => one !== name) : [...all, name]));

  return (
    <Dialog title={assessment ? "Edit the assessment" : "New assessment"} wide onClose={onClose}>
      <form class="form" onSubmit={(event) => void submit(event)} noValidate>
        <div class="form-row">
          <Field label="Title" fault={faults["title"]}>
            {(about) => <input {...about} value={title} maxLength={255} onInput={(event) => setTitle(event.currentTarget.value)} />}
          </Field>
          <Field label="Role" fault={faults["role"]}>
            {(about) => (
              <input
                {...about}
                value={role}
                maxLength={255}
                placeholder="Backend engineer"
                onInput={(event) => setRole(event.currentTarget.value)}
              />
            )}
          </Field>
        </div>
        {issues.length > 0 && (
          <Field
            label="Task"
            fault={faults["issueId"]}
            hint={issueId ? "Candidates get the brief and the repository of this issue as they are now." : undefined}
          >
            {(about) => (
              <select {...about} value={issueId} onChange={(event) => setIssueId(event.currentTarget.value)}>
                <option value="">A brief of your own</option>
                {issues.map((issue) => (
                  <option key={issue.id} value={issue.id}>
                    {issue.issueTitle} ({issue.language}, {issue.difficulty})
                  </option>
                ))}
              </select>
            )}
          </Field>
        )}
        {!issueId && (
          <Field label="Brief" hint="What candidates are asked to do, in Markdown." fault={faults["taskBrief"]}>
            {(about) => <textarea {...about} rows={6} value={brief} onInput={(event) => setBrief(event.currentTarget.value)} />}
          </Field>
        )}
        <Field label="Repository" hint="Where candidates get the code from; may be empty." fault={faults["repoUrl"]}>
          {(about) => (
            <input
              {...about}
              value={repoUrl}
              placeholder="https://github.com/acme/parser"
              onInput={(event) => setRepoUrl(event.currentTarget.value)}
            />
          )}
        </Field>
        <div class="form-row">
          <Field label="Time limit in minutes" hint="Empty: none." fault={faults["timeLimitMinutes"]}>
            {(about) => <input {...about} inputMode="numeric" value={minutes} onInput={(event) => setMinutes(event.currentTarget.value)} />}
          </Field>
          <Field label="Keys last, in days" fault={faults["expiresInDays"]}>
            {(about) => <input {...about} inputMode="numeric" value={days} onInput={(event) => setDays(event.currentTarget.value)} />}
          </Field>
          <Field label="Model budget (US $)" hint="For each candidate; empty: none." fault={faults["tokenBudgetUsd"]}>
            {(about) => <input {...about} inputMode="decimal" value={budget} onInput={(event) => setBudget(event.currentTarget.value)} />}
          </Field>
        </div>
        <div class="form-row">
          <fieldset>
            <legend>Tools</legend>
            {TOOLS.map(([name, shown]) => (
              <label key={name} class="inline">
                <input type="checkbox" checked={tools.includes(name)} onChange={() => toggle(name)} />
                {shown}
              </label>
            ))}
            <FieldError text={faults["allowedTools"]} />
          </fieldset>
          {rubrics.length > 0 && (
            <Field label="Rubric" fault={faults["rubricId"]}>
              {(about) => (
                <select {...about} value={rubricId} onChange={(event) => setRubricId(event.currentTarget.value)}>
                  <option value="">None</option>
                  {rubrics.map((rubric) => (
                    <option key={rubric.id} value={rubric.id}>
                      {rubric.name}
                    </option>
                  ))}
                </select>
              )}
            </Field>
          )}
        </div>
        <FormEnd action={assessment ? "Save" : "Create"} isSending={isSending} fault={faults[""]} onClose={onClose} />
      </form>
    </Dialog>
  );
}
