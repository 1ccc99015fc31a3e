import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { SessionController } from "./controller";
import { clock, percent, plural } from "./format";
import type { Line } from "./model/file";
import { HAND_NAMES } from "./model/hand";
import { LOST_NAMES, shares, type Changed } from "./model/workspace";
import { Path, Said } from "./text";
import { useSlow } from "./use-slow";
import { VirtualList } from "./virtual-list";

const HANDS = ["ai", "human", "mixed", "unknown"] as const;
const LONGEST_LINE = 2000;
/** While somebody scrubs, files are drawn anew at most so often, in milliseconds. */
const SLOW_MS = 120;
/** The most files that the list draws. */
const MOST_FILES = 500;

/** The files that the session changed, as they were at the moment that is shown, each line in the colour of who wrote it. */
export function FilesPanel({ controller }: { controller: SessionController }) {
  useSlow(controller.version, SLOW_MS);
  const moment = useSlow(controller.moment, SLOW_MS);
  const files = controller.workspace.at(moment);
  /** `null` follows the file that changed last. */
  const [pinned, setPinned] = useState<string | null>(null);
  const latest = useMemo(() => [...files.values()].sort((one, other) => other.at - one.at || other.seq - one.seq), [files]);
  if (latest.length === 0) return <p class="s-empty">No file has been changed yet at this moment.</p>;
  const shown = (pinned !== null && files.get(pinned)) || latest[0]!;
  return (
    <div class="w-files">
      <label class="p-choice w-follow">
        <input
          type="checkbox"
          checked={pinned === null}
          onChange={(event) => setPinned(event.currentTarget.checked ? null : shown.path)}
        />
        Follow the file that changed last
      </label>
      <ul class="w-list" aria-label="Changed files">
        {latest.slice(0, MOST_FILES).map((file) => (
          <FileItem key={file.path} file={file} isShown={file.path === shown.path} onShow={() => setPinned(file.path)} />
        ))}
        {latest.length > MOST_FILES && <li class="s-quiet">{plural(latest.length - MOST_FILES, "more file")}, changed earlier</li>}
      </ul>
      <FileView key={shown.path} controller={controller} shown={shown} />
    </div>
  );
}

function FileItem({ file, isShown, onShow }: { file: Changed; isShown: boolean; onShow: () => void }) {
  return (
    <li>
      <button type="button" class={`w-file${file.isDeleted ? " is-gone" : ""}`} aria-current={isShown ? "true" : undefined} onClick={onShow}>
        <Path path={file.path} />
        {file.isDeleted ? <span class="s-flag">deleted</span> : file.lost ? <span class="s-flag is-warning">not known</span> : file.file && <Shares file={file} />}
      </button>
    </li>
  );
}

function Shares({ file }: { file: Changed }) {
  const by = useMemo(() => shares(file.file!.lines), [file]);
  const all = HANDS.reduce((sum, hand) => sum + by[hand], 0);
  if (all === 0) return null;
  const words = HANDS.filter((hand) => by[hand] > 0).map((hand) => `${HAND_NAMES[hand]} ${percent(by[hand], all)}`);
  return (
    <span class="w-shares" role="img" aria-label={`Lines of this session: ${words.join(", ")}`} title={words.join(", ")}>
      {HANDS.map((hand) => by[hand] > 0 && <span key={hand} class={`b-${hand}`} style={{ flexGrow: by[hand] }} />)}
    </span>
  );
}

const NO_LINES: readonly Line[] = [];

function FileView({ controller, shown }: { controller: SessionController; shown: Changed }) {
  const list = useRef<VirtualList>(null);
  const last = useRef<Changed | null>(null);
  const drawn = useRef<readonly Line[] | null>(null);
  const lines = shown.file?.lines ?? NO_LINES;
  const isNew = last.current?.seq !== shown.seq;
  useEffect(() => {
    last.current = shown;
    if (!isNew || lines.length === 0) return;
    const first = lines.findIndex(({ seq }) => seq === shown.seq);
    if (first >= 0) list.current?.show(first);
  }, [shown.seq]);
  return (
    <section class="w-view" aria-label="File">
      <header>
        <Path path={shown.path} />
        <span class="s-quiet">
          {plural(shown.changes, "change")}, last at{" "}
          <button type="button" class="s-link" onClick={() => controller.goTo(shown.seq)}>
            {clock(shown.at - controller.startsAt)}
          </button>
        </span>
      </header>
      {shown.isDeleted && <p class="s-empty">This file has been deleted.</p>}
      {shown.lost && (
        <p class="s-empty">
          {LOST_NAMES[shown.lost]} Nothing is guessed: it is shown again when an event shows the whole of it.{" "}
          <button type="button" class="s-link" onClick={() => controller.goTo(shown.seq)}>
            Go to the change
          </button>
        </p>
      )}
      {shown.file && lines.length === 0 && <p class="s-empty">This file is empty, or nothing of it is known.</p>}
      {lines.length > 0 && (
        <>
          <VirtualList
            ref={list}
            class="w-lines"
            role="list"
            label="Lines of the file"
            rows={lines.length}
            version={shown}
            takeDirty={() => {
              const isSame = drawn.current === lines;
              drawn.current = lines;
              return isSame ? Infinity : 0;
            }}
            keyOf={(row) => row}
            rowOf={(row) => row}
            estimate={() => 20}
            sticks={false}
            render={(row) => {
              const { text, hand, seq } = lines[row]!;
              const whose = hand === "system" ? "unknown" : hand;
              return (
                <div class={`w-line ${whose ? `b-${whose}` : ""} ${seq === shown.seq ? "is-fresh" : ""}`}>
                  <span class="w-number" aria-hidden="true">
                    {row + 1}
                  </span>
                  <span class="w-whose" title={whose ? HAND_NAMES[whose] : "Before the session"}>
                    <span class="visually-hidden">{whose ? HAND_NAMES[whose] : ""} </span>
                  </span>
                  <span class="w-text">{text === null ? <span class="s-quiet">not shown by any event</span> : <Said text={text} most={LONGEST_LINE} />}</span>
                </div>
              );
            }}
          />
          {!shown.file!.isWhole && <p class="s-note">Only what changes have shown of it: {plural(lines.length, "line")}, and what follows is not known.</p>}
        </>
      )}
      <ul class="w-legend" aria-label="Colours">
        {HANDS.map((hand) => (
          <li key={hand}>
            <span class={`w-swatch b-${hand}`} aria-hidden="true" /> {HAND_NAMES[hand]}
          </li>
        ))}
        <li>
          <span class="w-swatch" aria-hidden="true" /> Before
        </li>
      </ul>
    </section>
  );
}
