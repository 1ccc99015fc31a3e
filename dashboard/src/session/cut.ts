/** Texts in parts, of which none ends in the middle of a character. */

/** The beginning of a text: `most` code units or one less. */
export function cut(text: string, most: number): string {
  if (text.length <= most) return text;
  const last = text.charCodeAt(most - 1);
  return text.slice(0, last >= 0xd800 && last < 0xdc00 ? most - 1 : most);
}

/** All of a text, in parts of `most` code units or one less. */
export function inParts(text: string, most: number): string[] {
  const parts: string[] = [];
  let rest = text;
  while (rest.length > most) {
    const part = cut(rest, most);
    parts.push(part);
    rest = rest.slice(part.length);
  }
  return [...parts, rest];
}
