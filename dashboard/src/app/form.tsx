import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { ApiError } from "../api/client";

/** What is wrong with which field, by its name in the API; under `""` what is wrong with the whole. */
export type Faults = Readonly<Record<string, string>>;

export function faultsOf(error: ApiError): Faults {
  if (error.details.length === 0) return { "": error.message };
  const faults: Record<string, string> = {};
  for (const { path, message } of error.details) {
    const name = String(path[0] ?? "");
    faults[name] ??= message.charAt(0).toUpperCase() + message.slice(1) + (/[.!?]$/.test(message) ? "" : ".");
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
      {fault && (
        <p id={`${id}-fault`} class="field-error" role="alert">
          {fault}
        </p>
      )}
    </div>
  );
}

/** A dialog that is open as long as it is there. */
export function Dialog({ title, wide = false, onClose, children }: { title: string; wide?: boolean; onClose: () => void; children: ComponentChildren }) {
  const box = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = box.current!;
    dialog.showModal();
    return () => dialog.close();
  }, []);
  return (
    <dialog
      ref={box}
      class={wide ? "dialog is-wide" : "dialog"}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <header class="dialog-head">
        <h2 id={id}>{title}</h2>
        <button type="button" class="icon-button" aria-label="Close" onClick={onClose}>
          <svg viewBox="0 0 24 24" aria-hidden="true">
            <path d="M6 6l12 12M18 6L6 18" />
          </svg>
        </button>
      </header>
      {children}
    </dialog>
  );
}

export interface ConfirmProps {
  title: string;
  children: ComponentChildren;
  /** What is done, as the button says it. */
  action: string;
  onConfirm: () => Promise<void>;
  onClose: () => void;
}

/** Asks before something that cannot be taken back. */
export function Confirm({ title, children, action, onConfirm, onClose }: ConfirmProps) {
  const { isSending, faults, send } = useSending();
  return (
    <Dialog title={title} onClose={onClose}>
      <div class="dialog-body">{children}</div>
      {Object.values(faults).map((fault) => (
        <p key={fault} class="field-error" role="alert">
          {fault}
        </p>
      ))}
      <div class="dialog-actions">
        <button type="button" class="button" onClick={onClose}>
          Cancel
        </button>
        <button type="button" class="button danger" disabled={isSending} onClick={() => void send(onConfirm)}>
          {action}
        </button>
      </div>
    </Dialog>
  );
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
