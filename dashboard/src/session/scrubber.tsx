import { useMemo, useRef } from "preact/hooks";
import { bars, densityOf } from "../charts/density";
import { timeTicks } from "../charts/ticks";
import { useWidth } from "../charts/use-width";
import type { SessionController } from "./controller";
import { clock, dayAndTime, plural } from "./format";
import { Icon, MARKER_ICONS } from "./icons";
import { GROUPS } from "./model/kinds";
import { MARKER_NAMES, MARKERS, type Marker, type MarkerKind } from "./model/markers";

const HEIGHT = 34;
/** A bar for so many pixels. */
const BAR = 4;
/** A tick for so many pixels. */
const TICK = 90;

/** The whole session as a line to move on: how much happened when, what is worth a look, and where the view is. */
export function Scrubber({ controller }: { controller: SessionController }) {
  const [box, width] = useWidth<HTMLDivElement>();
  const held = useRef(false);
  void controller.version.value;
  const [from, to] = [controller.startsAt, controller.endsAt];
  const span = Math.max(1, to - from);
  const moment = controller.moment.value.at;
  const at = Math.min(Math.max(moment, from), to);
  const place = (time: number) => ((time - from) / span) * width;
  const seek = (event: PointerEvent) => {
    const { left } = box.current!.getBoundingClientRect();
    controller.scrub(from + ((event.clientX - left) / Math.max(1, width)) * span);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10 }[event.key];
    if (by !== undefined) controller.scrubBy(by * Math.max(1000, span / 200));
    else if (event.key === "Home") controller.toStart();
    else if (event.key === "End") controller.toLive();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div class="p-scrubber">
      <div
        ref={box}
        class="p-track"
        role="slider"
        tabIndex={0}
        aria-label="Moment in the session"
        aria-valuemin={0}
        aria-valuemax={Math.round(span / 1000)}
        aria-valuenow={Math.round((at - from) / 1000)}
        aria-valuetext={`${clock(at - from)} of ${clock(span)}${controller.mode.value === "live" ? ", live" : ""}`}
        title={moment === Infinity ? undefined : dayAndTime(at)}
        onKeyDown={onKeyDown}
        onPointerDown={(event) => {
          if (event.button !== 0) return;
          held.current = true;
          event.currentTarget.setPointerCapture(event.pointerId);
          seek(event);
        }}
        onPointerMove={(event) => held.current && seek(event)}
        onPointerUp={() => (held.current = false)}
        onPointerCancel={() => (held.current = false)}
      >
        <Activity controller={controller} width={width} />
        <Marks markers={controller.markers.value} place={place} />
        <div class="p-done" style={{ width: `${place(at)}px` }} />
        <div class="p-head" style={{ transform: `translateX(${place(at)}px)` }} />
      </div>
      <div class="p-axis" aria-hidden="true">
        {width > 0 &&
          timeTicks(span, Math.max(2, Math.floor(width / TICK))).map((tick) => (
            <span key={tick} class={place(from + tick) > width - 40 ? "is-last" : ""} style={{ left: `${place(from + tick)}px` }}>
              {clock(tick)}
            </span>
          ))}
      </div>
    </div>
  );
}

/** Drawn anew at most a few times a second: with the markers, which are looked for no more often. */
function Activity({ controller, width }: { controller: SessionController; width: number }) {
  const markers = controller.markers.value;
  const paths = useMemo(() => {
    if (width === 0 || controller.store.size === 0) return [];
    const buckets = Math.max(1, Math.floor(width / BAR));
    return bars(densityOf(controller.store, buckets, controller.startsAt, controller.endsAt), width, HEIGHT);
  }, [markers, width, controller]);
  return (
    <svg class="p-activity" width={width} height={HEIGHT} aria-hidden="true">
      {paths.map((path, index) => path && <path key={index} class={`g-${GROUPS[index]}`} d={path} />)}
    </svg>
  );
}

function Marks({ markers, place }: { markers: readonly Marker[]; place: (time: number) => number }) {
  // One of each kind within a few pixels is enough to see that there is something.
  const seen = new Set<string>();
  const shown = markers.filter((marker) => {
    const slot = `${marker.kind} ${Math.floor(place(marker.at) / 6)}`;
    return !seen.has(slot) && seen.add(slot);
  });
  const rank = (marker: Marker) => MARKERS.indexOf(marker.kind);
  return (
    <div class="p-marks" aria-hidden="true">
      {shown
        .filter(({ kind }) => kind === "pause")
        .map((marker) => (
          <div
            key={marker.seq}
            class="p-pause"
            style={{ left: `${place(marker.from)}px`, width: `${Math.max(2, place(marker.at) - place(marker.from))}px` }}
          />
        ))}
      {shown
        .filter(({ kind }) => kind !== "pause")
        .sort((one, other) => rank(one) - rank(other))
        .map((marker) => (
          <span
            key={`${marker.kind}${marker.seq}`}
            class={`p-mark m-${marker.kind}`}
            title={MARKER_NAMES[marker.kind]}
            style={{ transform: `translateX(${place(marker.at)}px)` }}
          >
            <Icon name={MARKER_ICONS[marker.kind]} />
          </span>
        ))}
    </div>
  );
}

/** What is marked, how often, and a way to the next of each. */
export function Legend({ controller }: { controller: SessionController }) {
  const counts = new Map<MarkerKind, number>();
  for (const { kind } of controller.markers.value) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return (
    <div class="p-legend" role="group" aria-label="Marked moments">
      {MARKERS.toReversed()
        .filter((kind) => counts.has(kind))
        .map((kind) => (
          <button
            key={kind}
            type="button"
            class={`p-jump m-${kind}`}
            onClick={() => controller.toMarker(true, kind)}
            aria-label={`${MARKER_NAMES[kind]}: ${plural(counts.get(kind)!, "moment")}, go to the next`}
          >
            <span class="p-mark-sign" aria-hidden="true">
              <Icon name={MARKER_ICONS[kind]} />
            </span>
            {MARKER_NAMES[kind]} <b>{counts.get(kind)}</b>
          </button>
        ))}
    </div>
  );
}
