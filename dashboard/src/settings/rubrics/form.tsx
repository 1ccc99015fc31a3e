import { useState } from "preact/hooks";
import { path } from "../../api/client";
import { Dialog, FormEnd, useClosing } from "../../app/dialog";
import { Field, FieldError, useSending } from "../../app/form";
import { api } from "../../app/identity";
import { CriterionFields } from "./criterion";
import { bodyOf, draftOf, moved, MOST_CRITERIA, newCriterion, shares, withChange, type CriterionDraft, type Rubric } from "./draft";
import { Weights } from "./weights";

export interface RubricFormProps {
  /** What is changed; `null` for a new one. */
  rubric: Rubric | null;
  onDone: () => void;
  onClose: () => void;
}

/** Makes a rubric, or changes one. */
export function RubricForm({ rubric, onDone, onClose }: RubricFormProps) {
  const [draft, setDraft] = useState(() => draftOf(rubric));
  const [before] = useState(() => JSON.stringify(bodyOf(draft)));
  const { isSending, faults, send, setFaults } = useSending();
  const { close, warning } = useClosing(JSON.stringify(bodyOf(draft)) !== before, onClose);
  const { name, criteria } = draft;
  const parts = shares(criteria.map(({ weight }) => weight));
  const put = (criteria: readonly CriterionDraft[]) => setDraft({ ...draft, criteria });
  /** What was said of places is not true any more. */
  const reorder = (criteria: readonly CriterionDraft[]) => {
    setFaults({});
    put(criteria);
  };
  const submit = (event: Event) => {
    event.preventDefault();
    void send(async () => {
      if (rubric) await api.patch(path`/v1/rubrics/${rubric.id}`, bodyOf(draft));
      else await api.post("/v1/rubrics", bodyOf(draft));
      onDone();
      onClose();
    });
  };
  // What is wrong with a criterion is said there.
  const isWithin = Object.keys(faults).some((fault) => fault.startsWith("criteria."));
  return (
    <Dialog title={rubric ? "Edit the rubric" : "New rubric"} wide onClose={close}>
      <form class="form" onSubmit={submit} noValidate>
        <Field label="Name" fault={faults["name"]}>
          {(about) => (
            <input {...about} value={name} maxLength={255} placeholder="Backend, 90 minutes" onInput={(event) => setDraft({ ...draft, name: event.currentTarget.value })} />
          )}
        </Field>
        {rubric && <p class="note">What you change counts for all sessions that are judged by it, also for those that have ended. Scores that were given stay with their key.</p>}
        <Weights all={criteria.map(({ title }, index) => ({ title, share: parts[index] ?? null }))} isNamed />
        <ol class="criteria">
          {criteria.map((criterion, place) => (
            <CriterionFields
              key={criterion.id}
              criterion={criterion}
              place={place}
              count={criteria.length}
              share={parts[place] ?? null}
              faults={faults}
              onChange={(change) => put(withChange(criteria, criterion.id, change))}
              onMove={(by) => reorder(moved(criteria, place, by))}
              onRemove={() => reorder(criteria.filter(({ id }) => id !== criterion.id))}
            />
          ))}
        </ol>
        {!isWithin && <FieldError text={faults["criteria"]} />}
        <p>
          <button type="button" class="button small" disabled={criteria.length >= MOST_CRITERIA} onClick={() => put([...criteria, newCriterion()])}>
            Add a criterion
          </button>{" "}
          {criteria.length >= MOST_CRITERIA && <span class="hint">A rubric has {MOST_CRITERIA} at most.</span>}
        </p>
        <FormEnd action={rubric ? "Save" : "Create"} isSending={isSending} fault={faults[""]} warning={warning} onClose={close} />
      </form>
    </Dialog>
  );
}
