/** Round steps of time for an axis, in milliseconds. */
const STEPS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400, 172_800, 604_800,
].map((seconds) => seconds * 1000);

/** Where an axis of `span` milliseconds has its marks, `most` of them or fewer. */
export function timeTicks(span: number, most: number): number[] {
  const step = STEPS.find((step) => span / step <= most) ?? Math.ceil(span / most / 604_800_000) * 604_800_000;
  const ticks = [];
  for (let at = 0; at <= span; at += step) ticks.push(at);
  return ticks;
}
