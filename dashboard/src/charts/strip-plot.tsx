import type { Distribution } from "../session/types";

export interface StripPlotProps {
  distribution: Distribution;
  /** The values that are marked, each with its name and a class for its colour. */
  marks: readonly { value: number; name: string; class?: string }[];
  /** A value as people read it. */
  print: (value: number) => string;
  label: string;
}

const HEIGHT = 26;

/** A cohort as a strip: how its values are spread, where its middle half lies, and where a session stands in it. */
export function StripPlot({ distribution, marks, print, label }: StripPlotProps) {
  const { min, max, p25, p50, p75, histogram } = distribution;
  const low = Math.min(min, ...marks.map(({ value }) => value));
  const high = Math.max(max, ...marks.map(({ value }) => value));
  const place = (value: number) => (high > low ? (100 * (value - low)) / (high - low) : 50);
  const most = Math.max(1, ...histogram.map(({ count }) => count));
  const words = `${label}. Cohort from ${print(min)} to ${print(max)}, half of it from ${print(p25)} to ${print(p75)}, median ${print(p50)}. ${marks
    .map(({ name, value }) => `${name}: ${print(value)}.`)
    .join(" ")}`;
  return (
    <figure class="c-strip">
      <svg viewBox={`0 0 100 ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={words}>
        {histogram.map(({ lo, hi, count }, index) => {
          const [left, right] = [place(lo), place(hi)];
          const height = (count / most) * (HEIGHT - 8);
          return <rect key={index} class="c-bin" x={left} width={Math.max(1, right - left)} y={HEIGHT - 4 - height} height={height} />;
        })}
        <line class="c-axis" x1={place(min)} x2={place(max)} y1={HEIGHT - 3} y2={HEIGHT - 3} vector-effect="non-scaling-stroke" />
        <line class="c-half" x1={place(p25)} x2={place(p75)} y1={HEIGHT - 3} y2={HEIGHT - 3} vector-effect="non-scaling-stroke" />
        <line class="c-median" x1={place(p50)} x2={place(p50)} y1={HEIGHT - 7} y2={HEIGHT} vector-effect="non-scaling-stroke" />
        {marks.map((mark) => (
          <line
            key={mark.name}
            class={`c-mark ${mark.class ?? ""}`}
            x1={place(mark.value)}
            x2={place(mark.value)}
            y1={0}
            y2={HEIGHT}
            vector-effect="non-scaling-stroke"
          />
        ))}
      </svg>
      <figcaption aria-hidden="true">
        <span>{print(low)}</span>
        <span>median {print(p50)}</span>
        <span>{print(high)}</span>
      </figcaption>
    </figure>
  );
}
