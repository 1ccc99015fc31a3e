import { useEffect, useRef, useState } from "preact/hooks";
import type { FeedState } from "../live/session-feed";
import type { SessionController } from "./controller";
import { plural } from "./format";

/** How long it is said that it is live again, in milliseconds. */
const AGAIN_MS = 6000;

const ENDED: Record<string, { title: string; text: string }> = {
  deleted: { title: "This session has been deleted.", text: "Nothing of it is kept, here or on the server." },
  "not-found": { title: "There is no such session.", text: "It may have been deleted, or belong to another organisation." },
  "signed-out": { title: "You are signed out.", text: "Sign in again to go on watching." },
  "not-allowed": { title: "This session may not be watched.", text: "Your key has no right to read it." },
};

/** What the end of watching is called; `null` while it goes on. */
export function endOf(feed: FeedState): { title: string; text: string } | null {
  return feed.is === "ended" ? (ENDED[feed.why] ?? null) : null;
}

/** How the connection is, where that is worth a word. It says so to screen readers as well. */
export function Banner({ controller }: { controller: SessionController }) {
  const feed = controller.feed.value;
  const history = controller.history.value;
  const wasLost = useRef(false);
  const [again, setAgain] = useState<number | null>(null);
  useEffect(() => {
    if (feed.is === "reconnecting") {
      wasLost.current = true;
      setAgain(null);
    } else if (feed.is === "live" && wasLost.current) {
      wasLost.current = false;
      setAgain(feed.missed);
      const timer = setTimeout(() => setAgain(null), AGAIN_MS);
      return () => clearTimeout(timer);
    }
    return undefined;
  }, [feed]);
  return (
    <div class="s-banners" role="status">
      {feed.is === "reconnecting" && (
        <p class="s-banner is-warning">
          {navigator.onLine ? "The connection is lost." : "You are offline."} {feed.why} Trying again <In until={feed.retryAt} />. What happens meanwhile comes later, nothing is missed.
          <button type="button" class="p-button" onClick={() => controller.retryNow()}>
            Try now
          </button>
        </p>
      )}
      {again !== null && (
        <p class="s-banner is-good">Live again, nothing missed{again > 0 ? `: ${plural(again, "event")} came meanwhile` : ""}.</p>
      )}
      {history.is === "waiting" && (
        <p class="s-banner is-warning">
          What happened before cannot be read: {history.why} Trying again <In until={history.retryAt} />. What happens now is shown.
          <button type="button" class="p-button" onClick={() => controller.retryNow()}>
            Try now
          </button>
        </p>
      )}
    </div>
  );
}

/** `in 4 s`, counted down. */
function In({ until }: { until: number }) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  const seconds = Math.max(0, Math.ceil((until - now) / 1000));
  // Read out once, not every second.
  return <span aria-hidden="true">{seconds > 0 ? `in ${seconds} s` : "now"}</span>;
}
