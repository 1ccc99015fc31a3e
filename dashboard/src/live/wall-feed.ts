import type { Session, Signals } from "../api/types";
import { Link, type LinkOptions, type LinkState } from "./link";
import type { WatchMessage } from "./messages";

/** A session as the wall shows it. The signals come with its first change. */
export interface Tile {
  session: Session;
  signals: Signals | null;
}

export interface WallOptions extends Pick<LinkOptions, "api" | "origin" | "webSocket" | "backoff"> {
  /** Only those of one assessment. */
  assessmentId?: string;
  onTiles: (tiles: ReadonlyMap<string, Tile>) => void;
  onState?: (state: LinkState) => void;
}

/** Watches the running sessions of the organisation, or of one assessment. A session that ends stays as ended until the
 * connection is opened anew. */
export class WallFeed {
  readonly #options: WallOptions;
  readonly #link: Link;
  #tiles = new Map<string, Tile>();

  constructor(options: WallOptions) {
    this.#options = options;
    const query = options.assessmentId ? `?assessmentId=${encodeURIComponent(options.assessmentId)}` : "";
    this.#link = new Link({
      ...options,
      path: `/v1/live${query}`,
      onMessage: (message) => this.#take(message),
      onState: (state) => options.onState?.(state),
    });
  }

  retryNow(): void {
    this.#link.retryNow();
  }

  close(): void {
    this.#link.close();
  }

  #take(message: WatchMessage): void {
    if (message.type === "sessions") {
      const known = this.#tiles;
      const tile = (session: Session): Tile => ({ session, signals: known.get(session.id)?.signals ?? null });
      this.#tiles = new Map(message.sessions.map((session) => [session.id, tile(session)]));
      this.#link.isWell();
    } else if (message.type === "session") {
      const signals = message.signals ?? this.#tiles.get(message.session.id)?.signals ?? null;
      this.#tiles = new Map(this.#tiles).set(message.session.id, { session: message.session, signals });
    } else {
      return;
    }
    this.#options.onTiles(this.#tiles);
  }
}
