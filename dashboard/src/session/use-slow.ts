import { effect, type ReadonlySignal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";

/** The value of a signal, anew at most every `ms` milliseconds: for what costs more to draw than a frame has. */
export function useSlow<T>(signal: ReadonlySignal<T>, ms: number): T {
  const [value, setValue] = useState<T>(() => signal.peek());
  useEffect(() => {
    let drawnAt = -Infinity;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const draw = () => {
      timer = undefined;
      drawnAt = performance.now();
      setValue(() => signal.peek());
    };
    const stop = effect(() => {
      void signal.value;
      const wait = drawnAt + ms - performance.now();
      if (wait <= 0) draw();
      else timer ??= setTimeout(draw, wait);
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [signal, ms]);
  return value;
}
