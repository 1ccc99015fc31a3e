import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { FieldError, useSending } from "./form";

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
      onClose={({ currentTarget }) => {
        // A browser closes at the second Escape without asking. Whoever does not want that keeps the dialog: it opens again.
        if (!currentTarget.isConnected) return;
        onClose();
        setTimeout(() => currentTarget.isConnected && !currentTarget.open && currentTarget.showModal());
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

/** How a form is closed that may hold what was not saved: at the first try it says so, at the second it is closed. */
export function useClosing(isChanged: boolean, onClose: () => void): { close: () => void; warning: ComponentChildren } {
  const [isWarned, setIsWarned] = useState(false);
  return {
    close: () => (isChanged && !isWarned ? setIsWarned(true) : onClose()),
    warning: isChanged && isWarned && (
      <p class="note warn" role="alert">
        What you wrote is not saved. Close once more to drop it.
      </p>
    ),
  };
}

export interface FormEndProps {
  /** What is done, as the button says it. */
  action: string;
  isSending: boolean;
  fault?: string | undefined;
  /** Of {@link useClosing}. */
  warning?: ComponentChildren;
  onClose: () => void;
}

/** The end of a form in a dialog: what is wrong with the whole, and its two buttons. */
export function FormEnd({ action, isSending, fault, warning, onClose }: FormEndProps) {
  const buttons = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // The first field that is wrong may be out of sight.
    if (!isSending) buttons.current!.closest("form")?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
  }, [isSending]);
  return (
    <>
      <FieldError text={fault} />
      {warning}
      <div class="dialog-actions" ref={buttons}>
        <button type="button" class="button" onClick={onClose}>
          Cancel
        </button>
        <button type="submit" class="button primary" disabled={isSending}>
          {action}
        </button>
      </div>
    </>
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
      {[...new Set(Object.values(faults))].map((fault) => (
        <FieldError key={fault} text={fault} />
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
