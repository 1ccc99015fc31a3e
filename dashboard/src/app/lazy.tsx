import type { ComponentType, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Loading, Problem } from "./states";

export interface LazyPage<P> {
  (props: P): JSX.Element;
  /** Has the code fetched already, for a page that is about to be shown. */
  preload: () => void;
}

/** A page whose code is loaded when it is first shown. */
export function lazy<P extends object>(load: () => Promise<ComponentType<P>>): LazyPage<P> {
  let loaded: ComponentType<P> | null = null;
  function Lazy(props: P) {
    const [Page, setPage] = useState<{ of: ComponentType<P> } | null>(loaded && { of: loaded });
    const [failed, setFailed] = useState(false);
    useEffect(() => {
      if (Page || failed) return;
      load().then(
        (page) => {
          loaded = page;
          setPage({ of: page });
        },
        () => setFailed(true),
      );
    }, [failed]);
    if (Page) return <Page.of {...props} />;
    if (!failed) return <Loading what="the page" />;
    // Most often a newer version is served, and the files of this one are gone.
    return (
      <Problem title="This page could not be loaded." text="The server may have been updated, or cannot be reached.">
        <button type="button" class="button" onClick={() => location.reload()}>
          Load again
        </button>
      </Problem>
    );
  }
  // Whoever shows the page asks again, and says what went wrong then.
  return Object.assign(Lazy, { preload: () => void load().catch(() => undefined) });
}
