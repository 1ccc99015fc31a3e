import { useEffect, useMemo, useState } from "preact/hooks";
import { Spark } from "../charts/spark";
import { StripPlot } from "../charts/strip-plot";
import { ApiError, path, type ApiClient } from "../api/client";
import type { SessionController } from "./controller";
import { percent, plural } from "./format";
import { EVERYTHING, hasEvents } from "./model/filter";
import { historyOf, SERIES, valuesAt, type SeriesName } from "./model/history";
import {
  BETTER,
  CONFIDENCE_NAMES,
  isCohortMetric,
  printSignal,
  SHOWN,
  SIGNAL_NAMES,
  type CohortMetric,
} from "./signal-names";
import { useSlow } from "./use-slow";
import { WindowsTable } from "./windows";
import type { CohortReply, CohortStats, Signal, SignalName } from "./types";

/** How many values a history plot has. */
const POINTS = 60;
/** While somebody scrubs, signals are folded anew at most so often, in milliseconds. */
const SLOW_MS = 200;
/** How often a running session's place in its cohort is asked for, in milliseconds. */
const COHORT_EVERY_MS = 30_000;

/** Each signal with its value, how it came to be, the events it comes from, and its place in the cohort. */
export function SignalsPanel({
  controller,
  api,
  sessionId,
}: {
  controller: SessionController;
  api: ApiClient;
  sessionId: string;
}) {
  const signals = controller.signals.value;
  const markers = controller.markers.value;
  const cohort = useCohort(api, sessionId, controller.isRunning.value, controller.session.value?.assessmentId ?? null);
  const history = useMemo(
    () => historyOf(controller.store, POINTS, controller.startsAt, controller.endsAt),
    [markers, controller],
  );
  const moment = useSlow(controller.moment, SLOW_MS);
  const isThen = moment.at < controller.endsAt;
  const then = useMemo(() => (isThen ? valuesAt(controller.store, moment) : null), [isThen, moment, markers, controller]);
  const span = Math.max(1, controller.endsAt - controller.startsAt);
  if (!signals) return <p class="s-empty">The signals are not here yet.</p>;
  return (
    <div class="g-signals">
      <p class="s-note" role="status">
        {controller.isRunning.value
          ? "The session runs: everything here is provisional."
          : "The session has ended: these are its final signals."}{" "}
        {cohortWords(cohort)}
      </p>
      {controller.isRunning.value && <WindowsTable api={api} sessionId={sessionId} signals={signals} />}
      <ul>
        {SHOWN.map((name) => (
          <SignalRow
            key={name}
            name={name}
            signal={signals[name]}
            values={
              (SERIES as readonly string[]).includes(name)
                ? history.values.map((values) => values[name as SeriesName])
                : null
            }
            then={then ? then[name as SeriesName] : undefined}
            at={isThen ? (moment.at - controller.startsAt) / span : null}
            cohort={cohort.is === "known" ? cohort.stats : null}
            isShown={controller.filter.value.signal === name}
            onShow={() =>
              controller.setFilter(controller.filter.value.signal === name ? EVERYTHING : { ...EVERYTHING, signal: name })
            }
          />
        ))}
      </ul>
    </div>
  );
}

interface SignalRowProps {
  name: SignalName;
  signal: Signal;
  values: (number | null)[] | null;
  /** The value at the moment that is shown, where that is not the end. */
  then: number | null | undefined;
  at: number | null;
  cohort: CohortStats | null;
  isShown: boolean;
  onShow: () => void;
}

function SignalRow({ name, signal, values, then, at, cohort, isShown, onShow }: SignalRowProps) {
  const confidence = CONFIDENCE_NAMES[signal.confidence];
  const counts = Object.entries(signal.counts);
  return (
    <li class="g-signal">
      <div class="g-top">
        <h3>{SIGNAL_NAMES[name]}</h3>
        <b class="g-value">{printSignal(name, signal.value)}</b>
      </div>
      <div class="g-middle">
        <span class="s-quiet">
          {counts.length > 1 && counts.map(([what, n]) => countWords(what, n)).join(", ")}
          {confidence && <span class="s-flag">{confidence}</span>}
          {then !== undefined && <span class="s-flag">here {printSignal(name, then)}</span>}
        </span>
        {values && values.some((value) => value !== null) && (
          <Spark values={values} at={at} label={`${SIGNAL_NAMES[name]} over the session`} />
        )}
      </div>
      {isCohortMetric(name) && cohort && <Place name={name} value={signal.value} cohort={cohort} />}
      {hasEvents(name) && (
        <button type="button" class="g-events" aria-pressed={isShown} onClick={onShow}>
          {isShown ? "Show all events" : "Show its events"}
        </button>
      )}
    </li>
  );
}

/** What a signal was counted from: `4 failed commands`. */
const COUNTED: Record<string, [one: string, many: string]> = {
  commandCount: ["command", "commands"],
  commandFailCount: ["failed", "failed"],
  verificationCount: ["verification", "verifications"],
  fileChangeCount: ["change", "changes"],
  manualChangeCount: ["by hand", "by hand"],
  attributedChangeCount: ["attributed change", "attributed changes"],
  attributedWeight: ["line of weight", "lines of weight"],
};

function countWords(what: string, n: number): string {
  const [one, many] = Object.hasOwn(COUNTED, what) ? COUNTED[what]! : [what, what];
  return plural(n, one, many);
}

function Place({ name, value, cohort }: { name: CohortMetric; value: Signal["value"]; cohort: CohortStats }) {
  const distribution = cohort.distribution?.[name];
  const rank = cohort.percentiles?.[name];
  if (!distribution) return null;
  const marks = typeof value === "number" ? [{ name: "This session", value }] : [];
  return (
    <>
      <StripPlot
        distribution={distribution}
        marks={marks}
        print={(value) => printSignal(name, value)}
        label={SIGNAL_NAMES[name]}
      />
      {rank !== null && rank !== undefined && (
        <p class="g-place">
          Ahead of {percent(rank, 1)} of the others ({BETTER[name]} is better){" "}
          {cohort.provisional && <span class="s-flag">provisional</span>}
        </p>
      )}
    </>
  );
}

type Cohort = { is: "asking" | "none" } | { is: "known"; stats: CohortStats } | { is: "failed"; why: string };

function cohortWords(cohort: Cohort): string {
  if (cohort.is === "known")
    return `Its cohort has ${cohort.stats.sessionCount} finished session${cohort.stats.sessionCount === 1 ? "" : "s"}.`;
  if (cohort.is === "failed") return `Its place in the cohort cannot be read: ${cohort.why}`;
  return cohort.is === "none" ? "There is no cohort to compare it with yet." : "";
}

/** The cohort, asked for again while the session runs and once when it ends. */
function useCohort(api: ApiClient, sessionId: string, isRunning: boolean, assessmentId: string | null): Cohort {
  const [cohort, setCohort] = useState<Cohort>({ is: "asking" });
  useEffect(() => {
    if (assessmentId === null) return setCohort({ is: "none" });
    const aborted = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async () => {
      try {
        const route = path`/v1/sessions/${sessionId}/cohort-stats`;
        const { cohortStats } = await api.get<CohortReply>(route, { distribution: "true" }, aborted.signal);
        setCohort(cohortStats ? { is: "known", stats: cohortStats } : { is: "none" });
      } catch (error) {
        if (aborted.signal.aborted) return;
        if (!(error instanceof ApiError)) throw error;
        // What was known is better than nothing.
        setCohort((before) => (before.is === "known" ? before : { is: "failed", why: error.message }));
      }
      if (!aborted.signal.aborted && isRunning) timer = setTimeout(() => void ask(), COHORT_EVERY_MS);
    };
    void ask();
    return () => {
      aborted.abort();
      clearTimeout(timer);
    };
  }, [api, sessionId, isRunning, assessmentId]);
  return cohort;
}
