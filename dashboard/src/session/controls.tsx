import type { SessionController } from "./controller";
import { clock } from "./format";
import { Icon } from "./icons";
import { SPEEDS, type Speed } from "./model/playback";

/** Play, pause, how fast, and where in the session the view is. */
export function Controls({ controller, onHelp, onCopy }: { controller: SessionController; onHelp: () => void; onCopy: () => void }) {
  const mode = controller.mode.value;
  const isRunning = controller.isRunning.value;
  void controller.version.value;
  const span = controller.endsAt - controller.startsAt;
  const at = Math.min(controller.moment.value.at, controller.endsAt) - controller.startsAt;
  const isMoving = controller.isMoving.value;
  return (
    <div class="p-controls" role="group" aria-label="Playback">
      <button type="button" class="p-button" onClick={() => controller.toMarker(false)} aria-label="Previous marked moment" title="Previous marked moment (P)">
        <Icon name="previous" />
      </button>
      <button type="button" class="p-button is-main" onClick={() => controller.togglePlay()} aria-label={isMoving ? "Pause" : "Play"} title={`${isMoving ? "Pause" : "Play"} (Space)`}>
        <Icon name={isMoving ? "pause" : "play"} />
      </button>
      <button type="button" class="p-button" onClick={() => controller.toMarker(true)} aria-label="Next marked moment" title="Next marked moment (N)">
        <Icon name="next" />
      </button>
      <output class="p-clock" aria-label="Moment">
        {clock(at)} <span class="s-quiet">/ {clock(span)}</span>
      </output>
      <button type="button" class={`p-button p-live is-${isRunning && mode === "live" ? "on" : "off"}`} onClick={() => controller.toLive()} title={isRunning ? "Jump to live (L)" : "To the end (L)"} aria-pressed={isRunning ? mode === "live" : undefined}>
        {isRunning ? (mode === "live" ? "● Live" : "● Jump to live") : "To the end"}
      </button>
      <span class="p-space" />
      <label class="p-choice">
        <span class="visually-hidden">Speed</span>
        <select value={controller.speed.value} onChange={(event) => controller.setSpeed(Number(event.currentTarget.value) as Speed)} title="Speed (+ and −)">
          {SPEEDS.map((speed) => (
            <option key={speed} value={speed}>
              {speed}×
            </option>
          ))}
        </select>
      </label>
      <label class="p-choice" title="Skip what is idle (I)">
        <input type="checkbox" checked={controller.skipsIdle.value} onChange={(event) => controller.setSkipsIdle(event.currentTarget.checked)} />
        Skip idle
      </label>
      <button type="button" class="p-button" onClick={onCopy} aria-label="Copy a link to this moment" title="Copy a link to this moment (C)">
        <Icon name="link" /> <span class="s-extra">Copy link</span>
      </button>
      <button type="button" class="p-button s-extra" onClick={onHelp} aria-label="Keyboard" title="Keyboard (?)">
        ?
      </button>
    </div>
  );
}
