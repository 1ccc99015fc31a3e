import type { Loaded } from "../app/resource";
import { Empty, Failed, Loading } from "../app/states";
import { span } from "../app/time";
import { Histogram } from "./histogram";
import type { CohortStats, Distribution } from "./types";

type Metric = keyof NonNullable<CohortStats["distribution"]>;

/** What a metric is called, how it is printed, and which way is better (as the API documents it). */
const METRICS: { name: Metric; title: string; print: (value: number) => string; better: "less" | "more" }[] = [
  { name: "durationMs", title: "Time taken", print: span, better: "less" },
  { name: "promptCount", title: "Prompts", print: (n) => decimals(n, 1), better: "less" },
  { name: "commandFailRate", title: "Commands that failed", print: (n) => `${decimals(100 * n, 1)} %`, better: "less" },
  { name: "verifyIntensity", title: "Checks for each change", print: (n) => decimals(n, 2), better: "more" },
  { name: "manualEditRatio", title: "Changes by hand", print: (n) => `${decimals(100 * n, 1)} %`, better: "less" },
  { name: "firstChangeLatencyMs", title: "Until the first change", print: span, better: "more" },
];

function decimals(n: number, most: number): string {
  return String(Number(n.toFixed(most)));
}

/** How those who are done compare. */
export function Cohort({ state, again }: { state: Loaded<{ cohortStats: CohortStats | null }>; again: () => void }) {
  return (
    <section class="section" aria-labelledby="cohort">
      <div class="section-head">
        <h2 id="cohort">How they compare</h2>
        {state.is === "here" && state.value.cohortStats && <Summary stats={state.value.cohortStats} />}
      </div>
      {state.is === "loading" && <Loading what="the comparison" />}
      {state.is === "failed" && <Failed error={state.error} what="comparison" again={again} />}
      {state.is === "here" && state.value.cohortStats === null && (
        <Empty title="Nobody is done yet.">
          <p>As soon as candidates hand in, their sessions are compared here.</p>
        </Empty>
      )}
      {state.is === "here" && state.value.cohortStats && <Metrics stats={state.value.cohortStats} />}
    </section>
  );
}

function Summary({ stats }: { stats: CohortStats }) {
  return (
    <p class="muted">
      {stats.sessionCount} {stats.sessionCount === 1 ? "session" : "sessions"} · the last test passed in {stats.metrics.testPassRate} %
    </p>
  );
}

function Metrics({ stats }: { stats: CohortStats }) {
  return (
    <div class="metrics">
      {METRICS.map(({ name, title, print, better }) => {
        const distribution: Distribution | null = stats.distribution?.[name] ?? null;
        return (
          <figure key={name} class="card metric">
            <figcaption>
              <h3>{title}</h3>
              <span class="muted">{better} is better</span>
            </figcaption>
            {distribution ? (
              <>
                <p class="metric-value">
                  <span class="number">{print(distribution.p50)}</span> <span class="muted">median</span>
                </p>
                <Histogram distribution={distribution} print={print} title={title} />
              </>
            ) : (
              <p class="muted">No session has a value.</p>
            )}
          </figure>
        );
      })}
    </div>
  );
}
