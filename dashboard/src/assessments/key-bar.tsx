import type { CandidateKey } from "./types";

const STATES = [
  ["completed", "done"],
  ["redeemed", "at work"],
  ["pending", "not started"],
  ["expired", "expired"],
] as const;
type State = (typeof STATES)[number][0];

/** How many keys are how far; those who are hired are done. */
export type Tally = Readonly<Record<State, number>>;

export function tally(keys: readonly CandidateKey[]): Tally {
  const found: Record<State, number> = { completed: 0, redeemed: 0, pending: 0, expired: 0 };
  for (const { status } of keys) found[status === "hired" ? "completed" : (status as State)] += 1;
  return found;
}

const WIDTH = 100;

/** How far the candidates of an assessment are, as a bar. */
export function KeyBar({ tally }: { tally: Tally }) {
  const all = STATES.reduce((sum, [state]) => sum + tally[state], 0);
  if (all === 0) return <p class="muted">No keys yet</p>;
  const words = STATES.filter(([state]) => tally[state] > 0).map(([state, name]) => `${tally[state]} ${name}`);
  let left = 0;
  return (
    <div class="key-bar">
      <svg viewBox={`0 0 ${WIDTH} 6`} preserveAspectRatio="none" aria-hidden="true">
        {STATES.map(([state]) => {
          const width = (tally[state] / all) * WIDTH;
          const x = left;
          left += width;
          return width > 0 && <rect key={state} class={`key-${state}`} x={x} width={Math.max(0, width - 0.4)} height="6" />;
        })}
      </svg>
      <ul>
        {STATES.filter(([state]) => tally[state] > 0).map(([state, name], index) => (
          <li key={state}>
            <span class={`dot key-${state}`} aria-hidden="true" />
            <span title={words[index]}>
              <strong class="number">{tally[state]}</strong> {name}
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}
