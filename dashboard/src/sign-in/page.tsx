import { useEffect, useState } from "preact/hooks";
import { ApiError } from "../api/client";
import { identity, signIn } from "../app/identity";
import { navigate, query, safeNext } from "../app/router";
import { ProviderButton } from "./provider";
import { inWords } from "./reasons";

/** Where an API key becomes a sign-in. The key goes to the server once and is kept nowhere. */
export function SignInPage() {
  const [key, setKey] = useState("");
  const [error, setError] = useState<string | null>(null);
  const [isSending, setIsSending] = useState(false);
  const now = identity.value;
  const next = safeNext(query.value.get("next"));
  useEffect(() => {
    if (now.is === "signed-in") navigate(next, { replace: true });
  }, [now.is]);

  const submit = async (event: Event) => {
    event.preventDefault();
    if (key.trim() === "") return setError("Paste an API key.");
    setIsSending(true);
    setError(null);
    try {
      await signIn(key.trim());
    } catch (failure) {
      if (!(failure instanceof ApiError)) throw failure;
      setError(failure.status === 401 ? "This API key is not known, or it was revoked." : failure.message);
    } finally {
      setIsSending(false);
    }
  };

  return (
    <form class="sign-in card" onSubmit={(event) => void submit(event)}>
      <h1>Sign in</h1>
      {now.is === "signed-out" && now.why === "ended" && (
        <p class="note" role="status">
          Your sign-in has ended: it expired, or its API key was revoked, or you were removed as a member.
        </p>
      )}
      {query.value.get("reason") && (
        <p class="field-error" role="alert">
          {inWords(query.value.get("reason")!)}
        </p>
      )}
      <ProviderButton next={next} />
      <label>
        API key
        <input
          type="password"
          name="api-key"
          autocomplete="current-password"
          spellcheck={false}
          placeholder="psk_live_…"
          value={key}
          aria-invalid={error !== null}
          aria-describedby={error ? "sign-in-error" : "sign-in-hint"}
          onInput={(event) => setKey(event.currentTarget.value)}
        />
      </label>
      {error && (
        <p id="sign-in-error" class="field-error" role="alert">
          {error}
        </p>
      )}
      <button class="button primary" type="submit" disabled={isSending}>
        {isSending ? "Signing in…" : "Sign in"}
      </button>
      <p id="sign-in-hint" class="hint">
        <code>make run</code> prints one; <code>promptster-server org new-key</code> makes another. What the key may do, you may do
        here.
      </p>
    </form>
  );
}
