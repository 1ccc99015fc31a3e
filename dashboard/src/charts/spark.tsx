/** A small line of how a value came to be. Gaps are where it had none. */
export interface SparkProps {
  values: readonly (number | null)[];
  /** What it shows, in words. */
  label: string;
  /** The share of the width at which the view is; `null` for none. */
  at?: number | null;
}

const WIDTH = 120;
const HEIGHT = 28;
const PAD = 2;

export function Spark({ values, label, at = null }: SparkProps) {
  return (
    <svg class="c-spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={label}>
      <path class="c-line" d={line(values, WIDTH, HEIGHT)} vector-effect="non-scaling-stroke" />
      {at !== null && <line class="c-at" x1={at * WIDTH} x2={at * WIDTH} y1={0} y2={HEIGHT} vector-effect="non-scaling-stroke" />}
    </svg>
  );
}

/** Steps from value to value, from 0 or the least to the most. */
export function line(values: readonly (number | null)[], width: number, height: number): string {
  const known = values.filter((value) => value !== null);
  const [least, most] = [Math.min(0, ...known), Math.max(0, ...known)];
  const scale = most > least ? (height - 2 * PAD) / (most - least) : 0;
  const step = width / Math.max(1, values.length);
  let path = "";
  let isDrawing = false;
  values.forEach((value, index) => {
    if (value === null) return void (isDrawing = false);
    const y = Math.round((height - PAD - (value - least) * scale) * 100) / 100;
    path += `${isDrawing ? "L" : "M"}${Math.round(index * step * 100) / 100} ${y}H${Math.round((index + 1) * step * 100) / 100}`;
    isDrawing = true;
  });
  return path;
}
