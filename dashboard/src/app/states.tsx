import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { ApiError } from "../api/client";

/** Says that something is being loaded, once it takes long enough to be noticed. */
export function Loading({ what }: { what: string }) {
  const [isLong, setIsLong] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setIsLong(true), 300);
    return () => clearTimeout(timer);
  }, []);
  return (
    <div class="state" role="status">
      {isLong && (
        <>
          <span class="spinner" aria-hidden="true" />
          <p>Loading {what}…</p>
        </>
      )}
    </div>
  );
}

/** What went wrong, as a person needs it, and what can be done. */
export function Problem({ title, text, children }: { title: string; text?: string; children?: ComponentChildren }) {
  return (
    <div class="state" role="alert">
      <h2>{title}</h2>
      {text && <p>{text}</p>}
      <div class="actions">{children}</div>
    </div>
  );
}

/** A request that failed, with a button to try it again. */
export function Failed({ error, what, again }: { error: ApiError; what: string; again: () => void }) {
  const isGone = error.status === 404;
  return (
    <Problem title={isGone ? `There is no such ${what}.` : `The ${what} could not be loaded.`} text={error.message}>
      {!isGone && (
        <button type="button" class="button" onClick={again}>
          Try again
        </button>
      )}
    </Problem>
  );
}

/** Nothing is there yet. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="state empty">
      <h2>{title}</h2>
      {children}
    </div>
  );
}
