import { effect, signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";

const NAME = "theme";

/** Light, dark, or what the system says. Kept in this browser; the only thing that is. */
export const theme = signal<Theme>(kept());

export function startTheme(): void {
  effect(() => {
    const root = document.documentElement;
    if (theme.value === "system") delete root.dataset["theme"];
    else root.dataset["theme"] = theme.value;
    try {
      if (theme.value === "system") localStorage.removeItem(NAME);
      else localStorage.setItem(NAME, theme.value);
    } catch {
      // A browser that keeps nothing forgets this as well.
    }
  });
}

function kept(): Theme {
  try {
    const value = localStorage.getItem(NAME);
    return value === "light" || value === "dark" ? value : "system";
  } catch {
    return "system";
  }
}
