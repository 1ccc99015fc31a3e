import { useEffect, useRef } from "preact/hooks";
import type { Session, Signals } from "../api/types";
import { ago, now, span } from "../app/time";
import { Plain } from "../text/plain-text";
import { GROUPS, GROUP_NAMES } from "./activity";
import type { Hint, Seen } from "./attention";
import { BARS, counts, paths } from "./strip";

export interface TileProps extends Seen {
  hints: Hint[];
  title: string | null;
  limitMs: number | null;
  isPicked: boolean;
  canPick: boolean;
  onPick: (sessionId: string) => void;
  /** Whether somebody can see it. */
  onSeen: (sessionId: string, isSeen: boolean) => void;
}

/** One running session. */
export function Tile({ session, signals, recent, deadline, hints, title, limitMs, isPicked, canPick, onPick, onSeen }: TileProps) {
  const box = useRef<HTMLElement>(null);
  useEffect(() => {
    const watcher = new IntersectionObserver(
      (entries) => onSeen(session.id, entries.some(({ isIntersecting }) => isIntersecting)),
      { rootMargin: "200px" },
    );
    watcher.observe(box.current!);
    return () => {
      watcher.disconnect();
      onSeen(session.id, false);
    };
  }, [session.id]);
  const level = hints[0]?.level ?? "calm";
  const name = session.candidateName ?? "Without a name";
  return (
    <article ref={box} class={`tile card is-${level}`} data-session={session.id}>
      <header>
        <h2>
          <a href={`/sessions/${encodeURIComponent(session.id)}`}>
            <Plain text={name} />
          </a>
        </h2>
        <label class="pick" title="Compare">
          <input
            type="checkbox"
            checked={isPicked}
            disabled={!isPicked && !canPick}
            onChange={() => onPick(session.id)}
            aria-label={`Compare ${name}`}
          />
        </label>
      </header>
      <p class="tile-of">{title === null ? "Without an assessment" : <Plain text={title} />}</p>
      <Strip recent={recent} />
      <Doing session={session} recent={recent} />
      <Counts session={session} signals={signals} />
      <footer>
        <Time session={session} deadline={deadline} limitMs={limitMs} />
        <ul class="hints">
          {hints.map(({ level, text }) => (
            <li key={text} class={`badge ${level === "alarm" ? "bad" : level === "warn" ? "warn" : level === "ended" ? "good" : ""}`}>
              {text}
            </li>
          ))}
        </ul>
      </footer>
    </article>
  );
}

const HEIGHT = 16;

function Strip({ recent }: Pick<Seen, "recent">) {
  const bars = recent ? counts(recent.beats, now.value) : null;
  const sums = GROUPS.map((group, index) => {
    const sum = bars?.reduce((sum, bar) => sum + bar[index]!, 0) ?? 0;
    return sum > 0 ? `${GROUP_NAMES[group].toLowerCase()} ${sum}` : null;
  }).filter((text) => text !== null);
  const label = bars === null ? "The last 15 minutes: being read" : `The last 15 minutes: ${sums.join(", ") || "nothing"}`;
  return (
    <svg class="strip" viewBox={`0 0 ${BARS} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={label}>
      <title>{label}</title>
      {[0, 20, 40].map((at) => (
        <line key={at} class="strip-line" x1={at} x2={at} y1="0" y2={HEIGHT} vector-effect="non-scaling-stroke" />
      ))}
      {bars && paths(bars, HEIGHT).map((d, index) => d && <path key={index} class={`kind-${GROUPS[index]}`} d={d} />)}
    </svg>
  );
}

function Doing({ session, recent }: Pick<Seen, "session" | "recent">) {
  const last = recent?.last;
  const at = Date.parse(session.lastActivityAt ?? session.startedAt);
  return (
    <p class="doing">
      <span class={`dot kind-${last?.activity.group ?? "other"}`} aria-hidden="true" />
      <span class="doing-what">
        {last ? (
          <>
            {last.activity.phrase}{" "}
            {last.activity.words && (
              <q class="words">
                <Plain text={last.activity.words} />
              </q>
            )}{" "}
            <span class="muted">{last.activity.more}</span>
          </>
        ) : session.eventCount === 0 ? (
          "Nothing yet"
        ) : (
          <span class="muted">…</span>
        )}
      </span>
      <time class="muted number" dateTime={session.lastActivityAt ?? session.startedAt}>
        {ago(at, now.value)}
      </time>
    </p>
  );
}

function Counts({ session, signals }: { session: Session; signals: Signals | null }) {
  const of = (name: "promptCount" | "commandCount" | "commandFailCount" | "verificationCount" | "fileChangeCount") => {
    const value = signals?.[name].value;
    return typeof value === "number" ? value : null;
  };
  const failed = of("commandFailCount");
  const shown: [string, number | null, (string | undefined)?][] = [
    ["Prompts", of("promptCount")],
    ["Changes", of("fileChangeCount")],
    ["Commands", of("commandCount"), failed ? `${failed} failed` : undefined],
    ["Checks", of("verificationCount")],
  ];
  return (
    <dl class="counts">
      {shown.map(([name, value, more]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            <span class="number">{value ?? (session.eventCount === 0 ? 0 : "–")}</span>
            {more && <span class="failed"> {more}</span>}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Time({ session, deadline, limitMs }: Pick<Seen, "session" | "deadline"> & { limitMs: number | null }) {
  const started = Date.parse(session.startedAt);
  const ended = session.endedAt === null ? null : Date.parse(session.endedAt);
  const elapsed = (ended ?? now.value) - started;
  if (deadline === null || ended !== null) return <p class="time muted">{ended === null ? span(elapsed) : `took ${span(elapsed)}`}</p>;
  const whole = Math.max(1, limitMs ?? deadline - started);
  const left = deadline - now.value;
  return (
    <div class="time">
      <progress max={whole} value={Math.min(whole, Math.max(0, whole - left))} aria-label="Time used" />
      <p class="muted number">{left > 0 ? `${span(left)} left of ${span(whole)}` : `all of ${span(whole)} used`}</p>
    </div>
  );
}
