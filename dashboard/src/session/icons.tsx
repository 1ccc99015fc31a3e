import type { MarkerKind } from "./model/markers";

/** Drawn, because no font has all of these signs. Each is 16 by 16. */
const SHAPES = {
  play: "M4 2.5v11l9.5-5.5z",
  pause: "M3.5 2.5h3v11h-3zM9.5 2.5h3v11h-3z",
  previous: "M3 2.5h2v11H3zM13.5 2.5v11L5.5 8z",
  next: "M11 2.5h2v11h-2zM2.5 2.5v11l8-5.5z",
  paste: "M5 1.5h6v2h2.5v11h-11v-11H5zM5.5 6.5v1.2h5V6.5zM5.5 9.5v1.2h5V9.5z",
  check: "M13.2 3.2 6.3 10.6 3 7.4 1.6 8.9l4.8 4.5 8.3-8.8z",
  cross: "M3.6 2.2 8 6.6l4.4-4.4 1.4 1.4L9.4 8l4.4 4.4-1.4 1.4L8 9.4l-4.4 4.4-1.4-1.4L6.6 8 2.2 3.6z",
  bang: "M6.8 1.5h2.4L8.9 10H7.1zM6.8 12h2.4v2.4H6.8z",
  diamond: "M8 1.5 14.5 8 8 14.5 1.5 8z",
  link: "M6.6 9.4a2.6 2.6 0 0 1 0-3.7l2-2a2.6 2.6 0 0 1 3.7 3.7l-1 1M9.4 6.6a2.6 2.6 0 0 1 0 3.7l-2 2a2.6 2.6 0 0 1-3.7-3.7l1-1",
  change: "M7 2h2v3.5h3.5v2H9V11H7V7.5H3.5v-2H7zM3.5 12.2h9v2h-9z",
} as const;

export type Icon = keyof typeof SHAPES;

export function Icon({ name }: { name: Icon }) {
  return (
    <svg class={name === "link" ? "s-icon is-line" : "s-icon"} viewBox="0 0 16 16" aria-hidden="true">
      <path d={SHAPES[name]} />
    </svg>
  );
}

/** Each kind of marker has a shape of its own, so that colour is never the only difference. */
export const MARKER_ICONS: Record<MarkerKind, Icon> = {
  pause: "pause",
  paste: "paste",
  green: "check",
  failed: "bang",
  red: "cross",
  decision: "diamond",
  "first-change": "change",
};
