import { daysInWords, type Days } from "./days";

/** What becomes of a session, drawn from left to right. `undefined`: it is not known for how long it is kept. */
export function LifeOfASession({ days }: { days: Days | undefined }) {
  return (
    <ol class="life" aria-label="What becomes of a session">
      <li>
        <span>It runs</span>
      </li>
      <li class="life-kept">
        <span>{days === null ? "It is kept until somebody deletes it" : `It is kept for ${days === undefined ? "some days" : daysInWords(days)}`}</span>
      </li>
      {days !== null && (
        <li class="life-gone">
          <span>It is deleted, for good</span>
        </li>
      )}
    </ol>
  );
}
