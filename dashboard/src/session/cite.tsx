import type { SessionController } from "./controller";
import { clock } from "./format";

/** A moment of the session, a click away. */
export function Cite({ seq, controller }: { seq: number; controller: SessionController }) {
  void controller.version.value;
  const position = controller.store.positionOf(seq);
  if (position < 0) return <span class="s-quiet">#{seq}</span>;
  return (
    <button type="button" class="r-moment" onClick={() => controller.goTo(seq)}>
      {clock(controller.store.tsAt(position) - controller.startsAt)} <span class="s-quiet">#{seq}</span>
    </button>
  );
}
