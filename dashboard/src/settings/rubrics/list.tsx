import { useState } from "preact/hooks";
import { path } from "../../api/client";
import { Confirm } from "../../app/dialog";
import { api, mayWrite } from "../../app/identity";
import { useResource } from "../../app/resource";
import { Empty } from "../../app/states";
import { plural } from "../../session/format";
import { SIGNAL_NAMES } from "../../session/signal-names";
import { Plain } from "../../text/plain-text";
import { allOf } from "../all";
import { Action, Part } from "../part";
import { loadUses, Uses, type Used } from "../uses";
import { shares, type Rubric } from "./draft";
import { RubricForm } from "./form";
import { Scale } from "./scale";
import { isScored, shownNumber } from "./signals";
import { Weights } from "./weights";

async function load(signal: AbortSignal): Promise<{ rubrics: Rubric[]; uses: Used }> {
  const [rubrics, uses] = await Promise.all([allOf<Rubric>("/v1/rubrics", "rubrics", {}, 100, signal), loadUses("rubricId", signal)]);
  return { rubrics, uses };
}

/** What sessions are judged by. */
export function Rubrics() {
  const all = useResource(load);
  const [edited, setEdited] = useState<Rubric | "new" | null>(null);
  const [deleted, setDeleted] = useState<Rubric | null>(null);
  return (
    <>
      <Part
        title="Rubrics"
        lead="What the sessions of an assessment are judged by: criteria of different weight, scored from 1 to 5 by reviewers, or by a signal."
        add={{ name: "New rubric", onClick: () => setEdited("new") }}
        resource={all}
      >
        {({ rubrics, uses }) =>
          rubrics.length === 0 ? (
            <div class="card">
              <Empty title="No rubrics yet.">
                <p>An assessment without one is scored as a whole. With one, each of its criteria is.</p>
              </Empty>
            </div>
          ) : (
            <ul class="cards">
              {rubrics.map((rubric) => (
                <li key={rubric.id}>
                  <RubricCard rubric={rubric} uses={uses} onEdit={() => setEdited(rubric)} onDelete={() => setDeleted(rubric)} />
                </li>
              ))}
            </ul>
          )
        }
      </Part>
      {edited && <RubricForm rubric={edited === "new" ? null : edited} onDone={all.again} onClose={() => setEdited(null)} />}
      {deleted && (
        <Confirm
          title={`Delete “${deleted.name}”?`}
          action="Delete"
          onClose={() => setDeleted(null)}
          onConfirm={async () => {
            await api.delete(path`/v1/rubrics/${deleted.id}`);
            setDeleted(null);
            all.again();
          }}
        >
          <p>No new assessment can name it. Those that do so already go on being judged by it.</p>
          {all.state.is === "here" && <Uses of={deleted.id} uses={all.state.value.uses} />}
        </Confirm>
      )}
    </>
  );
}

function RubricCard({ rubric, uses, onEdit, onDelete }: { rubric: Rubric; uses: Used; onEdit: () => void; onDelete: () => void }) {
  const { id, name, criteria } = rubric;
  const parts = shares(criteria.map(({ weight }) => String(weight)));
  const scored = criteria.filter(({ thresholds }) => thresholds !== null).length;
  return (
    <article class="card rubric">
      <header>
        <div>
          <h3>
            <Plain text={name} />
          </h3>
          <p class="muted">
            {plural(criteria.length, "criterion", "criteria")}, {scored === 0 ? "all by reviewers" : `${scored} by signals`} · <Uses of={id} uses={uses} />
          </p>
        </div>
        {mayWrite() && (
          <div class="actions">
            <Action name="Edit" of={name} onClick={onEdit} />
            <Action name="Delete" of={name} onClick={onDelete} />
          </div>
        )}
      </header>
      <Weights all={criteria.map(({ title }, index) => ({ title, share: parts[index] ?? null }))} isNamed />
      <details>
        <summary>Criteria</summary>
        <dl class="criteria-shown">
          {criteria.map(({ key, title, description, signal, thresholds }) => (
            <div key={key}>
              <dt>
                <Plain text={title} /> <code class="muted"><Plain text={key} /></code>
              </dt>
              {description && (
                <dd>
                  <Plain text={description} />
                </dd>
              )}
              {signal && (
                <dd class="muted">
                  {thresholds ? "Scored by the signal" : "Scored by reviewers, about the signal"} “{isScored(signal) ? SIGNAL_NAMES[signal] : signal}”
                </dd>
              )}
              {signal && isScored(signal) && thresholds && (
                <dd>
                  <Scale signal={signal} thresholds={thresholds.map((value) => shownNumber(signal, value))} />
                </dd>
              )}
            </div>
          ))}
        </dl>
      </details>
    </article>
  );
}
