import { useEffect, useState } from "preact/hooks";
import { ApiError, path, type ApiClient } from "../api/client";
import type { Signals, SignalsReply } from "../api/types";
import { printSignal, SIGNAL_NAMES } from "./signal-names";

/** How often they are asked for, in milliseconds: the server counts them in steps of so long. */
const WINDOWS_EVERY_MS = 15_000;

type Windows = SignalsReply["windows"];

/** What the server counts by time, in the order in which it is shown. */
const COUNTED = ["promptCount", "commandCount", "commandFailRate", "fileChangeCount", "verifyIntensity"] as const;

/** The last 5 and 15 minutes of a running session beside the whole of it: whether somebody is stuck now is lost in the sums. */
export function WindowsTable({ api, sessionId, signals }: { api: ApiClient; sessionId: string; signals: Signals }) {
  const { windows, failure } = useWindows(api, sessionId);
  if (!windows) return failure ? <p class="s-note">The last minutes cannot be read: {failure}</p> : null;
  return (
    <table class="g-windows">
      <caption>Of late{failure && ` (as it was: ${failure})`}</caption>
      <thead>
        <tr>
          <td />
          <th scope="col">5 min</th>
          <th scope="col">15 min</th>
          <th scope="col">All</th>
        </tr>
      </thead>
      <tbody>
        {COUNTED.map((name) => (
          <tr key={name}>
            <th scope="row">{SIGNAL_NAMES[name]}</th>
            <td>{printSignal(name, windows["5m"][name])}</td>
            <td>{printSignal(name, windows["15m"][name])}</td>
            <td>{printSignal(name, signals[name].value)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function useWindows(api: ApiClient, sessionId: string): { windows: Windows | null; failure: string | null } {
  const [windows, setWindows] = useState<Windows | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  useEffect(() => {
    const aborted = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async () => {
      try {
        if (document.visibilityState === "visible") {
          const reply = await api.get<SignalsReply>(path`/v1/sessions/${sessionId}/signals`, {}, aborted.signal);
          setWindows(reply.windows);
          setFailure(null);
        }
      } catch (error) {
        if (aborted.signal.aborted) return;
        if (!(error instanceof ApiError)) throw error;
        setFailure(error.message);
        if (!error.isPassing) return;
      }
      if (!aborted.signal.aborted) timer = setTimeout(() => void ask(), WINDOWS_EVERY_MS);
    };
    void ask();
    return () => {
      aborted.abort();
      clearTimeout(timer);
    };
  }, [api, sessionId]);
  return { windows, failure };
}
