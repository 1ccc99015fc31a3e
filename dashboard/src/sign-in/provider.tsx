import { api } from "../app/identity";
import { useResource } from "../app/resource";
import { Plain } from "../text/plain-text";

interface Methods {
  oidc: { name: string; begin: string } | null;
}

/** Leads to the identity provider, where the server knows one. Without an answer there is the API key. */
export function ProviderButton({ next }: { next: string }) {
  const { state } = useResource((signal) => api.get<Methods>("/auth/methods", {}, signal));
  const oidc = state.is === "here" ? state.value.oidc : null;
  if (!oidc) return null;
  return (
    <>
      <a class="button primary" href={beginAt(oidc.begin, next)}>
        Sign in with <Plain text={oidc.name} />
      </a>
      <p class="hint">Or with an API key:</p>
    </>
  );
}

/** Where signing in begins that comes to an end at `next`. */
export function beginAt(begin: string, next: string): string {
  return next === "/" ? begin : `${begin}?next=${encodeURIComponent(next)}`;
}
