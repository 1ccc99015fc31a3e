import { GROUPS, GROUP_NAMES } from "./activity";

/** What the colours of the strips mean. */
export function Legend() {
  return (
    <ul class="legend" aria-label="Colours of the last 15 minutes">
      {GROUPS.map((group) => (
        <li key={group}>
          <span class={`dot kind-${group}`} aria-hidden="true" />
          {GROUP_NAMES[group]}
        </li>
      ))}
    </ul>
  );
}
