import { useEffect } from "preact/hooks";
import { path } from "../api/client";
import type { components } from "../api/schema";
import { api } from "../app/identity";
import { useResource } from "../app/resource";
import { Failed, Loading } from "../app/states";
import { dayAndTime, now, span } from "../app/time";

type Delivery = components["schemas"]["Delivery"];

const LOOKS = { queued: "accent", delivered: "good", failed: "bad" } as const;

/** What a webhook was told, the newest first; looked up again while something is on its way. */
export function Deliveries({ webhookId, turn }: { webhookId: string; turn: number }) {
  const { state, again } = useResource(
    (signal) => api.get<{ deliveries: Delivery[] }>(path`/v1/org/webhooks/${webhookId}/deliveries`, {}, signal),
    [webhookId, turn],
  );
  const isWaiting = state.is === "here" && state.value.deliveries.some(({ status }) => status === "queued");
  useEffect(() => {
    if (!isWaiting) return undefined;
    const timer = setInterval(() => document.visibilityState === "visible" && again(), 3000);
    return () => clearInterval(timer);
  }, [isWaiting]);
  if (state.is === "loading") return <Loading what="the deliveries" />;
  if (state.is === "failed") return <Failed error={state.error} what="deliveries" again={again} />;
  if (state.value.deliveries.length === 0) return <p class="muted">It was told nothing yet.</p>;
  return (
    <div class="table-scroll" tabIndex={0} role="region" aria-label="Deliveries">
      <table>
        <thead>
          <tr>
            <th>When</th>
            <th>What</th>
            <th>State</th>
            <th class="end">Tries</th>
            <th>Last answer</th>
          </tr>
        </thead>
        <tbody>
          {state.value.deliveries.map((one) => (
            <tr key={one.id}>
              <td class="number">{dayAndTime(one.createdAt)}</td>
              <td>
                <code>{one.event}</code>
              </td>
              <td>
                <span class={`badge ${LOOKS[one.status as keyof typeof LOOKS] ?? ""}`}>{one.status}</span>
                {one.nextAttemptAt && Date.parse(one.nextAttemptAt) > now.value && (
                  <span class="muted"> again in {span(Date.parse(one.nextAttemptAt) - now.value)}</span>
                )}
              </td>
              <td class="end number">{one.attempts}</td>
              <td class="muted">{one.lastStatus ?? one.lastError ?? ""}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
