import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { api, liveOrigin } from "../app/identity";
import { Banner, endOf } from "./banner";
import { addressOf, wantedOf } from "./address";
import { Controls } from "./controls";
import { SessionController } from "./controller";
import { FilesPanel } from "./files-panel";
import { FilterBar } from "./filter-bar";
import { Header } from "./header";
import { Help } from "./help";
import { onKey, type Tab } from "./keyboard";
import { EVERYTHING } from "./model/filter";
import { ReviewPanel } from "./review-panel";
import { Legend, Scrubber } from "./scrubber";
import { SignalsPanel } from "./signals-panel";
import { Timeline } from "./timeline";
import "./session.css";
import "./rows.css";
import "./panels.css";

const TAB_NAMES: Record<Tab, string> = { timeline: "Timeline", files: "Files", signals: "Signals", review: "Review" };
const SIDE: readonly Tab[] = ["files", "signals", "review"];

/** One session, live or as it was: the same view, which only stands at another moment. */
export function SessionPage({ sessionId }: { sessionId: string }) {
  return <Session key={sessionId} sessionId={sessionId} />;
}

function Session({ sessionId }: { sessionId: string }) {
  const controller = useMemo(() => {
    const { seq, id } = wantedOf(location);
    return new SessionController({ api, origin: liveOrigin, sessionId, at: seq, atId: id });
  }, [sessionId]);
  const search = useRef<HTMLInputElement>(null);
  const [tab, setTab] = useState<Tab>("timeline");
  const [side, setSide] = useState<Tab>("files");
  const [helps, setHelps] = useState(false);
  const [said, setSaid] = useState("");
  const feed = controller.feed.value;
  const gone = endOf(feed);

  const showTab = (wanted: Tab) => {
    setTab(wanted);
    if (wanted !== "timeline") setSide(wanted);
  };
  const copy = () => {
    const link = addressOf(location.href, controller.moment.peek(), controller.current.peek());
    void navigator.clipboard?.writeText(link).then(
      () => setSaid("The link is copied."),
      () => setSaid(`Copy it by hand: ${link}`),
    );
    if (!navigator.clipboard) setSaid(`Copy it by hand: ${link}`);
  };

  useEffect(() => {
    const targets = {
      controller,
      showTab,
      copy,
      search: () => {
        setTab("timeline");
        search.current?.focus();
        search.current?.select();
      },
      clear: () => controller.setFilter(EVERYTHING),
      help: () => setHelps(true),
    };
    const pressed = (event: KeyboardEvent) => onKey(event, targets);
    const online = () => controller.retryNow();
    addEventListener("keydown", pressed);
    addEventListener("online", online);
    return () => {
      removeEventListener("keydown", pressed);
      removeEventListener("online", online);
      controller.close();
    };
  }, [controller]);

  useAddress(controller);
  useTitle(controller.session.value?.candidateName ?? null);
  useEffect(() => {
    if (!said) return undefined;
    const timer = setTimeout(() => setSaid(""), 6000);
    return () => clearTimeout(timer);
  }, [said]);

  if (gone) {
    return (
      <div class="s-gone" role="alert">
        <h1>{gone.title}</h1>
        <p>{gone.text}</p>
        <a href="/">To all sessions</a>
      </div>
    );
  }
  return (
    <div class={`s-page tab-${tab}`}>
      <Header controller={controller} api={api} />
      <Banner controller={controller} />
      <section class="s-play" aria-label="Playback">
        <Controls controller={controller} onHelp={() => setHelps(true)} onCopy={copy} />
        <Scrubber controller={controller} />
        <Legend controller={controller} />
      </section>
      <nav class="s-tabs is-narrow" aria-label="Views">
        {(Object.keys(TAB_NAMES) as Tab[]).map((name) => (
          <button key={name} type="button" aria-pressed={tab === name} onClick={() => showTab(name)}>
            {TAB_NAMES[name]}
          </button>
        ))}
      </nav>
      <div class="s-columns">
        <section class="s-left" aria-label="Timeline">
          <FilterBar controller={controller} search={search} />
          <Timeline controller={controller} />
        </section>
        <section class="s-side" aria-label={TAB_NAMES[side]}>
          <nav class="s-tabs is-wide" aria-label="Views beside the timeline">
            {SIDE.map((name) => (
              <button key={name} type="button" aria-pressed={side === name} onClick={() => showTab(name)}>
                {TAB_NAMES[name]}
              </button>
            ))}
          </nav>
          <div class="s-panel" hidden={side !== "files"}>
            {side === "files" && <FilesPanel controller={controller} />}
          </div>
          <div class="s-panel" hidden={side !== "signals"}>
            {side === "signals" && <SignalsPanel controller={controller} api={api} sessionId={sessionId} />}
          </div>
          {/* What was written there and not saved stays while another panel is looked at. */}
          <div class="s-panel" hidden={side !== "review"}>
            <ReviewPanel controller={controller} api={api} sessionId={sessionId} />
          </div>
        </section>
      </div>
      <p class="s-toast" role="status" hidden={!said}>
        {said}
      </p>
      {helps && <Help onClose={() => setHelps(false)} />}
    </div>
  );
}

/** The address names the moment whenever the view rests, so that it can be sent to somebody or come back to. */
function useAddress(controller: SessionController): void {
  const mode = controller.mode.value;
  const current = controller.current.value;
  const moment = controller.moment.value;
  const isWanted = controller.hasWanted;
  useEffect(() => {
    if (mode === "playing" || isWanted) return;
    const address = addressOf(location.href, moment, current);
    if (address !== location.href) history.replaceState(history.state, "", address);
  }, [mode, mode === "playing" ? 0 : current, moment.at === Infinity, isWanted]);
}

function useTitle(name: string | null): void {
  useEffect(() => {
    if (name === null) return undefined;
    const before = document.title;
    document.title = `${name} · Promptster`;
    return () => void (document.title = before);
  }, [name]);
}
