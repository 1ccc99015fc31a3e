import type { Session } from "../../api/types";
import { Confirm } from "../../app/dialog";
import { api } from "../../app/identity";
import { useResource } from "../../app/resource";
import { now } from "../../app/time";
import { count, plural } from "../../session/format";
import { countBefore, DAY_MS, daysInWords, type Days } from "./days";

interface Counted {
  total: number;
  older: number;
}

async function concerned(days: number, signal: AbortSignal): Promise<Counted> {
  const at = (offset: number) => api.get<{ sessions: Session[]; total: number }>("/v1/sessions", { status: "ended", limit: 1, offset }, signal);
  const { total } = await at(0);
  const older = await countBefore(total, now.peek() - days * DAY_MS, async (place) => {
    const session = (await at(place)).sessions[0];
    return session ? Date.parse(session.startedAt) : null;
  });
  return { total, older };
}

export interface ConfirmRetentionProps {
  days: number;
  before: Days;
  onConfirm: () => Promise<void>;
  onClose: () => void;
}

/** Asks before sessions go sooner, and says how many that concerns at once. */
export function ConfirmRetention({ days, before, onConfirm, onClose }: ConfirmRetentionProps) {
  const { state } = useResource((signal) => concerned(days, signal), [days]);
  return (
    <Confirm
      title={`Delete sessions ${daysInWords(days)} after their end?`}
      action={`Delete after ${daysInWords(days)}`}
      onClose={onClose}
      onConfirm={async () => {
        await onConfirm();
        onClose();
      }}
    >
      <p>
        {before === null ? "So far they are kept until somebody deletes them." : `So far they are kept for ${daysInWords(before)}.`} What is older than {daysInWords(days)} is
        deleted within ten minutes, <strong>for good</strong>: it cannot be brought back.
      </p>
      <p role="status" class={state.is === "here" && state.value.older > 0 ? "note bad" : "note"}>
        {state.is === "loading" && "Looking how many that concerns now…"}
        {state.is === "failed" && "How many that concerns now could not be found out."}
        {state.is === "here" && words(state.value, days)}
      </p>
    </Confirm>
  );
}

function words({ total, older }: Counted, days: number): string {
  if (total === 0) return "No session has ended yet.";
  const ended = `Of ${plural(total, "session")} that ended,`;
  return older === 0 ? `${ended} none began so long ago.` : `${ended} ${count(older)} began more than ${daysInWords(days)} ago.`;
}
