import { useState } from "preact/hooks";
import { hunksOf, type Hunk } from "./model/diff";
import type { Entry } from "./model/event-store";
import { HAND_NAMES } from "./model/hand";
import type { Row } from "./model/row";
import { count, dayAndTime, plural, trimmed } from "./format";
import { Said } from "./text";

/** Lines of an output or a diff that are drawn at first, and with each further step. */
const FIRST_LINES = 200;
const MORE_LINES = 1000;
/** The longest line that is drawn whole, in characters. */
const LONGEST_LINE = 2000;

/** What an open row shows beneath its head. */
export function Body({ row, entry }: { row: Row; entry: Entry }) {
  return (
    <div class="s-body">
      {parts(row, entry)}
      <dl class="s-facts">
        <Fact name="Event">#{count(entry.seq)}</Fact>
        <Fact name="When">{dayAndTime(entry.ts)}</Fact>
        <Fact name="By">
          {HAND_NAMES[entry.hand]} ({trimmed(entry.confidence, 2)})
        </Fact>
        <Fact name="From">
          <Said text={entry.integration} most={128} />
        </Fact>
        <Fact name="Signature">{entry.sigVerified === null ? "none" : entry.sigVerified ? "holds" : "does not hold"}</Fact>
      </dl>
    </div>
  );
}

function Fact({ name, children }: { name: string; children: preact.ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function parts(row: Row, entry: Entry) {
  switch (row.is) {
    case "change":
      return <Change row={row} />;
    case "command":
      return (
        <>
          {row.stdout && <Output name="Output" text={row.stdout} />}
          {row.stderr && <Output name="Errors" text={row.stderr} />}
          {!row.stdout && !row.stderr && <p class="s-quiet">No output was recorded.</p>}
        </>
      );
    case "decision":
      return (
        <>
          {(
            [
              ["Chosen", row.chosen],
              ["Why", row.rationale],
              ["Trade-offs", row.tradeoffs],
              ["Context", row.context],
            ] as const
          ).map(
            ([name, said]) =>
              said && (
                <div key={name} class="s-said">
                  <h4>{name}</h4>
                  <p>
                    <Said text={said} />
                  </p>
                </div>
              ),
          )}
          {row.words.length > 0 && (
            <p class="s-meta">
              {row.words.map((word) => (
                <span key={word} class="s-flag">
                  <Said text={word} most={80} />
                </span>
              ))}
            </p>
          )}
        </>
      );
    case "note":
    case "test":
      return <Output name="Data" text={JSON.stringify(entry.data, null, 2)} />;
    default:
      return null;
  }
}

function Change({ row }: { row: Row & { is: "change" } }) {
  const { body } = row;
  if (!body) return <p class="s-quiet">The text of this change was not recorded.</p>;
  if ("content" in body) return <Marked lines={body.content.split("\n").map((text) => ["+", text] as const)} />;
  if ("old" in body) {
    const side = (mark: string, text: string) => (text === "" ? [] : text.split("\n").map((line) => [mark, line] as const));
    return <Marked lines={[...side("-", body.old), ...side("+", body.fresh)]} />;
  }
  const hunks = hunksOf(body.diff);
  if (!hunks) return <Output name="Diff (not whole)" text={body.diff} />;
  return <Marked lines={hunks.flatMap(withHeader)} />;
}

function withHeader(hunk: Hunk): (readonly [string, string])[] {
  const header = ["@", `line ${count(Math.max(1, hunk.newStart))}${hunk.heading ? `  ${hunk.heading}` : ""}`] as const;
  return [header, ...hunk.lines.map(({ mark, text }) => [mark, text] as const)];
}

const CLASSES: Record<string, string> = { "+": "d-added", "-": "d-removed", "@": "d-hunk" };

function Marked({ lines }: { lines: (readonly [string, string])[] }) {
  const [most, setMost] = useState(FIRST_LINES);
  return (
    <div class="d-diff" role="region" aria-label="Change" tabIndex={0}>
      {lines.slice(0, most).map(([mark, text], index) => (
        <div key={index} class={`d-line ${CLASSES[mark] ?? ""}`}>
          <span class="d-mark" aria-hidden="true">
            {mark === "@" ? "⋯" : mark === "-" ? "−" : mark}
          </span>
          <span class="d-text">
            <Said text={text} most={LONGEST_LINE} />
          </span>
        </div>
      ))}
      <More all={lines.length} shown={most} onMore={() => setMost(most + MORE_LINES)} />
    </div>
  );
}

function Output({ name, text }: { name: string; text: string }) {
  const [most, setMost] = useState(FIRST_LINES);
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return (
    <div class="s-output">
      <h4>{name}</h4>
      <div class="d-diff" role="region" aria-label={name} tabIndex={0}>
        {lines.slice(0, most).map((line, index) => (
          <div key={index} class="d-line">
            <span class="d-text">
              <Said text={line} most={LONGEST_LINE} />
            </span>
          </div>
        ))}
        <More all={lines.length} shown={most} onMore={() => setMost(most + MORE_LINES)} />
      </div>
    </div>
  );
}

function More({ all, shown, onMore }: { all: number; shown: number; onMore: () => void }) {
  if (all <= shown) return null;
  return (
    <button type="button" class="s-more" onClick={onMore}>
      Show more of the other {plural(all - shown, "line")}
    </button>
  );
}
