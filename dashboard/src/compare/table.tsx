import { useEffect, useState } from "preact/hooks";
import { path, type ApiClient } from "../api/client";
import { StripPlot } from "../charts/strip-plot";
import { BETTER, CONFIDENCE_NAMES, isCohortMetric, printSignal, SHOWN, SIGNAL_NAMES } from "../session/signal-names";
import { Said } from "../session/text";
import type { CohortReply, CohortStats, SignalName } from "../session/types";
import { best, type Compared } from "./differences";

/** Every signal of every session, and where they stand in their cohort where they have one in common. */
export function Table({ sessions, cohort }: { sessions: readonly Compared[]; cohort: CohortStats | null }) {
  const hasCohort = cohort?.distribution != null;
  return (
    <div class="table-scroll" role="region" aria-label="Signals" tabIndex={0}>
      <table class="x-table">
        <thead>
          <tr>
            <th scope="col">Signal</th>
            {sessions.map(({ name }, index) => (
              <th key={name} scope="col" class={`x-${index}`}>
                <span class="x-swatch" aria-hidden="true" />
                <Said text={name} most={60} />
              </th>
            ))}
            {hasCohort && <th scope="col">In the cohort of {cohort.sessionCount}</th>}
          </tr>
        </thead>
        <tbody>
          {SHOWN.map((name) => (
            <Row key={name} name={name} sessions={sessions} cohort={hasCohort ? cohort : null} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ name, sessions, cohort }: { name: SignalName; sessions: readonly Compared[]; cohort: CohortStats | null }) {
  const values = sessions.map(({ signals }) => signals[name]);
  const most = Math.max(0, ...values.map(({ value }) => (typeof value === "number" ? value : 0)));
  const first = best(name, sessions);
  const distribution = isCohortMetric(name) ? cohort?.distribution?.[name] : null;
  return (
    <tr>
      <th scope="row">
        {SIGNAL_NAMES[name]}
        {isCohortMetric(name) && <span class="s-quiet"> ({BETTER[name]} is better)</span>}
      </th>
      {values.map(({ value, confidence }, index) => (
        <td key={index} class={`x-${index}`}>
          <span class="x-value">
            {first.includes(index) ? <b title="Ranks highest of these">{printSignal(name, value)} ★</b> : printSignal(name, value)}
            {CONFIDENCE_NAMES[confidence] && <span class="s-flag">{CONFIDENCE_NAMES[confidence]}</span>}
          </span>
          {typeof value === "number" && most > 0 && (
            <span class="x-bar" aria-hidden="true">
              <span style={{ width: `${(100 * value) / most}%` }} />
            </span>
          )}
        </td>
      ))}
      {cohort && (
        <td class="x-cohort">
          {distribution && (
            <StripPlot
              distribution={distribution}
              marks={values.flatMap(({ value }, index) => (typeof value === "number" ? [{ name: sessions[index]!.name, value, class: `x-${index}` }] : []))}
              print={(value) => printSignal(name, value)}
              label={SIGNAL_NAMES[name]}
            />
          )}
        </td>
      )}
    </tr>
  );
}

/** The cohort of an assessment; `null` while there is none, or the sessions have no assessment in common. */
export function useCohort(api: ApiClient, assessmentId: string | null): CohortStats | null {
  const [cohort, setCohort] = useState<CohortStats | null>(null);
  useEffect(() => {
    setCohort(null);
    if (assessmentId === null) return undefined;
    const aborted = new AbortController();
    // The comparison is of use without it.
    api.get<CohortReply>(path`/v1/assessments/${assessmentId}/cohort-stats`, { distribution: "true" }, aborted.signal).then(
      (reply) => setCohort(reply.cohortStats),
      () => {},
    );
    return () => aborted.abort();
  }, [api, assessmentId]);
  return cohort;
}
