import { bandsOf, type ScoredSignal } from "./signals";

/** Which values of a signal earn which score, drawn from 1 to 5. */
export function Scale({ signal, thresholds }: { signal: ScoredSignal; thresholds: readonly string[] }) {
  const bands = bandsOf(signal, thresholds);
  if (!bands) return null;
  return (
    <ol class="scale" aria-label="Which values earn which score">
      {bands.map(({ score, words }) => (
        <li key={words} class={`band-${score}`}>
          <strong>{score}</strong> <span>{words}</span>
        </li>
      ))}
    </ol>
  );
}
