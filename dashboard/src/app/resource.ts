import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "../api/client";

export type Loaded<T> = { is: "loading" } | { is: "here"; value: T; stale: ApiError | null } | { is: "failed"; error: ApiError };

export interface Resource<T> {
  state: Loaded<T>;
  /** Asks again; what is there stays until the answer comes. */
  again: () => void;
  /** Shows something else at once, as after a change whose answer had it. */
  put: (change: (value: T) => T) => void;
}

/** What `load` answers, asked anew whenever one of `of` changes. */
export function useResource<T>(load: (signal: AbortSignal) => Promise<T>, of: readonly unknown[] = []): Resource<T> {
  const [state, setState] = useState<Loaded<T>>({ is: "loading" });
  const [turn, setTurn] = useState(0);
  const shown = useRef(of);
  useEffect(() => {
    const aborted = new AbortController();
    const isOther = shown.current.some((part, index) => part !== of[index]);
    shown.current = of;
    if (isOther) setState({ is: "loading" });
    load(aborted.signal).then(
      (value) => aborted.signal.aborted || setState({ is: "here", value, stale: null }),
      (error: unknown) => {
        if (aborted.signal.aborted) return;
        if (!(error instanceof ApiError)) throw error;
        setState((before) => (before.is === "here" ? { ...before, stale: error } : { is: "failed", error }));
      },
    );
    return () => aborted.abort();
  }, [...of, turn]);
  return {
    state,
    again: () => {
      setState((before) => (before.is === "failed" ? { is: "loading" } : before));
      setTurn((n) => n + 1);
    },
    put: (change) => setState((before) => (before.is === "here" ? { ...before, value: change(before.value) } : before)),
  };
}
