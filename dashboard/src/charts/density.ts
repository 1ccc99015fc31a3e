/** How much happened when, by group: what the scrubber and the comparison draw. */
import type { EventStore } from "../session/model/event-store";
import { GROUPS } from "../session/model/kinds";

/** Counts by group (in the order of `GROUPS`) and bucket. */
export interface Density {
  buckets: number;
  counts: Uint32Array[];
  /** The most in any bucket, over all groups. */
  most: number;
}

export function densityOf(store: EventStore, buckets: number, from: number, to: number): Density {
  const counts = GROUPS.map(() => new Uint32Array(buckets));
  const all = new Uint32Array(buckets);
  const scale = to > from ? buckets / (to - from) : 0;
  let most = 0;
  for (let position = 0; position < store.size; position += 1) {
    const bucket = Math.min(buckets - 1, Math.max(0, Math.floor((store.tsAt(position) - from) * scale)));
    counts[store.groupAt(position)]![bucket]! += 1;
    most = Math.max(most, (all[bucket]! += 1));
  }
  return { buckets, counts, most };
}

/** The bars of each group, stacked, as one path for each: `width` × `height` pixels, the tallest bar as high as all. Small
 * counts stay visible: heights go by the square root. */
export function bars({ buckets, counts, most }: Density, width: number, height: number): string[] {
  const step = width / buckets;
  const bar = Math.max(0.5, step - (step > 3 ? 1 : 0));
  const paths: string[][] = counts.map(() => []);
  for (let bucket = 0; bucket < buckets; bucket += 1) {
    let all = 0;
    for (const group of counts) all += group[bucket]!;
    if (all === 0) continue;
    const unit = (Math.sqrt(all / most) * height) / all;
    let top = height;
    counts.forEach((group, index) => {
      const size = group[bucket]! * unit;
      if (size === 0) return;
      top -= size;
      paths[index]!.push(`M${round(bucket * step)} ${round(top)}h${round(bar)}v${round(size)}h${round(-bar)}z`);
    });
  }
  return paths.map((path) => path.join(""));
}

function round(n: number): number {
  return Math.round(n * 100) / 100;
}
