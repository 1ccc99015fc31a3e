import type { SessionController } from "./controller";

export type Tab = "timeline" | "files" | "signals" | "review";
export const TABS: readonly Tab[] = ["timeline", "files", "signals", "review"];

export interface KeyTargets {
  controller: SessionController;
  showTab: (tab: Tab) => void;
  search: () => void;
  clear: () => void;
  copy: () => void;
  help: () => void;
}

/** Does what a key is for. Keys that are typed into a field, or with a modifier, are for somebody else. */
export function onKey(event: KeyboardEvent, { controller, showTab, search, clear, copy, help }: KeyTargets): void {
  const target = event.target instanceof HTMLElement ? event.target : null;
  const isField = target?.closest("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]") != null;
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (document.querySelector("dialog[open]")) return;
  if (isField) {
    if (event.key === "Escape") target!.blur();
    return;
  }
  // Buttons and checkboxes have a use for this one themselves.
  if (event.key === " " && target?.closest("button, input, a, summary")) return;
  const step = event.shiftKey ? 60_000 : 10_000;
  const does: Record<string, () => void> = {
    " ": () => controller.togglePlay(),
    l: () => controller.toLive(),
    home: () => controller.toStart(),
    end: () => controller.toLive(),
    arrowleft: () => controller.scrubBy(-step),
    arrowright: () => controller.scrubBy(step),
    j: () => controller.step(1),
    k: () => controller.step(-1),
    n: () => controller.toMarker(true),
    p: () => controller.toMarker(false),
    "+": () => controller.faster(1),
    "=": () => controller.faster(1),
    "-": () => controller.faster(-1),
    i: () => controller.setSkipsIdle(!controller.skipsIdle.peek()),
    e: () => controller.current.peek() > 0 && controller.toggleOpen(controller.current.peek()),
    "/": search,
    escape: clear,
    c: copy,
    "?": help,
    ...Object.fromEntries(TABS.map((tab, index) => [String(index + 1), () => showTab(tab)])),
  };
  const found = does[event.key.toLowerCase()];
  if (!found) return;
  event.preventDefault();
  found();
}
