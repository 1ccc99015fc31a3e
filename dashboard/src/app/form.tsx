import type { ComponentChildren } from "preact";
import { useEffect, useId, useState } from "preact/hooks";
import { ApiError } from "../api/client";

/** What is wrong with which field, by its name in the API (`criteria`, and `criteria.2.title` within it); under `""` what is
 * wrong with the whole. */
export type Faults = Readonly<Record<string, string>>;

export function faultsOf(error: ApiError): Faults {
  if (error.details.length === 0) return { "": error.message };
  const faults: Record<string, string> = {};
  for (const { path, message } of error.details) {
    const sentence = message.charAt(0).toUpperCase() + message.slice(1) + (/[.!?]$/.test(message) ? "" : ".");
    for (const name of [String(path[0] ?? ""), path.join(".")]) faults[name] ??= sentence;
  }
  return faults;
}

export interface Sending {
  isSending: boolean;
  faults: Faults;
  /** Does it, and keeps what the server says against it. Answers whether it was done. */
  send: (work: () => Promise<void>) => Promise<boolean>;
  setFaults: (faults: Faults) => void;
}

export function useSending(): Sending {
  const [isSending, setIsSending] = useState(false);
  const [faults, setFaults] = useState<Faults>({});
  const send = async (work: () => Promise<void>) => {
    setIsSending(true);
    setFaults({});
    try {
      await work();
      return true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setFaults(faultsOf(error));
      return false;
    } finally {
      setIsSending(false);
    }
  };
  return { isSending, faults, send, setFaults };
}

export interface FieldProps {
  label: string;
  hint?: string | undefined;
  fault?: string | undefined;
  children: (about: { id: string; "aria-invalid": boolean; "aria-describedby": string | undefined }) => ComponentChildren;
}

/** A label, a field, a hint, and what is wrong. */
export function Field({ label, hint, fault, children }: FieldProps) {
  const id = useId();
  const about = [hint && `${id}-hint`, fault && `${id}-fault`].filter(Boolean).join(" ") || undefined;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({ id, "aria-invalid": fault !== undefined, "aria-describedby": about })}
      {hint && (
        <p id={`${id}-hint`} class="hint">
          {hint}
        </p>
      )}
      <FieldError id={`${id}-fault`} text={fault} />
    </div>
  );
}

/** What is wrong, read out as soon as it is there. */
export function FieldError({ text, id }: { text: string | undefined; id?: string }) {
  return text === undefined ? null : (
    <p id={id} class="field-error" role="alert">
      {text}
    </p>
  );
}

/** What somebody typed as a number; as it is where it is none, so that the server says what is wrong. */
export function number(text: string): number | string {
  const value = Number(text.replace(",", "."));
  return text.trim() !== "" && Number.isFinite(value) ? value : text;
}

/** Copies a text, and says so. */
export function CopyButton({ text, label = "Copy" }: { text: string; label?: string }) {
  const [said, setSaid] = useState<string | null>(null);
  useEffect(() => {
    if (said === null) return undefined;
    const timer = setTimeout(() => setSaid(null), 2500);
    return () => clearTimeout(timer);
  }, [said]);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setSaid("Copied");
    } catch {
      // Without encryption browsers have no clipboard for pages.
      setSaid("Select and copy it");
    }
  };
  return (
    <button type="button" class="button quiet small" onClick={() => void copy()} aria-live="polite">
      {said ?? label}
    </button>
  );
}
