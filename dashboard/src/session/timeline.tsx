import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { SessionController } from "./controller";
import { count, plural } from "./format";
import { EVERYTHING, isEverything } from "./model/filter";
import { GROUPS } from "./model/kinds";
import { RowView } from "./row-view";
import { VirtualList } from "./virtual-list";

/** How high rows are before they are drawn, in pixels at 16 pixels per rem. */
const HIGH: Partial<Record<(typeof GROUPS)[number], number>> = { prompt: 53, answer: 53, decision: 74 };
const LOW = 33;

/** The events of the session, as far as they pass the filter. What has not happened at the moment that is shown is dimmed. */
export function Timeline({ controller }: { controller: SessionController }) {
  const list = useRef<VirtualList>(null);
  const version = controller.rowsVersion.value;
  const happened = controller.happened.value;
  const current = controller.current.value;
  const follows = controller.follows.value;
  const mode = controller.mode.value;
  const open = controller.open.value;
  const isRunning = controller.isRunning.value;
  const { view, store } = controller;
  const sticks = follows && mode === "live" && isRunning;
  const rows = view.length;
  const seen = useRef(0);
  if (sticks) seen.current = store.size;
  const fresh = store.size - seen.current;

  // The row that is current moves into sight, as long as the reader lets it.
  useLayoutEffect(() => {
    if (!follows || mode === "live" || current === 0) return;
    const row = view.rowsBefore(happened) - 1;
    if (row >= 0) list.current?.show(row);
  }, [current, follows, mode, rows > 0]);
  useEffect(() => {
    if (sticks) list.current?.showEnd();
  }, [sticks]);

  const estimate = (row: number) => HIGH[GROUPS[store.groupAt(view.position(row))]!] ?? LOW;
  return (
    <div class="s-timeline">
      {rows === 0 ? (
        <Nothing controller={controller} />
      ) : (
        <VirtualList
          ref={list}
          class="s-events"
          label="Timeline"
          rows={rows}
          version={version}
          takeDirty={controller.takeDirty}
          keyOf={(row) => store.seqAt(view.position(row))}
          rowOf={(seq) => {
            const position = store.positionOf(seq);
            if (position < 0) return -1;
            const row = view.rowsBefore(position);
            return row < rows && view.position(row) === position ? row : -1;
          }}
          estimate={estimate}
          sticks={sticks}
          isBusy={controller.history.value.is === "reading"}
          onMoved={(isAtEnd) => (controller.follows.value = isAtEnd && mode === "live")}
          render={(row) => {
            const position = view.position(row);
            const entry = store.entry(position);
            return (
              <RowView
                entry={entry}
                startsAt={controller.startsAt}
                isOpen={open.has(entry.seq)}
                isCurrent={entry.seq === current && mode !== "live"}
                isAhead={position >= happened}
                onOpen={(seq) => controller.toggleOpen(seq)}
                onGo={(seq) => controller.goTo(seq)}
              />
            );
          }}
        />
      )}
      {isRunning && !sticks && rows > 0 && (
        <button type="button" class="s-jump" onClick={() => controller.toLive()}>
          Jump to live{seen.current > 0 && fresh > 0 ? ` (${count(fresh)} new)` : ""}
        </button>
      )}
    </div>
  );
}

function Nothing({ controller }: { controller: SessionController }) {
  const { history, feed, filter } = controller;
  if (!isEverything(filter.value) && controller.store.size > 0) {
    return (
      <div class="s-empty" role="status">
        <p>{controller.view.isDone ? `None of ${plural(controller.store.size, "event")} passes the filter.` : "Searching…"}</p>
        <button type="button" class="p-button" onClick={() => controller.setFilter(EVERYTHING)}>
          Show all
        </button>
      </div>
    );
  }
  if (history.value.is === "whole" && feed.value.is !== "connecting") {
    return (
      <p class="s-empty" role="status">
        {controller.isRunning.value ? "Nothing has happened yet. What the candidate does appears here by itself." : "Nothing was recorded in this session."}
      </p>
    );
  }
  return (
    <div class="s-loading" role="status" aria-label="The session is being read">
      {Array.from({ length: 12 }, (_, index) => (
        <div key={index} class="s-ghost" aria-hidden="true" />
      ))}
    </div>
  );
}
