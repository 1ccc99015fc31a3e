import type { ComponentType, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Loading, Problem } from "./states";

/** A page whose code is loaded when it is first shown. */
export function lazy<P extends object>(load: () => Promise<ComponentType<P>>): (props: P) => JSX.Element {
  let loaded: ComponentType<P> | null = null;
  return function Lazy(props: P) {
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
  };
}
