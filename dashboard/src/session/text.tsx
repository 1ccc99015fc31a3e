import { pieces } from "../text/plain";

/** More than a person reads in a row; the whole is a click away where there is more. */
const MOST = 20_000;

/** What a candidate or a program of theirs wrote: text nodes only, with what cannot be seen shown as a mark. */
export function Said({ text, most = MOST }: { text: string; most?: number }) {
  const shown = text.length > most ? `${text.slice(0, most)}…` : text;
  const all = pieces(shown);
  if (all.length === 1 && all[0]!.kind === "text") return <bdi>{all[0]!.text}</bdi>;
  return (
    <bdi>
      {all.map((piece) =>
        piece.kind === "text" ? (
          piece.text
        ) : (
          <span class="s-mark" title={piece.name}>
            {caret(piece.text)}
          </span>
        ),
      )}
    </bdi>
  );
}

/** Control characters as terminals write them (`^[`): no font lacks those letters, as many do the pictures. */
function caret(mark: string): string {
  const code = mark.charCodeAt(0) - 0x2400;
  if (code >= 0 && code < 0x20) return `^${String.fromCharCode(code + 0x40)}`;
  return code === 0x21 ? "^?" : mark;
}

/** A path, of which the end says most: what is too long is cut at its beginning. */
export function Path({ path }: { path: string }) {
  if (path === "") return <span class="s-quiet">no path</span>;
  const at = path.lastIndexOf("/") + 1;
  return (
    <span class="s-path">
      {at > 0 && (
        <span class="s-folder">
          <Said text={path.slice(0, at)} most={400} />
        </span>
      )}
      <span class="s-file">
        <Said text={path.slice(at)} most={400} />
      </span>
    </span>
  );
}
