import { useMemo } from "preact/hooks";
import { bars, densityOf } from "../charts/density";
import { timeTicks } from "../charts/ticks";
import { useWidth } from "../charts/use-width";
import { clock, plural } from "../session/format";
import { Icon, MARKER_ICONS } from "../session/icons";
import { GROUPS } from "../session/model/kinds";
import { MARKER_NAMES, markersOf, type Marker } from "../session/model/markers";
import { Said } from "../session/text";
import type { Lane } from "./lane";

const HEIGHT = 30;
const BAR = 4;
const TICK = 90;
/** Markers of a kind nearer to each other than this are drawn once, in pixels. */
const APART = 8;

export type Axis = "time" | "share";

/** The sessions beneath each other, from the beginning of each, on one axis. */
export function Lanes({ lanes, names, axis }: { lanes: readonly Lane[]; names: readonly string[]; axis: Axis }) {
  const [box, width] = useWidth<HTMLDivElement>();
  for (const lane of lanes) void lane.version.value;
  const longest = Math.max(1, ...lanes.map(({ span }) => span));
  return (
    <div class="x-lanes" ref={box}>
      {lanes.map((lane, index) => (
        <LaneRow key={lane.id} lane={lane} name={names[index]!} index={index} width={width} span={axis === "time" ? longest : Math.max(1, lane.span)} />
      ))}
      <div class="p-axis" aria-hidden="true">
        {width > 0 &&
          (axis === "time"
            ? timeTicks(longest, Math.max(2, Math.floor(width / TICK))).map((tick) => [(tick / longest) * width, clock(tick)] as const)
            : [0, 25, 50, 75].map((share) => [(share / 100) * width, `${share} %`] as const)
          ).map(([left, text]) => (
            <span key={text} class={left > width - 40 ? "is-last" : ""} style={{ left: `${left}px` }}>
              {text}
            </span>
          ))}
      </div>
    </div>
  );
}

function LaneRow({ lane, name, index, width, span }: { lane: Lane; name: string; index: number; width: number; span: number }) {
  const version = lane.version.value;
  const history = lane.history.value;
  const { store, startsAt } = lane;
  const drawn = useMemo(() => {
    if (width === 0 || store.size === 0) return { paths: [], markers: [] as Marker[] };
    const buckets = Math.max(1, Math.floor(width / BAR));
    const paths = bars(densityOf(store, buckets, startsAt, startsAt + span), width, HEIGHT);
    const seen = new Set<string>();
    const markers = markersOf(store).filter(({ kind, at }) => {
      const slot = `${kind} ${Math.floor((((at - startsAt) / span) * width) / APART)}`;
      return kind !== "pause" && !seen.has(slot) && seen.add(slot);
    });
    return { paths, markers };
  }, [version, width, span, startsAt, store]);
  const end = (lane.span / span) * width;
  return (
    <section class={`x-lane x-${index}`} aria-label={name}>
      <header>
        <a href={`/sessions/${encodeURIComponent(lane.id)}`}>
          <span class="x-swatch" aria-hidden="true" />
          <Said text={name} most={120} />
        </a>
        <span class="s-quiet">
          {plural(store.size, "event")}, {clock(lane.span)}
          {history.is === "reading" && ", still reading"}
          {history.is === "waiting" && `, not all could be read: ${history.why}`}
        </span>
        {lane.session.value && lane.session.value.status !== "ended" && <span class="s-status is-live">Running</span>}
      </header>
      <div class="x-strip">
        <svg width={width} height={HEIGHT} aria-hidden="true">
          {drawn.paths.map((path, group) => path && <path key={group} class={`g-${GROUPS[group]}`} d={path} />)}
        </svg>
        <div class="x-beyond" style={{ left: `${Math.min(end, width)}px` }} />
        {drawn.markers.map((marker) => (
          <a
            key={`${marker.kind}${marker.seq}`}
            class={`p-mark m-${marker.kind}`}
            href={`/sessions/${encodeURIComponent(lane.id)}?at=${marker.seq}`}
            title={`${MARKER_NAMES[marker.kind]} at ${clock(marker.at - startsAt)}`}
            aria-label={`${name}: ${MARKER_NAMES[marker.kind]} at ${clock(marker.at - startsAt)}`}
            tabIndex={-1}
            style={{ transform: `translateX(${((marker.at - startsAt) / span) * width}px)` }}
          >
            <Icon name={MARKER_ICONS[marker.kind]} />
          </a>
        ))}
      </div>
    </section>
  );
}
