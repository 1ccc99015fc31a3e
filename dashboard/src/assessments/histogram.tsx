import type { Distribution } from "./types";

const WIDTH = 200;
const HEIGHT = 72;
const FOOT = 10;

/** How the values of a cohort are spread: bars, the middle half, the median; what lies far outside is marked. */
export function Histogram({ distribution, print, title }: { distribution: Distribution; print: (value: number) => string; title: string }) {
  const { min, max, p10, p25, p50, p75, p90, histogram } = distribution;
  // One value for all still is a bar, in the middle.
  const [low, high] = max > min ? [min, max] : [min - 1, max + 1];
  const place = (value: number) => ((value - low) / (high - low)) * WIDTH;
  const most = Math.max(1, ...histogram.map(({ count }) => count));
  const fence = 1.5 * (p75 - p25);
  const isFar = (lo: number, hi: number) => p75 > p25 && (hi <= p25 - fence || lo >= p75 + fence);
  const far = histogram.filter(({ lo, hi, count }) => count > 0 && isFar(lo, hi)).reduce((sum, { count }) => sum + count, 0);
  const words = `${title}: from ${print(min)} to ${print(max)}, median ${print(p50)}, half between ${print(p25)} and ${print(p75)}${far > 0 ? `, ${far} far outside` : ""}`;
  return (
    <div class="histogram">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT + FOOT}`} preserveAspectRatio="none" role="img" aria-label={words}>
        <title>{words}</title>
        <rect class="h-half" x={place(p25)} width={Math.max(1, place(p75) - place(p25))} y="0" height={HEIGHT} />
        {histogram.map(({ lo, hi, count }) => {
          const [left, right] = max > min ? [place(lo), place(hi)] : [WIDTH * 0.45, WIDTH * 0.55];
          const height = (count / most) * (HEIGHT - 6);
          const gap = Math.min(1, (right - left) * 0.1);
          return (
            count > 0 && (
              <rect
                key={lo}
                class={isFar(lo, hi) ? "h-bar is-far" : "h-bar"}
                x={left + gap}
                width={Math.max(1, right - left - 2 * gap)}
                y={HEIGHT - height}
                height={height}
              >
                <title>{`${print(lo)} to ${print(hi)}: ${count}`}</title>
              </rect>
            )
          );
        })}
        <line class="h-axis" x1="0" x2={WIDTH} y1={HEIGHT} y2={HEIGHT} vector-effect="non-scaling-stroke" />
        <line class="h-range" x1={place(p10)} x2={place(p90)} y1={HEIGHT + 5} y2={HEIGHT + 5} vector-effect="non-scaling-stroke" />
        <line class="h-median" x1={place(p50)} x2={place(p50)} y1="0" y2={HEIGHT + 9} vector-effect="non-scaling-stroke" />
      </svg>
      <p class="h-ends number" aria-hidden="true">
        <span>{print(min)}</span>
        {far > 0 && <span class="is-far">{far} far outside</span>}
        <span>{print(max)}</span>
      </p>
    </div>
  );
}
