import { api } from "../app/identity";
import type { Query } from "../api/client";

/** More than these are not asked for. */
const MOST = 1000;

/** All entries of a list that the API gives out by pages of at most `page`. */
export async function allOf<T>(route: string, name: string, query: Query, page: number, signal: AbortSignal): Promise<T[]> {
  const found: T[] = [];
  for (let total = 1; found.length < Math.min(total, MOST); ) {
    const reply = await api.get<Record<string, unknown> & { total: number }>(route, { ...query, limit: page, offset: found.length }, signal);
    const entries = reply[name] as T[];
    // A list that became shorter meanwhile has an end all the same.
    if (entries.length === 0) break;
    found.push(...entries);
    total = reply.total;
  }
  return found;
}
