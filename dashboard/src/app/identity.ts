import { signal } from "@preact/signals";
import { ApiClient, ApiError } from "../api/client";
import { address, navigate, route } from "./router";

export type Scope = "read" | "write";

/** Who is signed in, as `GET /auth/me` says it. */
export interface SignedIn {
  org: { id: string; name: string };
  /** What the sign-in is with: an API key, or as a member. */
  apiKey: { id: string; name: string; prefix: string; scopes: Scope[] } | null;
  member: { id: string; email: string; scopes: Scope[] } | null;
  /** All that the sign-in can be turned to, this one first. */
  organisations: { id: string; name: string }[];
  /** When the sign-in ends by itself. */
  expiresAt: string;
}

export type Identity =
  | { is: "asking" }
  | { is: "signed-in"; who: SignedIn }
  | { is: "signed-out"; why: "never" | "ended" }
  /** The server could not be asked. */
  | { is: "unknown"; error: ApiError };

export const identity = signal<Identity>({ is: "asking" });

/** The client of all pages. An answer that says "not signed in" ends the sign-in here as well. */
export const api = new ApiClient({
  fetch: async (input, init) => {
    const reply = await fetch(input, init);
    if (reply.status === 401 && identity.peek().is === "signed-in") ended();
    return reply;
  },
});

/** Where sockets are opened: the page's own origin. */
export const liveOrigin = location.origin.replace(/^http/, "ws");

/** Whether who is signed in may change things. */
export function mayWrite(): boolean {
  const now = identity.value;
  return now.is === "signed-in" && scopesOf(now.who).includes("write");
}

export function scopesOf(who: SignedIn): Scope[] {
  return (who.apiKey ?? who.member)?.scopes ?? [];
}

/** Tells the other tabs of this browser, which share the cookie. */
const tabs = new BroadcastChannel("sign-in");
tabs.onmessage = () => void ask();

/** Asks the server who is signed in. */
export async function ask(): Promise<void> {
  identity.value = { is: "asking" };
  try {
    identity.value = { is: "signed-in", who: await api.get<SignedIn>("/auth/me") };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    identity.value = error.status === 401 ? { is: "signed-out", why: "never" } : { is: "unknown", error };
  }
}

/** @throws ApiError when the key is not taken. */
export async function signIn(apiKey: string): Promise<void> {
  identity.value = { is: "signed-in", who: await api.post<SignedIn>("/auth/sign-in", { apiKey }) };
  tabs.postMessage("signed in");
}

/** Adds the organisation of an API key to the sign-in, and turns to it. @throws ApiError when the key is not taken. */
export async function addOrganisation(apiKey: string): Promise<void> {
  // Not by the client of all pages: that a key is not known does not end the sign-in that there is.
  const known = await new ApiClient().post("/auth/sign-in", { apiKey, add: true }).then(
    () => true,
    (error: unknown) => {
      if (error instanceof ApiError && error.status === 401) return false;
      throw error;
    },
  );
  if (!known) throw new ApiError(401, "unauthorized", "This API key is not known, or it was revoked.");
  await turned();
}

/** Turns to another organisation of the sign-in. @throws ApiError when that cannot be. */
export async function turnTo(orgId: string): Promise<void> {
  await api.post("/auth/switch", { orgId });
  await turned();
}

/** What is shown belongs to the organisation before: all of it is asked for anew, in the other tabs as well. */
async function turned(): Promise<void> {
  tabs.postMessage("turned");
  navigate("/");
  await ask();
}

/** @throws ApiError when the server could not end it: the cookie still counts then. */
export async function signOut(): Promise<void> {
  await api.post("/auth/sign-out", {});
  identity.value = { is: "signed-out", why: "never" };
  tabs.postMessage("signed out");
  navigate("/sign-in");
}

/** The server no longer knows the sign-in: it expired, or what it stood for has gone. */
export function ended(): void {
  identity.value = { is: "signed-out", why: "ended" };
}

/** The page for signing in, which leads back here. */
export function toSignIn(): void {
  if (route.peek().page === "sign-in") return;
  const back = address.peek();
  navigate(back === "/" ? "/sign-in" : `/sign-in?next=${encodeURIComponent(back)}`, { replace: true });
}
