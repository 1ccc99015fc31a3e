import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Signals } from "../api/types";
import { api, ended, liveOrigin } from "../app/identity";
import { useResource } from "../app/resource";
import { comparison, navigate, query } from "../app/router";
import { Empty, Loading, Problem } from "../app/states";
import { now } from "../app/time";
import type { LinkState } from "../live/link";
import { WallFeed, type Tile as WallTile } from "../live/wall-feed";
import type { Assessment } from "../assessments/types";
import { byAttention, hintsOf, needsAttention, type Hint, type Seen } from "./attention";
import { Connection } from "./connection";
import { Legend } from "./legend";
import { newer, RecentReader, type Recent } from "./recent";
import { Tile } from "./tile";
import "./wall.css";

/** How long a session that ended stays on the wall. */
const ENDED_STAYS_MS = 10 * 60_000;
/** The most that are compared. */
const MOST_PICKED = 6;

interface Details {
  recent: Recent;
  signals: Signals | null;
}

/** Everybody who is at work right now. */
export function WallPage() {
  const assessmentId = query.value.get("assessment") ?? "";
  const [tiles, setTiles] = useState<ReadonlyMap<string, WallTile> | null>(null);
  const [link, setLink] = useState<LinkState>({ is: "connecting" });
  const [details, setDetails] = useState<ReadonlyMap<string, Details>>(new Map());
  const [onlyAttention, setOnlyAttention] = useState(false);
  const [search, setSearch] = useState("");
  const [picked, setPicked] = useState<readonly string[]>([]);
  const feed = useRef<WallFeed | null>(null);
  const seen = useRef(new Set<string>());
  const assessments = useResource((signal) => api.get<{ assessments: Assessment[] }>("/v1/assessments", {}, signal));
  const reader = useMemo(
    () => new RecentReader(api, (id, recent, signals) => setDetails((all) => new Map(all).set(id, { recent, signals }))),
    [],
  );

  useEffect(() => () => reader.close(), [reader]);
  useEffect(() => {
    setTiles(null);
    const options = {
      api,
      origin: liveOrigin,
      onTiles: setTiles,
      onState: (state: LinkState) => {
        if (state.is === "ended" && state.why === "signed-out") ended();
        setLink(state);
      },
    };
    const watched = new WallFeed(assessmentId ? { ...options, assessmentId } : options);
    feed.current = watched;
    const online = () => watched.retryNow();
    addEventListener("online", online);
    return () => {
      removeEventListener("online", online);
      watched.close();
    };
  }, [assessmentId]);
  useEffect(() => {
    for (const id of seen.current) {
      const tile = tiles?.get(id);
      if (tile) reader.want(tile.session, tile.signals);
    }
  }, [tiles]);

  const known = new Map(assessments.state.is === "here" ? assessments.state.value.assessments.map((one) => [one.id, one]) : []);
  const all = [...(tiles?.values() ?? [])]
    .map((tile) => see(tile, details.get(tile.session.id), known.get(tile.session.assessmentId ?? "")))
    .filter(({ session }) => session.endedAt === null || now.value - Date.parse(session.endedAt) < ENDED_STAYS_MS);
  const wanted = search.trim().toLocaleLowerCase();
  const shown = all
    .filter(({ session }) => !wanted || (session.candidateName ?? "").toLocaleLowerCase().includes(wanted))
    .filter(({ hints }) => !onlyAttention || needsAttention(hints))
    .sort(byAttention);
  const onSeen = (id: string, isSeen: boolean) => {
    if (isSeen) seen.current.add(id);
    else {
      seen.current.delete(id);
      reader.leave(id);
    }
    const tile = isSeen && tiles?.get(id);
    if (tile) reader.want(tile.session, tile.signals);
  };
  const pick = (id: string) => setPicked((ids) => (ids.includes(id) ? ids.filter((one) => one !== id) : [...ids, id]));
  const running = all.filter(({ session }) => session.status !== "ended").length;
  const attention = all.filter(({ hints }) => needsAttention(hints)).length;
  return (
    <div class="page wall">
      <header class="page-head">
        <h1>Live</h1>
        <p class="muted" role="status">
          {tiles !== null && `${running} at work${attention > 0 ? `, ${attention} to look at` : ""}`}
        </p>
        <Connection state={link} again={() => feed.current?.retryNow()} />
        <div class="actions filters">
          <label class="inline">
            <span class="visually-hidden">Search by name</span>
            <input type="search" placeholder="Name" value={search} onInput={(event) => setSearch(event.currentTarget.value)} />
          </label>
          <label class="inline">
            <span class="visually-hidden">Assessment</span>
            <select value={assessmentId} onChange={(event) => toAssessment(event.currentTarget.value)}>
              <option value="">All assessments</option>
              {[...known.values()].map(({ id, title }) => (
                <option key={id} value={id}>
                  {title}
                </option>
              ))}
            </select>
          </label>
          <button type="button" class="button toggle" aria-pressed={onlyAttention} onClick={() => setOnlyAttention((on) => !on)}>
            Needs attention
          </button>
        </div>
      </header>
      {picked.length > 0 && (
        <div class="picked card" role="status">
          <span>{picked.length === 1 ? "One session picked: pick another to compare." : `${picked.length} sessions picked.`}</span>
          {picked.length > 1 && (
            <a class="button primary small" href={comparison(picked)}>
              Compare
            </a>
          )}
          <button type="button" class="button quiet small" onClick={() => setPicked([])}>
            Clear
          </button>
        </div>
      )}
      <Body tiles={tiles} link={link} isFiltered={wanted !== "" || onlyAttention} count={shown.length} hasAssessments={known.size > 0}>
        <div class="tiles">
          {shown.map((one) => (
            <Tile
              key={one.session.id}
              {...one}
              isPicked={picked.includes(one.session.id)}
              canPick={picked.length < MOST_PICKED}
              onPick={pick}
              onSeen={onSeen}
            />
          ))}
        </div>
        <Legend />
      </Body>
    </div>
  );
}

interface BodyProps {
  tiles: unknown;
  link: LinkState;
  isFiltered: boolean;
  hasAssessments: boolean;
  count: number;
  children: preact.ComponentChildren;
}

function Body({ tiles, link, isFiltered, hasAssessments, count, children }: BodyProps) {
  if (link.is === "ended" && link.why === "not-allowed") return <Problem title="This API key may not watch sessions." />;
  if (link.is === "ended" && link.why === "not-found") return <Problem title="There is no such assessment." />;
  if (tiles === null) return link.is === "reconnecting" ? <Problem title="The server cannot be reached." /> : <Loading what="the sessions" />;
  if (count > 0) return <>{children}</>;
  if (isFiltered) return <Empty title="Nobody at work fits the filter." />;
  return (
    <Empty title="Nobody is at work right now.">
      <p>
        A session appears here as soon as a candidate starts: nothing has to be loaded again.{" "}
        {hasAssessments ? "What was handed in is with its assessment." : "Make an assessment first, and keys for its candidates."}
      </p>
      <a class="button" href="/assessments">
        To the assessments
      </a>
    </Empty>
  );
}

function toAssessment(id: string): void {
  navigate(id ? `/?assessment=${encodeURIComponent(id)}` : "/", { replace: true });
}

function see(tile: WallTile, details: Details | undefined, assessment: Assessment | undefined): Seen & {
  hints: Hint[];
  title: string | null;
  limitMs: number | null;
} {
  const { session } = tile;
  const limitMs = assessment?.timeLimitMinutes ? assessment.timeLimitMinutes * 60_000 : null;
  const one: Seen = {
    session,
    signals: newer(tile.signals, details?.signals ?? null),
    recent: details?.recent ?? null,
    // The server counts from when the session was made.
    deadline: limitMs === null ? null : Date.parse(session.createdAt) + limitMs,
  };
  return { ...one, hints: hintsOf(one, now.value), title: assessment?.title ?? (session.assessmentId ? "…" : null), limitMs };
}
