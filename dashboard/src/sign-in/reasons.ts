/** Why signing in with a provider failed, as the server names it in the address, in words. */
const WORDS: Record<string, string> = {
  oidc_off: "No identity provider is set up on this server. Sign in with an API key.",
  oidc_unreachable: "The identity provider does not answer as it should. Try again in a moment.",
  oidc_denied: "The identity provider did not sign you in.",
  oidc_state: "That took longer than ten minutes, was done already, or was begun in another browser. Try again.",
  oidc_token: "What the identity provider says of you could not be verified. Try again, or ask who runs this server.",
  oidc_issuer: "The answer came from another identity provider. Try again, or ask who runs this server.",
  oidc_audience: "The identity provider's answer was meant for another program. Ask who runs this server.",
  oidc_nonce: "The identity provider's answer belongs to another attempt. Try again.",
  oidc_expired: "The identity provider's answer is out of date. Try again, or ask who runs this server.",
  email_not_verified: "The identity provider does not vouch for your e-mail address. Verify it there, and try again.",
  not_a_member: "Nobody has made you a member of an organisation here. Ask for it, with the e-mail address that you sign in with.",
  insufficient_scope: "You are a member, but may not read. Ask for it in your organisation.",
  rate_limited: "There were too many tries from your address. Try again in a minute.",
  unavailable: "The server cannot do that for the moment. Try again.",
};

/** Never anything that somebody put into the address. */
export function inWords(reason: string): string {
  return Object.hasOwn(WORDS, reason) ? WORDS[reason]! : "Signing in did not work. Try again.";
}
