import { Component, createRef, type ComponentChild } from "preact";
import { Heights } from "./model/heights";

export interface VirtualListProps {
  /** How many rows there are. */
  rows: number;
  /** Rows from this one on may be others than they were; `takeDirty` forgets it. */
  takeDirty: () => number;
  /** Changes whenever anything that is shown does. */
  version: unknown;
  keyOf: (row: number) => number;
  /** The row of a key; -1 for one that is not shown. */
  rowOf: (key: number) => number;
  /** How high a row is before it was ever drawn, in pixels. */
  estimate: (row: number) => number;
  render: (row: number) => ComponentChild;
  label: string;
  /** Stays at the end as rows come. */
  sticks: boolean;
  /** The reader moved: whether to the end. */
  onMoved?: (isAtEnd: boolean) => void;
  class?: string;
  role?: "feed" | "list";
  isBusy?: boolean;
}

/** Rows beyond the visible ones that are drawn as well, in pixels. */
const OVERSCAN = 400;
/** So near the end counts as the end, in pixels. */
const NEAR = 24;

/** A list of which only the rows in sight exist, each as high as it turns out to be. What is above stays where it is when
 * something is put before it. */
export class VirtualList extends Component<VirtualListProps, { top: number; height: number }> {
  override state = { top: 0, height: 600 };
  readonly #box = createRef<HTMLDivElement>();
  readonly #heights = new Heights();
  /** By key, once it was drawn. */
  readonly #measured = new Map<number, number>();
  readonly #elements = new Map<Element, number>();
  #sizes: ResizeObserver | null = null;
  #frame = 0;
  #anchor: { key: number; delta: number } | null = null;
  #wasMovedTo = -1;
  #hasMoved = true;

  /** Brings a row into sight, in the middle if it was out of it. */
  show(row: number, isAtTop = false): void {
    const box = this.#box.current;
    if (!box) return;
    this.#sync();
    const [top, bottom] = [this.#heights.offset(row), this.#heights.offset(row + 1)];
    const { top: shown, height } = this.state;
    if (!isAtTop && top >= shown && bottom <= shown + height) return;
    this.#move(isAtTop ? top : Math.max(0, top - height / 2));
  }

  showEnd(): void {
    this.#sync();
    this.#move(this.#heights.total);
  }

  focus(): void {
    this.#box.current?.focus({ preventScroll: true });
  }

  override componentDidMount(): void {
    this.#sizes = new ResizeObserver((entries) => this.#measure(entries));
    this.#sizes.observe(this.#box.current!);
    for (const element of this.#elements.keys()) this.#sizes.observe(element);
    if (this.props.sticks) this.showEnd();
  }

  override componentWillUnmount(): void {
    this.#sizes?.disconnect();
    cancelAnimationFrame(this.#frame);
  }

  override componentDidUpdate(): void {
    const box = this.#box.current;
    if (!box) return;
    // Asking where things are costs a layout: only when something may have moved.
    if (!this.#hasMoved) return;
    this.#hasMoved = false;
    if (this.props.sticks) this.#move(Math.max(0, this.#heights.total - this.state.height));
    else if (this.#anchor) {
      const row = this.props.rowOf(this.#anchor.key);
      const top = this.#heights.offset(row) + this.#anchor.delta;
      if (row >= 0 && Math.abs(top - box.scrollTop) >= 1) this.#move(top);
    }
  }

  /** The row that is at the top now stays there. */
  #keep(top: number): void {
    if (this.#heights.length === 0) return;
    const row = this.#heights.rowAt(top);
    this.#anchor = { key: this.props.keyOf(row), delta: top - this.#heights.offset(row) };
  }

  #sync(): void {
    const { takeDirty, rows, estimate, keyOf } = this.props;
    const from = Math.min(takeDirty(), this.#heights.length, rows);
    if (from >= rows && rows === this.#heights.length) return;
    this.#hasMoved = true;
    this.#heights.fill(from, rows, (row) => this.#measured.get(keyOf(row)) ?? estimate(row));
  }

  #move(top: number): void {
    const box = this.#box.current;
    if (!box) return;
    box.scrollTop = top;
    // It goes no further than there are rows.
    const reached = box.scrollTop;
    this.#wasMovedTo = reached;
    if (reached !== this.state.top) this.setState({ top: reached });
    this.#keep(reached);
  }

  readonly #scrolled = (): void => {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => {
      const box = this.#box.current;
      if (!box) return;
      const top = box.scrollTop;
      this.#keep(top);
      this.setState({ top });
      if (Math.abs(top - this.#wasMovedTo) < 2) return;
      this.#wasMovedTo = -1;
      this.props.onMoved?.(top + this.state.height >= this.#heights.total - NEAR);
    });
  };

  #measure(entries: ResizeObserverEntry[]): void {
    let changed = false;
    for (const { target, borderBoxSize } of entries) {
      const height = borderBoxSize[0]?.blockSize ?? 0;
      if (target === this.#box.current) {
        if (height === this.state.height) continue;
        this.#hasMoved = true;
        this.setState({ height });
        continue;
      }
      const key = this.#elements.get(target);
      if (key === undefined || height === 0 || this.#measured.get(key) === height) continue;
      this.#measured.set(key, height);
      const row = this.props.rowOf(key);
      if (row < 0 || this.#heights.get(row) === height) continue;
      this.#heights.set(row, height);
      changed = true;
    }
    if (!changed) return;
    this.#hasMoved = true;
    this.forceUpdate();
  }

  /** Follows the element of a row as long as it exists. */
  #follow(key: number): (element: HTMLDivElement | null) => void {
    let followed: HTMLDivElement | null = null;
    return (element) => {
      if (followed && followed !== element) {
        this.#sizes?.unobserve(followed);
        this.#elements.delete(followed);
      }
      followed = element;
      if (!element) return;
      this.#elements.set(element, key);
      this.#sizes?.observe(element);
    };
  }

  readonly #followers = new Map<number, (element: HTMLDivElement | null) => void>();

  #follower(key: number): (element: HTMLDivElement | null) => void {
    let follower = this.#followers.get(key);
    if (!follower) {
      if (this.#followers.size > 2000) this.#followers.clear();
      this.#followers.set(key, (follower = this.#follow(key)));
    }
    return follower;
  }

  override render() {
    this.#sync();
    const { rows, keyOf, render, label, role = "feed", isBusy = false } = this.props;
    const { top, height } = this.state;
    const first = rows === 0 ? 0 : this.#heights.rowAt(Math.max(0, top - OVERSCAN));
    const last = rows === 0 ? -1 : this.#heights.rowAt(top + height + OVERSCAN);
    const shown = [];
    for (let row = first, at = this.#heights.offset(first); row <= last; at += this.#heights.get(row), row += 1) {
      const key = keyOf(row);
      shown.push(
        <div
          key={key}
          ref={this.#follower(key)}
          class="v-row"
          role={role === "feed" ? "article" : "listitem"}
          aria-posinset={row + 1}
          aria-setsize={rows}
          style={{ transform: `translateY(${at}px)` }}
        >
          {render(row)}
        </div>,
      );
    }
    return (
      <div
        ref={this.#box}
        class={`v-list ${this.props.class ?? ""}`}
        role={role}
        aria-label={label}
        aria-busy={isBusy}
        tabIndex={0}
        onScroll={this.#scrolled}
      >
        <div class="v-space" role="presentation" style={{ height: `${this.#heights.total}px` }}>
          {shown}
        </div>
      </div>
    );
  }
}
