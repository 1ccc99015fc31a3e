import type { RefObject } from "preact";
import type { SessionController } from "./controller";
import { count } from "./format";
import { EVERYTHING, isEverything } from "./model/filter";
import { GROUP_NAMES, GROUPS, type Group } from "./model/kinds";
import { SIGNAL_NAMES } from "./signal-names";

const ACTORS: readonly [string, string][] = [
  ["human", "Human"],
  ["ai", "AI"],
  ["system", "System"],
  ["unknown", "Unknown"],
];

/** What of the session the timeline shows. */
export function FilterBar({ controller, search }: { controller: SessionController; search: RefObject<HTMLInputElement | null> }) {
  const filter = controller.filter.value;
  void controller.rowsVersion.value;
  const counts = countsByGroup(controller);
  const toggle = <T,>(set: ReadonlySet<T>, value: T): Set<T> => {
    const next = new Set(set);
    if (!next.delete(value)) next.add(value);
    return next;
  };
  return (
    <div class="f-bar" role="search" aria-label="Filter the timeline">
      <input
        ref={search}
        class="f-text"
        type="search"
        placeholder="Search in everything  ( / )"
        aria-label="Search the timeline"
        value={filter.text}
        onInput={(event) => controller.setFilter({ ...filter, text: event.currentTarget.value })}
      />
      <div class="f-chips" role="group" aria-label="Kinds">
        {GROUPS.filter((group) => counts.has(group)).map((group) => (
          <button
            key={group}
            type="button"
            class={`f-chip g-${group}`}
            aria-pressed={filter.groups.has(group)}
            onClick={() => controller.setFilter({ ...filter, groups: toggle(filter.groups, group) })}
          >
            {GROUP_NAMES[group]} <span class="s-quiet">{count(counts.get(group)!)}</span>
          </button>
        ))}
      </div>
      <select
        class="f-actor"
        aria-label="By whom"
        value={[...filter.actors][0] ?? ""}
        onChange={(event) => controller.setFilter({ ...filter, actors: new Set(event.currentTarget.value ? [event.currentTarget.value] : []) })}
      >
        <option value="">By anybody</option>
        {ACTORS.map(([actor, name]) => (
          <option key={actor} value={actor}>
            {name}
          </option>
        ))}
      </select>
      {!isEverything(filter) && (
        <span class="f-result" role="status">
          {controller.view.isDone ? "" : "at least "}
          {count(controller.view.length)} of {count(controller.store.size)}
          {filter.signal && <span class="s-flag">{SIGNAL_NAMES[filter.signal as keyof typeof SIGNAL_NAMES]}</span>}
          <button type="button" class="p-button" onClick={() => controller.setFilter(EVERYTHING)}>
            Show all
          </button>
        </span>
      )}
    </div>
  );
}

/** Counted anew only when markers are: a few times a second at most. */
const counted = new WeakMap<object, Map<Group, number>>();

function countsByGroup(controller: SessionController): Map<Group, number> {
  const key = controller.markers.value;
  const known = counted.get(key);
  if (known) return known;
  const counts = new Map<Group, number>();
  for (let position = 0; position < controller.store.size; position += 1) {
    const group = GROUPS[controller.store.groupAt(position)]!;
    counts.set(group, (counts.get(group) ?? 0) + 1);
  }
  counted.set(key, counts);
  return counts;
}
