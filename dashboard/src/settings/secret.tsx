import { Dialog } from "../app/dialog";
import { CopyButton } from "../app/form";

/** A secret that was made, which is shown this once. */
export function Secret({ title, text, secret, onClose }: { title: string; text: string; secret: string; onClose: () => void }) {
  return (
    <Dialog title={title} onClose={onClose}>
      <div class="dialog-body">
        <p>{text}</p>
        <p class="secret">
          <code>{secret}</code>
          <CopyButton text={secret} />
        </p>
      </div>
      <div class="dialog-actions">
        <button type="button" class="button primary" onClick={onClose}>
          Done
        </button>
      </div>
    </Dialog>
  );
}
