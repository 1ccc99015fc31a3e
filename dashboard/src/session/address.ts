import type { Moment } from "./model/event-store";

/** What the address of the page asks to see: an event by its seq (`?at=12`) or by its id (`#event-…`), as exports name it. */
export interface Wanted {
  seq: number | null;
  id: string | null;
}

export function wantedOf({ search, hash }: Pick<Location, "search" | "hash">): Wanted {
  const at = new URLSearchParams(search).get("at");
  const id = /^#event-([0-9a-f-]{36})$/i.exec(hash)?.[1]?.toLowerCase() ?? null;
  return { seq: at !== null && /^[1-9]\d{0,8}$/.test(at) ? Number(at) : null, id };
}

/** The address of a moment: that of the event that happened last; of the page itself for the live end. */
export function addressOf(href: string, moment: Moment, current: number): string {
  const url = new URL(href);
  url.hash = "";
  if (moment.at === Infinity || current === 0) url.searchParams.delete("at");
  else url.searchParams.set("at", String(current));
  return url.href;
}
