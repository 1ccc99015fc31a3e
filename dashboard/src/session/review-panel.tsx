import { useEffect, useState } from "preact/hooks";
import { ApiError, path, type ApiClient } from "../api/client";
import { plain } from "../text/plain";
import { mayWrite } from "../app/identity";
import { analysisOf, type Analysis } from "./analysis";
import { AnalysisCard } from "./analysis-card";
import { Cite } from "./cite";
import type { SessionController } from "./controller";
import { partsOf, withCite } from "./cites";
import { trimmed } from "./format";
import { dimensionsOf, followupsOf, readReview, RULE_NAMES, type Dimension, type Followup, type ReviewData } from "./review";
import { Said } from "./text";
import type { Artifacts, Score } from "./types";

/** Under which the browser remembers whose scores this reviewer's are; it is no secret. */
const ME = "promptster.reviewer";
const LONGEST_NOTE = 10_000;

interface Draft {
  score: number | null;
  notes: string;
}

/** Scores by the rubric with notes that name moments, and what to ask the candidate. */
export function ReviewPanel({
  controller,
  api,
  sessionId,
}: {
  controller: SessionController;
  api: ApiClient;
  sessionId: string;
}) {
  const assessmentId = controller.session.value?.assessmentId ?? null;
  const isKnown = controller.session.value !== null;
  const isRunning = controller.isRunning.value;
  const [data, setData] = useState<ReviewData | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const [tries, setTries] = useState(0);
  const [me, setMe] = useState<string | null>(() => localStorage.getItem(ME));
  const [drafts, setDrafts] = useState<ReadonlyMap<string, Draft>>(new Map());
  const [isSaving, setIsSaving] = useState(false);
  const [said, setSaid] = useState("");

  useEffect(() => {
    if (!isKnown) return;
    const aborted = new AbortController();
    readReview(api, sessionId, assessmentId, aborted.signal).then(
      (found) => {
        setData(found);
        setFailure(null);
      },
      (error: unknown) => {
        if (!aborted.signal.aborted) setFailure(error instanceof ApiError ? error.message : String(error));
      },
    );
    return () => aborted.abort();
  }, [api, sessionId, assessmentId, isKnown, isRunning, tries]);

  // What was written and not saved is not lost by a click on a link.
  const isUnsaved = drafts.size > 0;
  useEffect(() => {
    if (!isUnsaved) return;
    const warn = (event: Event) => event.preventDefault();
    addEventListener("beforeunload", warn);
    return () => removeEventListener("beforeunload", warn);
  }, [isUnsaved]);

  if (failure !== null) return <Failed why={failure} onRetry={() => setTries(tries + 1)} />;
  if (!data) return <p class="s-empty">The scores are being read.</p>;
  const dimensions = dimensionsOf(data.rubric, data.scores.scores, me);
  const draftOf = (dimension: Dimension): Draft =>
    drafts.get(dimension.key) ?? { score: dimension.given?.score ?? null, notes: dimension.given?.notes ?? "" };
  const change = (dimension: Dimension, draft: Draft) => setDrafts(new Map(drafts).set(dimension.key, draft));
  const ready = dimensions.filter((dimension) => drafts.has(dimension.key) && draftOf(dimension).score !== null);
  const unscored = dimensions.filter((dimension) => drafts.has(dimension.key) && draftOf(dimension).score === null);

  const save = async () => {
    setIsSaving(true);
    setSaid("");
    try {
      const asked = ready.map((dimension) => {
        const { score, notes } = draftOf(dimension);
        return { dimension: dimension.key, score, ...(notes.trim() && { notes }) };
      });
      const { scores } = await api.post<{ scores: Score[] }>(path`/v1/sessions/${sessionId}/scores`, asked);
      const id = scores.find(({ reviewerId }) => reviewerId !== null)?.reviewerId ?? null;
      if (id !== null) localStorage.setItem(ME, id);
      setMe(id);
      setDrafts(new Map([...drafts].filter(([key]) => !ready.some((dimension) => dimension.key === key))));
      setTries(tries + 1);
      setSaid("Saved.");
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setSaid(`Not saved: ${error.message}`);
    } finally {
      setIsSaving(false);
    }
  };

  return (
    <div class="r-review">
      <section aria-labelledby="r-scores">
        <h3 id="r-scores">
          <span>
            Scores{data.rubric && ": "}
            {data.rubric && <Said text={data.rubric.name} most={120} />}
          </span>
          {data.scores.prompterScore !== null && <b class="r-total">{trimmed(data.scores.prompterScore, 2)} of 5</b>}
        </h3>
        <p class="s-note">A candidate can read the scores of their own session, notes included.</p>
        {dimensions.map((dimension) => (
          <DimensionRow
            key={dimension.key}
            dimension={dimension}
            draft={draftOf(dimension)}
            controller={controller}
            onChange={(draft) => change(dimension, draft)}
          />
        ))}
        <div class="r-save">
          {mayWrite() ? (
            <button
              type="button"
              class="p-button is-main"
              disabled={isSaving || ready.length === 0}
              onClick={() => void save()}
            >
              {isSaving ? "Saving…" : "Save scores"}
            </button>
          ) : (
            <span class="s-quiet">Your key may only read: scores cannot be saved with it.</span>
          )}
          <span role="status">
            {said}
            {unscored.length > 0 &&
              ` A note is saved with a score: ${unscored.map(({ title }) => plain(title)).join(", ")} has none yet.`}
          </span>
        </div>
      </section>
      <Derived controller={controller} api={api} sessionId={sessionId} />
    </div>
  );
}

function Failed({ why, onRetry }: { why: string; onRetry: () => void }) {
  return (
    <div class="s-empty" role="alert">
      <p>{why}</p>
      <button type="button" class="p-button" onClick={onRetry}>
        Try again
      </button>
    </div>
  );
}

interface DimensionRowProps {
  dimension: Dimension;
  draft: Draft;
  controller: SessionController;
  onChange: (draft: Draft) => void;
}

function DimensionRow({ dimension, draft, controller, onChange }: DimensionRowProps) {
  const { key, title, description, weight, others } = dimension;
  return (
    <fieldset class="r-dimension">
      <legend>
        <Said text={title} most={200} />
        {weight !== null && weight !== 1 && " "}
        {weight !== null && weight !== 1 && <span class="s-flag">weight {trimmed(weight, 2)}</span>}
      </legend>
      {description && (
        <p class="s-quiet">
          <Said text={description} most={1000} />
        </p>
      )}
      <div class="r-stars" role="radiogroup" aria-label={`Score of ${plain(title)}`}>
        {[1, 2, 3, 4, 5].map((score) => (
          <label key={score} class={draft.score === score ? "is-on" : ""}>
            <input
              type="radio"
              name={`score-${key}`}
              value={score}
              checked={draft.score === score}
              onChange={() => onChange({ ...draft, score })}
            />
            {score}
          </label>
        ))}
      </div>
      <textarea
        rows={2}
        maxLength={LONGEST_NOTE}
        aria-label={`Notes on ${plain(title)}`}
        placeholder="Notes; #123 names an event"
        value={draft.notes}
        onInput={(event) => onChange({ ...draft, notes: event.currentTarget.value })}
      />
      <div class="r-cite">
        <button
          type="button"
          class="p-button"
          disabled={controller.current.value === 0}
          onClick={() => onChange({ ...draft, notes: withCite(draft.notes, controller.current.peek()) })}
        >
          Name this moment (#{controller.current.value})
        </button>
        <Cites note={draft.notes} controller={controller} />
      </div>
      {others.map((score, index) => (
        <Other key={index} score={score} controller={controller} />
      ))}
    </fieldset>
  );
}

/** The moments that a note names, each a click away. */
function Cites({ note, controller }: { note: string; controller: SessionController }) {
  const seqs = [...new Set(partsOf(note).flatMap((part) => (part.is === "cite" ? [part.seq] : [])))];
  return (
    <>
      {seqs.map((seq) => (
        <Cite key={seq} seq={seq} controller={controller} />
      ))}
    </>
  );
}

function Other({ score, controller }: { score: Score; controller: SessionController }) {
  return (
    <div class="r-other">
      <b>{score.score}</b>
      {score.source === "signal" && score.evidence ? (
        <span class="s-quiet">
          by the signal {score.evidence.signal} = {String(score.evidence.value)}
        </span>
      ) : (
        <span>
          {score.notes ? (
            partsOf(score.notes).map((part, index) =>
              part.is === "cite" ? (
                <Cite key={index} seq={part.seq} controller={controller} />
              ) : (
                <Said key={index} text={part.text} />
              ),
            )
          ) : (
            <span class="s-quiet">a reviewer, without notes</span>
          )}
        </span>
      )}
    </div>
  );
}

type Asked =
  | { is: "asking" }
  | { is: "known"; followups: Followup[] | null; analysis: Analysis | null }
  | { is: "failed"; why: string };

/** What the record itself says, once the session has ended: what to ask, and what a language model makes of the prompts. */
function Derived({ controller, api, sessionId }: { controller: SessionController; api: ApiClient; sessionId: string }) {
  const isRunning = controller.isRunning.value;
  const [asked, setAsked] = useState<Asked>({ is: "asking" });
  const [tries, setTries] = useState(0);
  useEffect(() => {
    if (isRunning) return;
    const aborted = new AbortController();
    api.get<Artifacts>(path`/v1/sessions/${sessionId}/artifacts`, {}, aborted.signal).then(
      (artifacts) =>
        setAsked({ is: "known", followups: followupsOf(artifacts), analysis: analysisOf(artifacts) }),
      (error: unknown) => {
        if (!aborted.signal.aborted)
          setAsked({ is: "failed", why: error instanceof ApiError ? error.message : String(error) });
      },
    );
    return () => aborted.abort();
  }, [api, sessionId, isRunning, tries]);
  return (
    <>
      <section aria-labelledby="r-questions">
        <h3 id="r-questions">To ask the candidate</h3>
        {isRunning ? (
          <p class="s-empty">What to ask is derived from the record once the session has ended.</p>
        ) : asked.is === "asking" ? (
          <p class="s-empty">The questions are being read.</p>
        ) : asked.is === "failed" ? (
          <Failed why={asked.why} onRetry={() => setTries(tries + 1)} />
        ) : !asked.followups || asked.followups.length === 0 ? (
          <p class="s-empty">The record raises no question of its own.</p>
        ) : (
          <ol class="r-questions">
            {asked.followups.map((followup, index) => (
              <li key={index}>
                {RULE_NAMES[followup.rule] && <span class="s-flag">{RULE_NAMES[followup.rule]}</span>}
                <p>
                  <Said text={followup.question} most={2000} />
                </p>
                <div class="r-cite" aria-label="Evidence">
                  {followup.seqs.map((seq) => (
                    <Cite key={seq} seq={seq} controller={controller} />
                  ))}
                </div>
              </li>
            ))}
          </ol>
        )}
      </section>
      {asked.is === "known" && asked.analysis && <AnalysisCard analysis={asked.analysis} controller={controller} />}
    </>
  );
}
