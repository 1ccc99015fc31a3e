import { plain } from "../../text/plain";
import { Plain } from "../../text/plain-text";
import { trimmed } from "../../session/format";

export interface Weighed {
  title: string;
  /** From 0 to 1; `null` where it is not known yet. */
  share: number | null;
}

/** `37.5 %`: with a decimal, so that they add up. */
export function shareInWords(share: number): string {
  return `${trimmed(100 * share, 1)} %`;
}

/** How much each criterion counts, as one bar. `isNamed`: with the criteria below it. */
export function Weights({ all, isNamed = false }: { all: readonly Weighed[]; isNamed?: boolean }) {
  const words = all.map(({ title, share }) => `${plain(title) || "unnamed"} ${share === null ? "unknown" : shareInWords(share)}`).join(", ");
  let left = 0;
  return (
    <div class="weights">
      <svg viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label={`Shares of the criteria: ${words}`}>
        {all.map(({ title, share }, index) => {
          const x = left;
          const width = 100 * (share ?? 0);
          left += width;
          return (
            width > 0 && (
              <rect key={index} class={`weight-${index % 5}`} x={x} width={Math.max(0.2, width - 0.4)} height="8">
                <title>{`${plain(title)}: ${shareInWords(share ?? 0)}`}</title>
              </rect>
            )
          );
        })}
      </svg>
      {isNamed && (
        <ul aria-hidden="true">
          {all.map(({ title, share }, index) => (
            <li key={index}>
              <span class={`dot weight-${index % 5}`} />
              <Plain text={title || "unnamed"} /> <strong class="number">{share === null ? "?" : shareInWords(share)}</strong>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
