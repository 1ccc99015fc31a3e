import { signal } from "@preact/signals";

/** The time of now, which views that show ages and deadlines follow. Milliseconds since the epoch. */
export const now = signal(Date.now());

setInterval(() => (now.value = Date.now()), 1000);

/** `12 s`, `4 min`, `2 h 5 min`, `3 d`: how long something takes, as people say it. */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  const days = Math.floor(hours / 24);
  return days < 7 && hours % 24 !== 0 ? `${days} d ${hours % 24} h` : `${days} d`;
}

/** `just now`, `12 s ago`, `4 min ago`. */
export function ago(at: number, since: number): string {
  const ms = since - at;
  return ms < 2000 ? "just now" : `${span(ms)} ago`;
}

/** The day, and the time where it says something: `26 Nov 2026, 14:05`. */
export function dayAndTime(at: string | number): string {
  return new Date(at).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}

/** `26 Nov 2026`. */
export function day(at: string | number): string {
  return new Date(at).toLocaleDateString(undefined, { dateStyle: "medium" });
}
