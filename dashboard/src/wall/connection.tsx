import { useEffect, useRef, useState } from "preact/hooks";
import { now, span } from "../app/time";
import type { LinkState } from "../live/link";

/** Whether what is shown is what is, and what is done about it when not. */
export function Connection({ state, again }: { state: LinkState; again: () => void }) {
  const [isBack, setIsBack] = useState(false);
  const wasLost = useRef(false);
  useEffect(() => {
    if (state.is === "reconnecting") wasLost.current = true;
    if (state.is !== "connected" || !wasLost.current) return undefined;
    wasLost.current = false;
    setIsBack(true);
    const timer = setTimeout(() => setIsBack(false), 8000);
    return () => clearTimeout(timer);
  }, [state.is]);
  if (state.is === "connected") {
    return <p class="connection is-live">{isBack ? "Live again, nothing missed" : "Live"}</p>;
  }
  if (state.is === "connecting") return <p class="connection">Connecting…</p>;
  if (state.is === "ended") return <p class="connection is-lost">Not live</p>;
  const isOffline = !navigator.onLine;
  return (
    <p class="connection is-lost" role="status">
      {isOffline ? "Offline" : "Connection lost"}
      {!isOffline && state.retryAt > now.value + 1000 && `, again in ${span(state.retryAt - now.value)}`}
      <button type="button" class="button quiet small" onClick={again}>
        Try now
      </button>
    </p>
  );
}
