import { useState } from "preact/hooks";
import { path } from "../api/client";
import type { Session } from "../api/types";
import { Confirm } from "../app/dialog";
import { CopyButton } from "../app/form";
import { api } from "../app/identity";
import { comparison } from "../app/router";
import { Empty } from "../app/states";
import { dayAndTime, now, span } from "../app/time";
import { Plain } from "../text/plain-text";
import { csv, save } from "./csv";
import type { Assessment, CandidateKey } from "./types";

const STATUS: Record<CandidateKey["status"] & string, [string, string]> = {
  pending: ["Not started", ""],
  redeemed: ["At work", "accent"],
  completed: ["Done", "good"],
  expired: ["Expired", "warn"],
  hired: ["Hired", "good"],
};
const INVITE: Record<CandidateKey["inviteStatus"] & string, [string, string]> = {
  none: ["", ""],
  queued: ["Invitation on its way", "accent"],
  sent: ["Invitation sent", ""],
  failed: ["Invitation failed", "bad"],
};
const MOST_PICKED = 6;

export interface KeysProps {
  assessment: Assessment;
  keys: readonly CandidateKey[];
  /** Their sessions, as far as they are known; `null` while they are being read. */
  sessions: ReadonlyMap<string, Session> | null;
  canWrite: boolean;
  onChange: () => void;
  onInvite: () => void;
}

/** The candidates of an assessment, with how far each is and what can be done. */
export function Keys({ assessment, keys, sessions, canWrite, onChange, onInvite }: KeysProps) {
  const [revoked, setRevoked] = useState<CandidateKey | null>(null);
  const [picked, setPicked] = useState<readonly string[]>([]);
  const [failure, setFailure] = useState<string | null>(null);
  if (keys.length === 0) {
    return (
      <Empty title="Nobody is invited yet.">
        {canWrite && (
          <button type="button" class="button primary" onClick={onInvite}>
            Invite candidates
          </button>
        )}
      </Empty>
    );
  }
  const pick = (id: string) => setPicked((ids) => (ids.includes(id) ? ids.filter((one) => one !== id) : [...ids, id]));
  const mark = async (key: CandidateKey, status: "hired" | "completed") => {
    setFailure(null);
    try {
      await api.patch(path`/v1/assessments/${assessment.id}/keys/${key.id}`, { status });
    } catch (error) {
      setFailure(error instanceof Error ? error.message : String(error));
    }
    onChange();
  };
  return (
    <div class="card">
      <div class="table-scroll" tabIndex={0} role="region" aria-label="Candidates">
        <table class="keys">
          <thead>
            <tr>
              <th>
                <span class="visually-hidden">Compare</span>
              </th>
              <th>Candidate</th>
              <th>Key</th>
              <th>Status</th>
              <th>Time</th>
              <th class="end">Models</th>
              <th class="end">
                <span class="visually-hidden">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {keys.map((key) => (
              <tr key={key.id}>
                <td>
                  {key.sessionId && (
                    <input
                      type="checkbox"
                      checked={picked.includes(key.sessionId)}
                      disabled={!picked.includes(key.sessionId) && picked.length >= MOST_PICKED}
                      onChange={() => pick(key.sessionId!)}
                      aria-label={`Compare ${key.candidateName ?? key.candidateEmail ?? key.key}`}
                    />
                  )}
                </td>
                <td class="who-cell">
                  <Candidate of={key} />
                </td>
                <td class="key-cell">
                  <code>{key.key}</code>
                  <CopyButton text={key.key} />
                </td>
                <td>
                  <Status of={key} />
                </td>
                <td class="number muted">
                  {/* A key knows when it was used, not when the work was: those differ where a session was brought in later. */}
                  {(sessions || !key.sessionId) && <When of={key} session={sessionOf(key, sessions)} />}
                </td>
                <td class="end number muted">{key.totalCostUsd === null ? "" : `$${key.totalCostUsd.toFixed(2)}`}</td>
                <td class="end">
                  <div class="row-actions">
                    {key.sessionId && (
                      <>
                        <a class="button quiet small" href={`/v1/sessions/${encodeURIComponent(key.sessionId)}/export?format=csv`} download>
                          CSV
                        </a>
                        <a class="button small" href={`/sessions/${encodeURIComponent(key.sessionId)}`}>
                          {key.status === "redeemed" ? "Watch" : "Open"}
                        </a>
                      </>
                    )}
                    {canWrite && key.status === "completed" && (
                      <button type="button" class="button quiet small" onClick={() => void mark(key, "hired")}>
                        Hired
                      </button>
                    )}
                    {canWrite && key.status === "hired" && (
                      <button type="button" class="button quiet small" onClick={() => void mark(key, "completed")}>
                        Not hired
                      </button>
                    )}
                    {canWrite && (
                      <button type="button" class="button quiet small" onClick={() => setRevoked(key)}>
                        Revoke
                      </button>
                    )}
                  </div>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <div class="table-foot">
        {failure && (
          <p class="field-error" role="alert">
            {failure}
          </p>
        )}
        {picked.length > 1 ? (
          <a class="button primary small" href={comparison(picked)}>
            Compare {picked.length}
          </a>
        ) : (
          <span class="hint">Pick two to six to compare them.</span>
        )}
        <button type="button" class="button quiet small" onClick={() => save(`candidates-${assessment.id}.csv`, table(keys, sessions))}>
          Save this table as CSV
        </button>
      </div>
      {revoked && (
        <Confirm
          title="Revoke this key?"
          action="Revoke"
          onClose={() => setRevoked(null)}
          onConfirm={async () => {
            await api.delete(path`/v1/assessments/${assessment.id}/keys/${revoked.id}`);
            setRevoked(null);
            onChange();
          }}
        >
          <p>
            <code>{revoked.key}</code> <Candidate of={revoked} />
          </p>
          <p>
            {revoked.status === "redeemed"
              ? "The candidate is at work: nothing they do from now on is taken, and the key leaves this table."
              : "It opens nothing any more, and leaves this table."}
          </p>
        </Confirm>
      )}
    </div>
  );
}

function Candidate({ of: key }: { of: CandidateKey }) {
  if (key.candidateName === null && key.candidateEmail === null) return <span class="muted">Nobody in particular</span>;
  return (
    <>
      {key.candidateName !== null && (
        <strong>
          <Plain text={key.candidateName} />
        </strong>
      )}
      {key.candidateEmail !== null && (
        <span class="muted">
          <Plain text={key.candidateEmail} />
        </span>
      )}
    </>
  );
}

function Status({ of: key }: { of: CandidateKey }) {
  const [status, look] = STATUS[key.status as keyof typeof STATUS] ?? [String(key.status), ""];
  const [invite, inviteLook] = INVITE[key.inviteStatus as keyof typeof INVITE] ?? ["", ""];
  return (
    <span class="badges">
      <span class={`badge ${look}`}>{status}</span>
      {invite && key.status === "pending" && <span class={`badge ${inviteLook}`}>{invite}</span>}
    </span>
  );
}

function sessionOf(key: CandidateKey, sessions: KeysProps["sessions"]): Session | undefined {
  return key.sessionId ? sessions?.get(key.sessionId) : undefined;
}

function When({ of: key, session }: { of: CandidateKey; session: Session | undefined }) {
  const started = session?.startedAt ?? key.redeemedAt;
  const ended = session?.endedAt ?? key.completedAt;
  if (started && ended) {
    return <span title={`${dayAndTime(started)} to ${dayAndTime(ended)}`}>{span(Date.parse(ended) - Date.parse(started))}</span>;
  }
  if (started) return <span title={dayAndTime(started)}>for {span(now.value - Date.parse(started))}</span>;
  const left = Date.parse(key.expiresAt) - now.value;
  return <span title={dayAndTime(key.expiresAt)}>{left > 0 ? `${span(left)} left to start` : `until ${dayAndTime(key.expiresAt)}`}</span>;
}

function table(keys: readonly CandidateKey[], sessions: KeysProps["sessions"]): string {
  const head = ["name", "email", "key", "status", "invitation", "session", "expires", "started", "completed", "model cost in USD"];
  const rows = keys.map((key) => [
    key.candidateName,
    key.candidateEmail,
    key.key,
    String(key.status),
    String(key.inviteStatus),
    key.sessionId,
    key.expiresAt,
    sessionOf(key, sessions)?.startedAt ?? key.redeemedAt,
    sessionOf(key, sessions)?.endedAt ?? key.completedAt,
    key.totalCostUsd,
  ]);
  return csv([head, ...rows]);
}
