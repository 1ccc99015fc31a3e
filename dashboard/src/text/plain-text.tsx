import { pieces } from "./plain";

/** Text that somebody else wrote: text nodes only, with what cannot be seen shown as a mark. */
export function Plain({ text }: { text: string }) {
  return (
    <bdi>
      {pieces(text).map((piece) =>
        piece.kind === "text" ? (
          piece.text
        ) : (
          <span class="hidden-character" title={piece.name}>
            {piece.text}
          </span>
        ),
      )}
    </bdi>
  );
}
