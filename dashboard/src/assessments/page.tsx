import { useEffect, useState } from "preact/hooks";
import { ApiError, path } from "../api/client";
import type { Session } from "../api/types";
import { Confirm } from "../app/dialog";
import { api, mayWrite } from "../app/identity";
import { useResource } from "../app/resource";
import { navigate } from "../app/router";
import { Failed, Loading } from "../app/states";
import { safeLink } from "../text/plain";
import { Plain } from "../text/plain-text";
import { Cohort } from "./cohort";
import { AssessmentForm } from "./form";
import { Invite } from "./invite";
import { KeyBar, tally } from "./key-bar";
import { Keys } from "./keys";
import type { Assessment, CandidateKey, CohortStats } from "./types";
import "./assessments.css";

/** How often states of keys and invitations are looked up while somebody looks. */
const LOOK_EVERY_MS = 15_000;

/** More sessions than these are in the table without how long they took. */
const MOST_SESSIONS = 500;

async function sessionsOf(assessmentId: string, signal: AbortSignal): Promise<Map<string, Session>> {
  const found = new Map<string, Session>();
  for (let offset = 0, total = 1; offset < Math.min(total, MOST_SESSIONS); offset += 100) {
    const reply = await api.get<{ sessions: Session[]; total: number }>("/v1/sessions", { assessmentId, limit: 100, offset }, signal);
    total = reply.total;
    for (const session of reply.sessions) found.set(session.id, session);
  }
  return found;
}

/** One assessment: what is asked, who was invited, and how those compare who are done. */
export function AssessmentPage({ assessmentId }: { assessmentId: string }) {
  const about = useResource((signal) => api.get<{ assessment: Assessment }>(path`/v1/assessments/${assessmentId}`, {}, signal), [assessmentId]);
  const keys = useResource((signal) => api.get<{ keys: CandidateKey[] }>(path`/v1/assessments/${assessmentId}/keys`, {}, signal), [assessmentId]);
  const done = keys.state.is === "here" ? tally(keys.state.value.keys).completed : 0;
  const cohort = useResource(
    (signal) =>
      api.get<{ cohortStats: CohortStats | null }>(path`/v1/assessments/${assessmentId}/cohort-stats`, { distribution: "true" }, signal),
    [assessmentId, done],
  );
  const sessions = useResource((signal) => sessionsOf(assessmentId, signal), [assessmentId, done]);
  const [open, setOpen] = useState<"edit" | "invite" | "delete" | null>(null);
  useEffect(() => {
    const timer = setInterval(() => document.visibilityState === "visible" && keys.again(), LOOK_EVERY_MS);
    return () => clearInterval(timer);
  }, [assessmentId]);

  if (about.state.is === "loading") return <Loading what="the assessment" />;
  if (about.state.is === "failed") return <Failed error={about.state.error} what="assessment" again={about.again} />;
  const { assessment } = about.state.value;
  const canWrite = mayWrite();
  const all = keys.state.is === "here" ? keys.state.value.keys : [];
  const close = () => setOpen(null);
  return (
    <div class="page">
      <header class="page-head">
        <div class="assessment-title">
          <h1>
            <Plain text={assessment.title} />
          </h1>
          <p class="muted">
            <Facts assessment={assessment} />
          </p>
        </div>
        <div class="actions">
          <a class="button" href={`/?assessment=${assessment.id}`}>
            Watch live
          </a>
          {canWrite && (
            <>
              <button type="button" class="button" onClick={() => setOpen("edit")}>
                Edit
              </button>
              <button type="button" class="button primary" onClick={() => setOpen("invite")}>
                Invite candidates
              </button>
            </>
          )}
        </div>
      </header>
      <Task assessment={assessment} />
      <section class="section" aria-labelledby="candidates">
        <div class="section-head">
          <h2 id="candidates">Candidates</h2>
          {all.length > 0 && <KeyBar tally={tally(all)} />}
        </div>
        {keys.state.is === "loading" && <Loading what="the candidates" />}
        {keys.state.is === "failed" && <Failed error={keys.state.error} what="candidates" again={keys.again} />}
        {keys.state.is === "here" && (
          <Keys
            assessment={assessment}
            keys={all}
            sessions={sessions.state.is === "here" ? sessions.state.value : sessions.state.is === "loading" ? null : new Map()}
            canWrite={canWrite}
            onChange={keys.again}
            onInvite={() => setOpen("invite")}
          />
        )}
        {keys.state.is === "here" && keys.state.stale && (
          <p class="note warn" role="status">
            This may not be how it is now: {keys.state.stale.message}
          </p>
        )}
      </section>
      <Cohort state={cohort.state} again={cohort.again} />
      {canWrite && (
        <p class="section">
          <button type="button" class="button danger small" onClick={() => setOpen("delete")}>
            Delete this assessment
          </button>
        </p>
      )}
      {open === "edit" && (
        <AssessmentForm
          assessment={assessment}
          onClose={close}
          onDone={(changed) => {
            about.put(() => ({ assessment: changed }));
            close();
          }}
        />
      )}
      {open === "invite" && <Invite assessmentId={assessment.id} onMade={keys.again} onClose={close} />}
      {open === "delete" && (
        <Confirm
          title="Delete this assessment?"
          action="Delete"
          onClose={close}
          onConfirm={async () => {
            await api.delete(path`/v1/assessments/${assessment.id}`).catch((error: unknown) => {
              if (!(error instanceof ApiError) || error.status !== 404) throw error;
            });
            navigate("/assessments");
          }}
        >
          <p>It and its keys disappear from all lists, and keys that were not used yet open nothing any more. Sessions that are running go on to their end.</p>
        </Confirm>
      )}
    </div>
  );
}

function Facts({ assessment }: { assessment: Assessment }) {
  const parts = [
    assessment.timeLimitMinutes ? `${assessment.timeLimitMinutes} minutes` : "no time limit",
    `keys last ${assessment.expiresInDays} ${assessment.expiresInDays === 1 ? "day" : "days"}`,
    assessment.tokenBudgetUsd === null ? null : `$${assessment.tokenBudgetUsd} for models`,
    assessment.allowedTools.join(", "),
  ].filter((part) => part !== null);
  return (
    <>
      <Plain text={assessment.role} /> · {parts.join(" · ")}
    </>
  );
}

function Task({ assessment }: { assessment: Assessment }) {
  const repo = assessment.repoUrl === null ? null : safeLink(assessment.repoUrl);
  if (!assessment.taskBrief && !assessment.repoUrl) return null;
  return (
    <details class="card task">
      <summary>
        The task
        {assessment.issue && (
          <span class="muted">
            {" "}
            · <Plain text={assessment.issue.issueTitle} />
          </span>
        )}
      </summary>
      {assessment.repoUrl &&
        (repo ? (
          <p>
            <a href={repo} target="_blank" rel="noopener noreferrer">
              <Plain text={assessment.repoUrl} />
            </a>
          </p>
        ) : (
          <p class="mono">
            <Plain text={assessment.repoUrl} />
          </p>
        ))}
      {assessment.taskBrief && (
        <pre class="brief" tabIndex={0}>
          <Plain text={assessment.taskBrief} />
        </pre>
      )}
    </details>
  );
}
