import { useEffect, useRef } from "preact/hooks";

export const KEYS: readonly [string, string][] = [
  ["Space", "Play or pause"],
  ["L", "Jump to live, or to the end"],
  ["Home", "To the start"],
  ["← →", "Ten seconds back or on; with Shift a minute"],
  ["K J", "The event before, the event after"],
  ["P N", "The marked moment before, the one after"],
  ["+ −", "Faster, slower"],
  ["I", "Skip what is idle, or not"],
  ["E", "Open or close the current event"],
  ["/", "Search"],
  ["Esc", "Leave the search, or show everything again"],
  ["1 2 3 4", "Timeline, files, signals, review"],
  ["C", "Copy a link to this moment"],
  ["?", "This help"],
];

/** What the keyboard does, over the page. */
export function Help({ onClose }: { onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog
      ref={dialog}
      class="s-dialog"
      aria-labelledby="s-keys"
      onClose={onClose}
      onClick={(event) => event.target === event.currentTarget && event.currentTarget.close()}
    >
      <h2 id="s-keys">Keyboard</h2>
      <dl>
        {KEYS.map(([keys, what]) => (
          <div key={keys}>
            <dt>
              {keys.split(" ").map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <form method="dialog">
        <button class="p-button is-main">Close</button>
      </form>
    </dialog>
  );
}
