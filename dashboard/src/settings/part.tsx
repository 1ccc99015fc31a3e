import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { mayWrite } from "../app/identity";
import type { Resource } from "../app/resource";
import { Failed, Loading } from "../app/states";
import { plain } from "../text/plain";

export interface PartProps<T> {
  title: string;
  /** What it is about, for whoever sees it for the first time. */
  lead?: ComponentChildren;
  /** What those may add who may write. */
  add?: { name: string; onClick: () => void };
  resource: Resource<T>;
  /** What is there, once it is. */
  children: (value: T) => ComponentChildren;
}

/** A part of the settings: its heading, what can be added, and what is there. */
export function Part<T>({ title, lead, add, resource: { state, again }, children }: PartProps<T>) {
  const id = useId();
  const what = title === "API keys" ? title : title.toLowerCase();
  return (
    <section class="section" aria-labelledby={id}>
      <div class="section-head">
        <h2 id={id}>{title}</h2>
        {add && mayWrite() && (
          <div class="actions">
            <button type="button" class="button" onClick={add.onClick}>
              {add.name}
            </button>
          </div>
        )}
      </div>
      {lead && <p class="muted lead">{lead}</p>}
      {state.is === "loading" && <Loading what={`the ${what}`} />}
      {state.is === "failed" && <Failed error={state.error} what={what} again={again} />}
      {state.is === "here" && children(state.value)}
      {state.is === "here" && state.stale && (
        <p class="note warn" role="status">
          This may not be how it is now: {state.stale.message}
        </p>
      )}
    </section>
  );
}

/** A table of such a part; its last column has what can be done. */
export function Listing({ label, heads, children }: { label: string; heads: readonly string[]; children: ComponentChildren }) {
  return (
    <div class="card table-scroll" tabIndex={0} role="region" aria-label={label}>
      <table>
        <thead>
          <tr>
            {heads.map((head) => (
              <th key={head}>{head}</th>
            ))}
            <th>
              <span class="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

export interface ActionProps {
  /** What it is done to, for whoever hears the button alone. */
  of: string;
  name: string;
  onClick: () => void;
}

/** A button of a row or card, among others of the same name. */
export function Action({ of, name, onClick }: ActionProps) {
  return (
    <button type="button" class="button quiet small" aria-label={`${name} ${plain(of)}`} onClick={onClick}>
      {name}
    </button>
  );
}
