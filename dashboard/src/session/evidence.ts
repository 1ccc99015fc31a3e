import { member, type Data } from "./model/data";

/** The events that something of an artifact rests on, as many as are named, by their place in the order of arrival. */
export function seqsOf(item: Data): number[] {
  const events: unknown[] = Array.isArray(item["events"]) ? item["events"] : [];
  return events.flatMap((event) => {
    const seq = member({ event }, "event")["seq"];
    return typeof seq === "number" && Number.isInteger(seq) ? [seq] : [];
  });
}
