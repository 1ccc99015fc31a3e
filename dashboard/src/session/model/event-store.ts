import type { Event } from "../../api/types";
import { Column, Words } from "./columns";
import type { Data } from "./data";
import { factsOf } from "./facts";
import { HANDS, handOf, type Hand } from "./hand";
import { GROUPS, type Group } from "./kinds";

/** An event as the view reads it. Times are milliseconds since the epoch. */
export interface Entry {
  seq: number;
  id: string;
  ts: number;
  receivedAt: number;
  kind: string;
  group: Group;
  actor: string;
  hand: Hand;
  channel: string;
  integration: string;
  /** 0–1. */
  confidence: number;
  sigVerified: boolean | null;
  data: Data;
}

/** A moment of a session: everything up to `at`, and of what happened at that same millisecond what came up to `seq`. */
export interface Moment {
  at: number;
  seq: number;
}

/** The end of time: everything that is known. */
export const NOW: Moment = { at: Infinity, seq: Infinity };

const ACTORS = ["unknown", "ai", "human", "system"];

/**
 * The events of one session in the order of its timeline: by `ts`, then by order of arrival. They come in any order and as
 * often as they like, from history and from the live feed at once; each is kept once. A position is a place in that order.
 */
export class EventStore {
  /** By slot, the place in the order of coming. */
  readonly #seq = new Column((n) => new Uint32Array(n));
  readonly #ts = new Column((n) => new Float64Array(n));
  readonly #receivedAt = new Column((n) => new Float64Array(n));
  readonly #kind = new Column((n) => new Uint16Array(n));
  readonly #source = new Column((n) => new Uint32Array(n));
  readonly #flags = new Column((n) => new Uint8Array(n));
  readonly #confidence = new Column((n) => new Float64Array(n));
  readonly #group = new Column((n) => new Uint8Array(n));
  readonly #facts = new Column((n) => new Uint16Array(n));
  readonly #path = new Column((n) => new Uint32Array(n));
  readonly #added = new Column((n) => new Uint32Array(n));
  readonly #removed = new Column((n) => new Uint32Array(n));
  readonly #ids: string[] = [];
  readonly #data: Data[] = [];
  /** The slot of a seq, plus 1. */
  readonly #slotOf = new Column((n) => new Uint32Array(n));
  /** The slot at a position. */
  readonly #order = new Column((n) => new Uint32Array(n));
  readonly kinds = new Words();
  readonly paths = new Words();
  readonly #sources = new Words();
  #contiguous = 0;
  #highest = 0;

  /** `keepsData` false for those who only want to count. */
  constructor(private readonly keepsData = true) {}

  get size(): number {
    return this.#order.length;
  }

  /** Every event from 1 to this seq is here. */
  get contiguous(): number {
    return this.#contiguous;
  }

  get highestSeq(): number {
    return this.#highest;
  }

  /** Takes events. Answers the first position at which something is new; the size where nothing is. */
  add(events: readonly Event[]): number {
    const slots: number[] = [];
    for (const event of events) {
      if (!Number.isInteger(event.seq) || event.seq < 1 || this.#slotOf.get(event.seq) > 0) continue;
      slots.push(this.#keep(event));
    }
    while (this.#slotOf.get(this.#contiguous + 1) > 0) this.#contiguous += 1;
    if (slots.length === 0) return this.size;
    slots.sort((one, other) => this.#compare(one, other));
    return this.#merge(slots);
  }

  entry(position: number): Entry {
    const slot = this.#order.get(position);
    const flags = this.#flags.get(slot);
    const [channel = "", integration = ""] = this.#sources.word(this.#source.get(slot)).split("\n");
    return {
      seq: this.#seq.get(slot),
      id: this.#ids[slot] ?? "",
      ts: this.#ts.get(slot),
      receivedAt: this.#receivedAt.get(slot),
      kind: this.kinds.word(this.#kind.get(slot)),
      group: GROUPS[this.#group.get(slot)]!,
      actor: ACTORS[flags & 3]!,
      hand: HANDS[(flags >> 2) & 7]!,
      channel,
      integration,
      confidence: this.#confidence.get(slot),
      sigVerified: [null, true, false][(flags >> 5) & 3] ?? null,
      data: this.#data[slot] ?? {},
    };
  }

  seqAt(position: number): number {
    return this.#seq.get(this.#order.get(position));
  }

  tsAt(position: number): number {
    return this.#ts.get(this.#order.get(position));
  }

  /** The bits of `FACT`. */
  factsAt(position: number): number {
    return this.#facts.get(this.#order.get(position));
  }

  /** The place in `GROUPS`. */
  groupAt(position: number): number {
    return this.#group.get(this.#order.get(position));
  }

  kindAt(position: number): number {
    return this.#kind.get(this.#order.get(position));
  }

  actorAt(position: number): string {
    return ACTORS[this.#flags.get(this.#order.get(position)) & 3]!;
  }

  handAt(position: number): Hand {
    return HANDS[(this.#flags.get(this.#order.get(position)) >> 2) & 7]!;
  }

  /** Whether its attribution says whose it is, without a look at who acted. */
  isAttributedAt(position: number): boolean {
    return (this.#flags.get(this.#order.get(position)) & 0x80) !== 0;
  }

  /** The number of the path in `paths`. */
  pathAt(position: number): number {
    return this.#path.get(this.#order.get(position));
  }

  linesAt(position: number): { added: number; removed: number } {
    const slot = this.#order.get(position);
    return { added: this.#added.get(slot), removed: this.#removed.get(slot) };
  }

  dataAt(position: number): Data {
    return this.#data[this.#order.get(position)] ?? {};
  }

  /** How many events had happened at a moment. */
  countAt({ at, seq }: Moment): number {
    let [low, high] = [0, this.size];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const ts = this.tsAt(middle);
      if (ts < at || (ts === at && this.seqAt(middle) <= seq)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The position of a seq; -1 for one that is not here. */
  positionOf(seq: number): number {
    const slot = this.#slotOf.get(seq) - 1;
    return slot < 0 ? -1 : this.countAt({ at: this.#ts.get(slot), seq }) - 1;
  }

  has(seq: number): boolean {
    return this.#slotOf.get(seq) > 0;
  }

  /** The seq of an event by its id; `null` for one that is not here. Looks at all of them. */
  seqOf(id: string): number | null {
    const slot = this.#ids.indexOf(id);
    return slot < 0 ? null : this.#seq.get(slot);
  }

  /** The moment of the event at a position. */
  momentAt(position: number): Moment {
    return { at: this.tsAt(position), seq: this.seqAt(position) };
  }

  #keep(event: Event): number {
    const slot = this.#seq.length;
    const facts = factsOf(event);
    this.#seq.push(event.seq);
    this.#ts.push(Date.parse(event.ts) || 0);
    this.#receivedAt.push(Date.parse(event.receivedAt) || 0);
    this.#kind.push(this.kinds.number(event.kind));
    this.#source.push(this.#sources.number(`${event.source.channel}\n${event.source.integration}`));
    const actor = Math.max(0, ACTORS.indexOf(event.actor.type));
    const verified = event.sigVerified === null ? 0 : event.sigVerified ? 1 : 2;
    const { attribution } = event.provenance;
    const isAttributed = attribution !== "unknown" && attribution !== "system_generated" ? 0x80 : 0;
    this.#flags.push(actor | (HANDS.indexOf(handOf(event)) << 2) | (verified << 5) | isAttributed);
    this.#confidence.push(event.provenance.confidence);
    this.#group.push(facts.group);
    this.#facts.push(facts.bits);
    this.#path.push(this.paths.number(facts.path));
    this.#added.push(facts.added);
    this.#removed.push(facts.removed);
    this.#ids.push(event.id);
    if (this.keepsData) this.#data.push(event.data);
    this.#slotOf.set(event.seq, slot + 1);
    this.#highest = Math.max(this.#highest, event.seq);
    return slot;
  }

  #compare(one: number, other: number): number {
    return this.#ts.get(one) - this.#ts.get(other) || this.#seq.get(one) - this.#seq.get(other);
  }

  /** Puts sorted slots among those that are there, from the end: what is new is nearly always last. */
  #merge(slots: number[]): number {
    let from = this.size - 1;
    let to = this.size + slots.length - 1;
    this.#order.set(to, 0);
    for (let next = slots.length - 1; next >= 0; to -= 1) {
      if (from >= 0 && this.#compare(this.#order.get(from), slots[next]!) > 0) {
        this.#order.set(to, this.#order.get(from));
        from -= 1;
      } else {
        this.#order.set(to, slots[next]!);
        next -= 1;
      }
    }
    return to + 1;
  }
}
