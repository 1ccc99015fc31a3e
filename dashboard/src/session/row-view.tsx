import { memo } from "preact/compat";
import type { Entry } from "./model/event-store";
import { HAND_NAMES } from "./model/hand";
import { GROUP_NAMES } from "./model/kinds";
import { rowOf, type Row } from "./model/row";
import { clock, count, dayAndTime, duration, plural } from "./format";
import { Path, Said } from "./text";
import { Icon } from "./icons";
import { Body } from "./row-body";
import { TestBar } from "./test-bar";

/** What stands before a row of each group: letters, so that colour is never the only sign. */
const SIGNS: Record<Entry["group"], string> = {
  prompt: "❯",
  answer: "✦",
  change: "±",
  command: "$",
  test: "?",
  decision: "◆",
  tool: "⚙",
  editor: "⌨",
  session: "●",
  other: "·",
};

export interface RowProps {
  entry: Entry;
  /** When the session began, in milliseconds since the epoch. */
  startsAt: number;
  isOpen: boolean;
  isCurrent: boolean;
  /** It has not happened yet at the moment that is shown. */
  isAhead: boolean;
  onOpen: (seq: number) => void;
  onGo: (seq: number) => void;
}

/** A row of the timeline. */
export const RowView = memo(
  function RowView({ entry, startsAt, isOpen, isCurrent, isAhead, onOpen, onGo }: RowProps) {
    const row = rowOf(entry);
    const state = `${isCurrent ? " is-current" : ""}${isAhead ? " is-ahead" : ""}${isOpen ? " is-open" : ""}`;
    return (
      <div class={`s-row s-${entry.group} by-${entry.hand}${state}`} data-seq={entry.seq} aria-current={isCurrent ? "true" : undefined}>
        <button
          type="button"
          class="s-time"
          onClick={() => onGo(entry.seq)}
          title={`${dayAndTime(entry.ts)}: go to this moment`}
          aria-label={`${clock(entry.ts - startsAt)}, ${GROUP_NAMES[entry.group]}, ${HAND_NAMES[entry.hand]}: go to this moment`}
        >
          {clock(entry.ts - startsAt)}
        </button>
        <span class={`s-sign ${verdict(row)}`} aria-hidden="true">
          {verdict(row) === "" ? SIGNS[entry.group] : <Icon name={verdict(row) === "is-bad" ? "cross" : "check"} />}
        </span>
        <div class="s-main">
          <Head row={row} isOpen={isOpen} onOpen={() => onOpen(entry.seq)} />
          {isOpen && <Body row={row} entry={entry} />}
        </div>
        {entry.sigVerified === false && (
          <span class="s-flag is-bad" title="The signature of this event does not hold.">
            bad signature
          </span>
        )}
      </div>
    );
  },
  (before, after) =>
    before.entry.seq === after.entry.seq &&
    before.startsAt === after.startsAt &&
    before.isOpen === after.isOpen &&
    before.isCurrent === after.isCurrent &&
    before.isAhead === after.isAhead,
);

/** How a run of tests ended, as far as that is known. */
function verdict(row: Row): "is-good" | "is-bad" | "" {
  if (row.is !== "test" && !(row.is === "command" && row.class === "test")) return "";
  const exit = row.is === "command" ? row.exit : null;
  if ((row.tests && row.tests.failed > 0) || (exit !== null && exit !== 0)) return "is-bad";
  return (row.tests && row.tests.passed > 0) || exit === 0 ? "is-good" : "";
}

function Head({ row, isOpen, onOpen }: { row: Row; isOpen: boolean; onOpen: () => void }) {
  return (
    <button type="button" class="s-head" aria-expanded={isOpen} onClick={onOpen}>
      {content(row, isOpen)}
    </button>
  );
}

function content(row: Row, isOpen: boolean) {
  switch (row.is) {
    case "prompt":
      return (
        <>
          <span class={isOpen ? "s-title s-whole" : "s-title s-two"}>{row.text ? <Said text={row.text} most={isOpen ? 20_000 : 400} /> : <Quiet text="empty prompt" />}</span>
          <span class="s-meta">
            {row.redirects && <span class="s-flag">after an interruption</span>}
            {row.isPaste && <span class="s-flag">pasted</span>}
            <span class="s-extra">{row.tokens === null ? plural(row.letters, "character") : plural(row.tokens, "token")}</span>
          </span>
        </>
      );
    case "answer":
      return (
        <>
          <span class={isOpen ? "s-title s-whole" : "s-title s-two"}>{row.text ? <Said text={row.text} most={isOpen ? 20_000 : 400} /> : <Quiet text="answer without text" />}</span>
          <span class="s-meta">
            {row.tokensOut !== null && <span class="s-extra">{plural(row.tokensOut, "token")}</span>}
            {row.tookMs !== null && <span class="s-extra">{duration(row.tookMs)}</span>}
          </span>
        </>
      );
    case "change":
      return (
        <>
          <span class="s-title">
            {row.verb !== "changed" && <span class="s-verb">{row.verb} </span>}
            <Path path={row.path} />
            {row.to !== null && (
              <>
                {" → "}
                <Path path={row.to} />
              </>
            )}
          </span>
          <span class="s-meta">
            <Lines added={row.added} removed={row.removed} />
          </span>
        </>
      );
    case "command":
      return (
        <>
          <code class={isOpen ? "s-title s-whole" : "s-title"}>{row.command ? <Said text={isOpen ? row.command : firstLine(row.command)} most={isOpen ? 20_000 : 300} /> : <Quiet text="empty command" />}</code>
          <span class="s-meta">
            {row.tests && <TestBar tests={row.tests} />}
            {row.tookMs !== null && <span class="s-extra">{duration(row.tookMs)}</span>}
            <Exit exit={row.exit} />
          </span>
        </>
      );
    case "test":
      return (
        <>
          <span class="s-title">{row.suite ? <Said text={row.suite} most={300} /> : "Tests"}</span>
          <span class="s-meta">
            {row.tests ? <TestBar tests={row.tests} /> : <Quiet text="no counts" />}
            {row.tookMs !== null && <span class="s-extra">{duration(row.tookMs)}</span>}
          </span>
        </>
      );
    case "decision": {
      const said = row.rationale ?? row.chosen ?? row.context;
      return (
        <span class="s-card">
          <span class="s-card-title">
            <Said text={row.title} most={300} />
            {row.impact !== null && <Impact impact={row.impact} />}
          </span>
          {said && (
            <span class="s-two">
              <Said text={said} most={400} />
            </span>
          )}
        </span>
      );
    }
    default:
      return (
        <span class={isOpen ? "s-title s-whole" : "s-title"}>
          <Said text={row.title} most={200} />
          {row.text && (
            <span class="s-quiet">
              {"  "}
              <Said text={isOpen ? row.text : firstLine(row.text)} most={isOpen ? 4000 : 300} />
            </span>
          )}
        </span>
      );
  }
}

function firstLine(text: string): string {
  const end = text.indexOf("\n");
  return end < 0 ? text : `${text.slice(0, end)} …`;
}

function Quiet({ text }: { text: string }) {
  return <span class="s-quiet">{text}</span>;
}

export function Lines({ added, removed }: { added: number | null; removed: number | null }) {
  if (added === null && removed === null) return <span class="s-quiet">no counts</span>;
  return (
    <span class="s-lines" aria-label={`${plural(added ?? 0, "line")} added, ${plural(removed ?? 0, "line")} removed`}>
      <span class="s-added">+{count(added ?? 0)}</span> <span class="s-removed">−{count(removed ?? 0)}</span>
    </span>
  );
}

function Exit({ exit }: { exit: number | null }) {
  if (exit === null) return <span class="s-exit" title="How it ended is not known.">–</span>;
  return (
    <span class={exit === 0 ? "s-exit is-good" : "s-exit is-bad"} title={`Exit code ${exit}`}>
      {exit === 0 ? "ok" : `exit ${exit}`}
    </span>
  );
}

function Impact({ impact }: { impact: number }) {
  return (
    <span class="s-flag" title="How much hangs on it, from 1 to 5.">
      impact {impact}
    </span>
  );
}
