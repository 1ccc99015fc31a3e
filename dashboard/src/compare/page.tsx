import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { api, liveOrigin } from "../app/identity";
import { address, navigate } from "../app/router";
import { endOf } from "../session/banner";
import { Said } from "../session/text";
import { differencesOf, distinct, type Compared } from "./differences";
import { Lane } from "./lane";
import { Lanes, type Axis } from "./lanes";
import { Picker } from "./picker";
import { addressOf, FEWEST, MOST, selectionOf } from "./selection";
import { Table, useCohort } from "./table";
import "../session/session.css";
import "../session/rows.css";
import "../session/panels.css";
import "./compare.css";

/** Two to six sessions beside each other. The address holds which, so that a comparison can be sent to somebody. */
export function ComparePage() {
  const ids = selectionOf(address.value.split("?")[1] ?? "");
  const lanes = useLanes(ids);
  const [axis, setAxis] = useState<Axis>("time");
  const choose = (chosen: readonly string[]) => navigate(addressOf(location.href, chosen), { replace: true });
  const here = lanes.filter((lane) => endOf(lane.feed.value) === null);
  const gone = lanes.filter((lane) => endOf(lane.feed.value) !== null);
  const names = distinct(here.map((lane) => lane.name));
  const compared = here.flatMap((lane, index): Compared[] => (lane.signals.value ? [{ name: names[index]!, signals: lane.signals.value }] : []));
  const assessments = new Set(here.map((lane) => lane.session.value?.assessmentId ?? null));
  const cohort = useCohort(api, assessments.size === 1 ? ([...assessments][0] ?? null) : null);
  const isComparison = here.length >= FEWEST && compared.length === here.length;
  return (
    <div class="x-page page">
      <header class="page-head">
        <h1>Compare</h1>
        <p class="s-quiet">
          {ids.length < FEWEST ? `Choose ${FEWEST} to ${MOST} sessions.` : "The address of this page holds the comparison."}
        </p>
      </header>
      {gone.map((lane) => (
        <p key={lane.id} class="note warn" role="alert">
          {endOf(lane.feed.value)!.title} (<Said text={lane.id} most={128} />){" "}
          <button type="button" class="button small" onClick={() => choose(ids.filter((id) => id !== lane.id))}>
            Leave it out
          </button>
        </p>
      ))}
      {here.length > 0 && (
        <ul class="x-chosen" aria-label="Compared sessions">
          {here.map((lane, index) => (
            <li key={lane.id} class={`x-${index}`}>
              <span class="x-swatch" aria-hidden="true" />
              <Said text={names[index]!} most={120} />
              <button type="button" aria-label={`Leave out ${names[index]}`} title="Leave out" onClick={() => choose(ids.filter((id) => id !== lane.id))}>
                ×
              </button>
            </li>
          ))}
        </ul>
      )}
      {here.length > 0 && (
        <section class="card x-card" aria-labelledby="x-course">
          <div class="x-title">
            <h2 id="x-course">What happened when</h2>
            <label class="inline">
              Axis
              <select value={axis} onChange={(event) => setAxis(event.currentTarget.value as Axis)}>
                <option value="time">Time since the beginning</option>
                <option value="share">Share of each session</option>
              </select>
            </label>
          </div>
          <Lanes lanes={here} names={names} axis={axis} />
        </section>
      )}
      {isComparison && <Differences compared={compared} />}
      {compared.length > 0 && compared.length === here.length && (
        <section class="card x-card" aria-labelledby="x-signals">
          <h2 id="x-signals">Signals</h2>
          <Table sessions={compared} cohort={cohort} />
        </section>
      )}
      <section class="card x-card" aria-label="Choose sessions">
        <Picker api={api} chosen={ids} onAdd={(id) => choose([...ids, id])} />
      </section>
    </div>
  );
}

function Differences({ compared }: { compared: readonly Compared[] }) {
  const differences = differencesOf(compared);
  return (
    <section class="card x-card" aria-labelledby="x-differences">
      <h2 id="x-differences">Where they differ</h2>
      {differences.length === 0 ? (
        <p class="s-quiet">In no signal by more than a fifth.</p>
      ) : (
        <ul class="x-differences">
          {differences.map(({ signal, text }) => (
            <li key={signal}>
              <Said text={text} most={1000} />
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

/** Follows the chosen sessions; one that stays is not read again when another comes or goes. */
function useLanes(ids: readonly string[]): readonly Lane[] {
  const known = useRef(new Map<string, Lane>());
  const lanes = useMemo(
    () =>
      ids.map((id) => {
        const lane = known.current.get(id) ?? new Lane(id, api, liveOrigin);
        known.current.set(id, lane);
        return lane;
      }),
    [ids.join(",")],
  );
  useEffect(() => {
    for (const [id, lane] of known.current) {
      if (ids.includes(id)) continue;
      lane.close();
      known.current.delete(id);
    }
  }, [ids.join(",")]);
  useEffect(() => {
    const lanes = known.current;
    return () => {
      for (const lane of lanes.values()) lane.close();
      lanes.clear();
    };
  }, []);
  return lanes;
}
