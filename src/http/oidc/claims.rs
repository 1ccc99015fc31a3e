//! What the provider says of who signed in: signed by one of its keys, for this server, for this attempt, and not too
//! long ago.

use jsonwebtoken::{Algorithm, Validation, decode, decode_header, errors::ErrorKind};
use serde_json::{Map, Value};

use crate::http::{
    error::{ApiError, Refusal},
    jwks::{Jwks, NoKeys},
    signatures::ACCEPTED,
};

/// Longer tokens are not looked at.
const MAX_TOKEN_BYTES: usize = 64 * 1024;

/// How far the provider's clock may be off.
const LEEWAY_S: u64 = 30;

/// What a token says.
pub(super) type Claims = Map<String, Value>;

/// What a token has to say.
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) nonce: &'a str,
}

/// The claims of an ID token, all of them checked.
///
/// # Errors
/// 403, by what is wrong with it; 502 when there are no keys to check it with.
pub(super) async fn checked(token: &str, jwks: &Jwks, expected: &Expected<'_>) -> Result<Claims, ApiError> {
    let broken = |cause: &str| ApiError::caused(Refusal::OidcToken, cause);
    if token.len() > MAX_TOKEN_BYTES {
        return Err(broken("too long"));
    }
    let header = decode_header(token).map_err(|_| broken("no token"))?;
    // Members that must be understood: none are.
    if header.crit.is_some() || !ACCEPTED.contains(&header.alg) {
        return Err(broken("signed in a way that is not accepted"));
    }
    let kid = header.kid.ok_or_else(|| broken("no kid"))?;
    let no_keys = |NoKeys| ApiError::caused(Refusal::OidcUnreachable, "no keys to check an ID token with");
    let key = jwks.key(&kid).await.map_err(no_keys)?;
    let key = key.filter(|key| key.algorithm == header.alg).ok_or_else(|| broken("no such key"))?;
    let claims = decode::<Claims>(token, &key.key, &validation(header.alg, expected)).map_err(|error| {
        let refusal = match error.kind() {
            ErrorKind::ExpiredSignature | ErrorKind::ImmatureSignature => Refusal::OidcExpired,
            ErrorKind::InvalidIssuer => Refusal::OidcIssuer,
            ErrorKind::InvalidAudience => Refusal::OidcAudience,
            _ => Refusal::OidcToken,
        };
        ApiError::caused(refusal, error)
    })?;
    meant(claims.claims, expected)
}

fn validation(algorithm: Algorithm, expected: &Expected<'_>) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.set_issuer(&[expected.issuer]);
    validation.set_audience(&[expected.client_id]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation.validate_nbf = true;
    validation.leeway = LEEWAY_S;
    validation
}

/// A token for several has to name the one that asked for it, and every token the attempt that it was asked for with.
fn meant(claims: Claims, expected: &Expected<'_>) -> Result<Claims, ApiError> {
    let party = claims.get("azp").map(|party| party.as_str() == Some(expected.client_id));
    let is_for_several = claims.get("aud").and_then(Value::as_array).is_some_and(|audience| audience.len() > 1);
    if !party.unwrap_or(!is_for_several) {
        return Err(Refusal::OidcAudience.into());
    }
    if claims.get("nonce").and_then(Value::as_str) != Some(expected.nonce) {
        return Err(Refusal::OidcNonce.into());
    }
    Ok(claims)
}

/// The subject: who that is to the provider.
pub(super) fn subject(claims: &Claims) -> Option<&str> {
    claims.get("sub")?.as_str().filter(|subject| !subject.is_empty())
}

/// The address, if the provider vouches for it. Some providers write `true` as a text.
pub(super) fn verified_email(claims: &Claims) -> Option<&str> {
    let is_verified = match claims.get("email_verified")? {
        Value::Bool(is_verified) => *is_verified,
        Value::String(text) => text == "true",
        _ => false,
    };
    let email = claims.get("email")?.as_str()?.trim();
    (is_verified && (1..=254).contains(&email.len())).then_some(email)
}

/// Whether the claims say nothing of an address, or not whether the provider vouches for it.
pub(super) fn lack_email(claims: &Claims) -> bool {
    !claims.contains_key("email") || !claims.contains_key("email_verified")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(claims: Value) -> Claims {
        claims.as_object().unwrap().clone()
    }

    #[test]
    fn an_address_counts_when_the_provider_vouches_for_it() {
        let of = |value: Value| verified_email(&claims(value)).map(str::to_owned);
        assert_eq!(of(json!({"email": " a@b.c ", "email_verified": true})).as_deref(), Some("a@b.c"));
        assert_eq!(of(json!({"email": "a@b.c", "email_verified": "true"})).as_deref(), Some("a@b.c"));
        for odd in [json!(false), json!("false"), json!(1), json!(null), json!("True ")] {
            assert_eq!(of(json!({"email": "a@b.c", "email_verified": odd})), None);
        }
        assert_eq!(of(json!({"email": "a@b.c"})), None);
        assert_eq!(of(json!({"email": "", "email_verified": true})), None);
        assert_eq!(of(json!({"email": ["a@b.c"], "email_verified": true})), None);
    }

    #[test]
    fn a_token_for_several_names_the_one_that_asked() {
        let expected = Expected { issuer: "i", client_id: "us", nonce: "n" };
        let refusal = |mut value: Value| {
            value["nonce"] = json!("n");
            meant(claims(value), &expected).err().map(|error| error.refusal())
        };
        assert_eq!(refusal(json!({"aud": "us"})), None);
        assert_eq!(refusal(json!({"aud": ["us"]})), None);
        assert_eq!(refusal(json!({"aud": ["us", "them"], "azp": "us"})), None);
        assert_eq!(refusal(json!({"aud": ["us", "them"]})), Some(Refusal::OidcAudience));
        assert_eq!(refusal(json!({"aud": "us", "azp": "them"})), Some(Refusal::OidcAudience));
        assert_eq!(meant(claims(json!({"aud": "us"})), &expected).unwrap_err().refusal(), Refusal::OidcNonce);
    }
}
