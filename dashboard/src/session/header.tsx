import { useEffect, useState } from "preact/hooks";
import { path, type ApiClient } from "../api/client";
import type { SessionController } from "./controller";
import { clock, dayAndTime, duration, plural } from "./format";
import { Said } from "./text";
import type { AssessmentReplyShown } from "./types";

/** Whose session it is, whether it runs, and how much time is left. */
export function Header({ controller, api }: { controller: SessionController; api: ApiClient }) {
  const session = controller.session.value;
  const feed = controller.feed.value;
  const [assessment, setAssessment] = useState<AssessmentReplyShown["assessment"] | null>(null);
  const id = session?.assessmentId ?? null;
  useEffect(() => {
    if (id === null) return;
    const aborted = new AbortController();
    // Its title is of use, and nothing hangs on it.
    api.get<AssessmentReplyShown>(path`/v1/assessments/${id}`, {}, aborted.signal).then(
      (reply) => setAssessment(reply.assessment),
      () => {},
    );
    return () => aborted.abort();
  }, [api, id]);
  const name = session?.candidateName ?? (session ? "Candidate without a name" : "Session");
  const watchers = controller.watchers.value;
  return (
    <header class="s-top">
      <div class="s-who">
        <h1 title={name}>
          <Said text={name} most={200} />
        </h1>
        {assessment && (
          <p class="s-quiet" title={assessment.title}>
            <Said text={assessment.title} most={200} />
          </p>
        )}
      </div>
      <div class="s-state">
        {session && <Status status={session.status} isLive={feed.is === "live"} isLost={feed.is === "reconnecting"} />}
        {session && session.status === "active" && <Elapsed startedAt={session.startedAt} createdAt={session.createdAt} limit={assessment?.timeLimitMinutes ?? null} />}
        {session && session.status === "ended" && session.endedAt && (
          <span class="s-quiet" title={dayAndTime(Date.parse(session.endedAt))}>
            lasted {duration(Math.max(0, Date.parse(session.endedAt) - Date.parse(session.startedAt)))}
          </span>
        )}
        {watchers !== null && watchers > 1 && <span class="s-quiet s-extra">{plural(watchers, "reviewer")} watching</span>}
      </div>
    </header>
  );
}

function Status({ status, isLive, isLost }: { status: string; isLive: boolean; isLost: boolean }) {
  if (isLost) return <span class="s-status is-warning">Reconnecting</span>;
  if (status === "ended") return <span class="s-status">Ended</span>;
  if (status === "pending") return <span class="s-status">Not begun</span>;
  return <span class={isLive ? "s-status is-live" : "s-status"}>{isLive ? "Live" : "Connecting"}</span>;
}

function Elapsed({ startedAt, createdAt, limit }: { startedAt: string; createdAt: string; limit: number | null }) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  // The limit counts from when the key was redeemed, which made the session.
  const left = limit === null ? null : Date.parse(createdAt) + limit * 60_000 - now;
  return (
    <span class="s-elapsed" title={`Began ${dayAndTime(Date.parse(startedAt))}`}>
      {clock(Math.max(0, now - Date.parse(startedAt)))}
      {left !== null && (
        <span class={left < 300_000 ? "s-flag is-warning" : "s-quiet"}> {left > 0 ? `${clock(left)} left` : "time is over"}</span>
      )}
    </span>
  );
}
