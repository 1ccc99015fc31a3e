import { useEffect, useState } from "preact/hooks";
import { ApiError, type ApiClient } from "../api/client";
import type { Session } from "../api/types";
import { Said } from "../session/text";
import { MOST } from "./selection";

/** How many sessions are offered: the newest. */
const OFFERED = 100;

/** The sessions that can be added to the comparison. */
export function Picker({ api, chosen, onAdd }: { api: ApiClient; chosen: readonly string[]; onAdd: (id: string) => void }) {
  const [sessions, setSessions] = useState<Session[] | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const [tries, setTries] = useState(0);
  const [text, setText] = useState("");
  useEffect(() => {
    const aborted = new AbortController();
    api.get<{ sessions: Session[] }>("/v1/sessions", { limit: OFFERED }, aborted.signal).then(
      (found) => {
        setSessions(found.sessions);
        setFailure(null);
      },
      (error: unknown) => {
        if (!aborted.signal.aborted) setFailure(error instanceof ApiError ? error.message : String(error));
      },
    );
    return () => aborted.abort();
  }, [api, tries]);

  if (failure !== null) {
    return (
      <div class="s-empty" role="alert">
        <p>The sessions could not be loaded. {failure}</p>
        <button type="button" class="button" onClick={() => setTries(tries + 1)}>
          Try again
        </button>
      </div>
    );
  }
  if (!sessions) return <p class="s-empty">The sessions are being read.</p>;
  const needle = text.trim().toLowerCase();
  const offered = sessions.filter(({ id, candidateName }) => !chosen.includes(id) && `${candidateName ?? ""} ${id}`.toLowerCase().includes(needle));
  const isFull = chosen.length >= MOST;
  return (
    <div class="x-picker">
      <label>
        Add a session
        <input type="search" placeholder="Name of a candidate" value={text} onInput={(event) => setText(event.currentTarget.value)} />
      </label>
      {isFull && <p class="s-note">{MOST} sessions are the most that can be told apart.</p>}
      {offered.length === 0 ? (
        <p class="s-empty">{sessions.length === 0 ? "There are no sessions yet." : "No other session has such a name."}</p>
      ) : (
        <ul aria-label="Sessions">
          {offered.map((session) => (
            <li key={session.id}>
              <button type="button" disabled={isFull} onClick={() => onAdd(session.id)}>
                <span class="x-name">
                  <Said text={session.candidateName ?? session.id} most={120} />
                </span>
                <span class="s-quiet">{new Date(session.startedAt).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" })}</span>
                <span class={session.status === "active" ? "s-status is-live" : "s-status"}>{session.status === "active" ? "Running" : session.status === "ended" ? "Ended" : "Not begun"}</span>
              </button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
