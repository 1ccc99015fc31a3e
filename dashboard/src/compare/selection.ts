/** Which sessions are compared, as the address has it. */

export const FEWEST = 2;
export const MOST = 6;

/** `?sessions=a,b`, or the parameter several times. Ids that none can be are passed over. */
export function selectionOf(search: string): string[] {
  const given = new URLSearchParams(search).getAll("sessions").flatMap((list) => list.split(","));
  return [...new Set(given.filter((id) => /^[A-Za-z0-9._:-]{1,128}$/.test(id)))].slice(0, MOST);
}

/** The address of a comparison. Commas stay readable. */
export function addressOf(href: string, ids: readonly string[]): string {
  const url = new URL(href);
  url.searchParams.delete("sessions");
  const rest = url.searchParams.toString();
  const list = ids.length > 0 ? `sessions=${ids.map(encodeURIComponent).join(",")}` : "";
  const query = [list, rest].filter((part) => part !== "").join("&");
  return `${url.pathname}${query ? `?${query}` : ""}`;
}
