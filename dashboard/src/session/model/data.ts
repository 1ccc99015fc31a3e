/** Payloads are whatever a client sent: each member is looked at before it is believed. */

export type Data = Readonly<Record<string, unknown>>;

export function text(data: Data, ...names: string[]): string | null {
  for (const name of names) {
    const value = data[name];
    if (typeof value === "string" && value !== "") return value;
  }
  return null;
}

export function number(data: Data, ...names: string[]): number | null {
  for (const name of names) {
    const value = data[name];
    if (typeof value === "number" && Number.isFinite(value)) return value;
  }
  return null;
}

/** A whole number that counts something; `null` for anything else. */
export function count(data: Data, ...names: string[]): number | null {
  const value = number(data, ...names);
  return value !== null && Number.isInteger(value) && value >= 0 ? value : null;
}

export function flag(data: Data, name: string): boolean {
  return data[name] === true;
}

export function member(data: Data, name: string): Data {
  const value = data[name];
  return typeof value === "object" && value !== null ? (value as Data) : {};
}
