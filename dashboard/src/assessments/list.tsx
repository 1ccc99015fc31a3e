import { useState } from "preact/hooks";
import { api, mayWrite } from "../app/identity";
import { useResource } from "../app/resource";
import { navigate } from "../app/router";
import { Empty, Failed, Loading } from "../app/states";
import { day } from "../app/time";
import { Plain } from "../text/plain-text";
import { AssessmentForm } from "./form";
import { KeyBar, tally, type Tally } from "./key-bar";
import type { Assessment, CandidateKey } from "./types";
import "./assessments.css";

/** More keys than these are not counted on the list: their assessment's own page has all of them. */
const MOST_COUNTED = 1000;
const PAGE = 200;

async function load(signal: AbortSignal): Promise<{ assessments: Assessment[]; tallies: Map<string, Tally> }> {
  const { assessments } = await api.get<{ assessments: Assessment[] }>("/v1/assessments", {}, signal);
  const byAssessment = new Map<string, CandidateKey[]>();
  for (let offset = 0, total = 1; offset < Math.min(total, MOST_COUNTED); offset += PAGE) {
    const reply = await api.get<{ candidates: CandidateKey[]; total: number }>("/v1/candidates", { limit: PAGE, offset }, signal);
    total = reply.total;
    for (const key of reply.candidates) byAssessment.set(key.assessmentId, [...(byAssessment.get(key.assessmentId) ?? []), key]);
  }
  return {
    assessments: assessments.reverse(),
    tallies: new Map([...byAssessment].map(([id, keys]) => [id, tally(keys)])),
  };
}

export function AssessmentsPage() {
  const { state, again } = useResource(load);
  const [isNew, setIsNew] = useState(false);
  const canWrite = mayWrite();
  const create = (
    <button type="button" class="button primary" onClick={() => setIsNew(true)}>
      New assessment
    </button>
  );
  return (
    <div class="page">
      <header class="page-head">
        <h1>Assessments</h1>
        {canWrite && state.is === "here" && state.value.assessments.length > 0 && <div class="actions">{create}</div>}
      </header>
      {state.is === "loading" && <Loading what="the assessments" />}
      {state.is === "failed" && <Failed error={state.error} what="assessments" again={again} />}
      {state.is === "here" && state.value.assessments.length === 0 && (
        <Empty title="No assessments yet.">
          <p>An assessment is what candidates are asked to do. Each candidate gets a key that opens one session of it.</p>
          {canWrite ? create : <p>The API key that you signed in with may only read.</p>}
        </Empty>
      )}
      {state.is === "here" && state.value.assessments.length > 0 && (
        <ul class="assessments">
          {state.value.assessments.map((assessment) => (
            <li key={assessment.id} class="card assessment">
              <h2>
                <a href={`/assessments/${assessment.id}`}>
                  <Plain text={assessment.title} />
                </a>
              </h2>
              <p class="muted">
                <Plain text={assessment.role} />
                {assessment.timeLimitMinutes && ` · ${assessment.timeLimitMinutes} minutes`}
                {` · made ${day(assessment.createdAt)}`}
              </p>
              <KeyBar tally={state.value.tallies.get(assessment.id) ?? tally([])} />
            </li>
          ))}
        </ul>
      )}
      {isNew && <AssessmentForm assessment={null} onClose={() => setIsNew(false)} onDone={({ id }) => navigate(`/assessments/${id}`)} />}
    </div>
  );
}
