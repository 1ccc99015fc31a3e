import { useId } from "preact/hooks";
import { Field, FieldError, type Faults } from "../../app/form";
import { SIGNAL_NAMES } from "../../session/signal-names";
import { plain } from "../../text/plain";
import { NO_THRESHOLDS, type CriterionDraft } from "./draft";
import { Scale } from "./scale";
import { shareInWords } from "./weights";
import { PASSED, SCORED, unitOf, type ScoredSignal } from "./signals";

export interface CriterionFieldsProps {
  criterion: CriterionDraft;
  place: number;
  /** How many there are. */
  count: number;
  share: number | null;
  /** What the API says of the whole rubric; those of this criterion are picked out. */
  faults: Faults;
  onChange: (change: Partial<CriterionDraft>) => void;
  onMove: (by: -1 | 1) => void;
  onRemove: () => void;
}

/** One criterion of a rubric, to be written. */
export function CriterionFields({ criterion, place, count, share, faults, onChange, onMove, onRemove }: CriterionFieldsProps) {
  const { key, title, description, weight, signal, thresholds } = criterion;
  const fault = (name: string) => faults[`criteria.${place}.${name}`];
  const called = plain(title) || `criterion ${place + 1}`;
  const choose = (signal: ScoredSignal | "") =>
    onChange({ signal, thresholds: signal === "testsPassedAtEnd" ? PASSED : signal === criterion.signal ? thresholds : NO_THRESHOLDS });
  return (
    <li class="criterion">
      <div class="criterion-head">
        <h3 class="number">Criterion {place + 1}</h3>
        <span class="actions">
          <button type="button" class="button quiet small" disabled={place === 0} aria-label={`Move ${called} up`} onClick={() => onMove(-1)}>
            ↑
          </button>
          <button type="button" class="button quiet small" disabled={place === count - 1} aria-label={`Move ${called} down`} onClick={() => onMove(1)}>
            ↓
          </button>
          <button type="button" class="button quiet small" disabled={count === 1} aria-label={`Remove ${called}`} onClick={onRemove}>
            Remove
          </button>
        </span>
      </div>
      <FieldError text={faults[`criteria.${place}`]} />
      <div class="criterion-row">
        <Field label="Title" fault={fault("title")}>
          {(about) => <input {...about} value={title} maxLength={255} onInput={(event) => onChange({ title: event.currentTarget.value })} />}
        </Field>
        <Field label="Key" fault={fault("key")}>
          {(about) => (
            <input {...about} class="mono" value={key} maxLength={128} spellcheck={false} onInput={(event) => onChange({ key: event.currentTarget.value })} />
          )}
        </Field>
        <Field label="Weight" fault={fault("weight")} hint={share === null ? "Above 0, at most 100." : `${shareInWords(share)} of the score`}>
          {(about) => (
            <input {...about} inputMode="decimal" placeholder="1" value={weight} onInput={(event) => onChange({ weight: event.currentTarget.value })} />
          )}
        </Field>
      </div>
      <Field label="What earns which score" fault={fault("description")}>
        {(about) => <textarea {...about} rows={2} value={description} onInput={(event) => onChange({ description: event.currentTarget.value })} />}
      </Field>
      <Field
        label="Scored by"
        fault={fault("signal")}
        hint={signal ? "Where reviewers give a score, theirs counts." : undefined}
      >
        {(about) => (
          <select {...about} value={signal} onChange={(event) => choose(event.currentTarget.value as ScoredSignal | "")}>
            <option value="">Reviewers</option>
            <optgroup label="The signal">
              {SCORED.map((name) => (
                <option key={name} value={name}>
                  {SIGNAL_NAMES[name]}
                </option>
              ))}
            </optgroup>
          </select>
        )}
      </Field>
      {signal && <Thresholds signal={signal} thresholds={thresholds} fault={fault("thresholds")} onChange={(thresholds) => onChange({ thresholds })} />}
    </li>
  );
}

interface ThresholdsProps {
  signal: ScoredSignal;
  thresholds: readonly string[];
  fault: string | undefined;
  onChange: (thresholds: readonly string[]) => void;
}

/** The four values at which a signal earns 2, 3, 4 and 5. */
function Thresholds({ signal, thresholds, fault, onChange }: ThresholdsProps) {
  const unit = unitOf(signal);
  const id = useId();
  return (
    <fieldset class="thresholds">
      <legend>Scores begin at{unit && ` (${unit})`}</legend>
      {thresholds.map((text, index) => (
        <label key={index} class="threshold">
          <span class="hint">{index + 2}</span>
          <input
            inputMode="decimal"
            aria-label={`A score of ${index + 2} begins at`}
            aria-invalid={fault !== undefined}
            aria-describedby={fault === undefined ? undefined : id}
            value={text}
            onInput={(event) => onChange(thresholds.map((other, place) => (place === index ? event.currentTarget.value : other)))}
          />
        </label>
      ))}
      <FieldError id={id} text={fault} />
      <Scale signal={signal} thresholds={thresholds} />
      <p class="hint">
        {signal === "testsPassedAtEnd" ? "It counts as 1 where the last tests passed, and as 0 where they did not." : "Ascending where more is better, descending where less is."} Without
        any, reviewers score it.
      </p>
    </fieldset>
  );
}
