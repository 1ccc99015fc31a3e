//! Which headers go through: all but those that belong to a connection, to credentials, to browsers, and to whoever is
//! on the other side of the proxy.

use actix_web::http::header as client;
use reqwest::header as provider;

/// They belong to a connection, or say how a body is sent: both are made anew.
const OF_A_CONNECTION: &[&str] = &[
    "connection",
    "content-length",
    "expect",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// They say who asks, and from where. `content-encoding` goes since bodies are unpacked here, `accept-encoding` since the
/// answer has to be read; organisation and project are those of the key.
const OF_THE_CLIENT: &[&str] = &[
    "accept-encoding",
    "authorization",
    "api-key",
    "content-encoding",
    "cookie",
    "forwarded",
    "host",
    "openai-organization",
    "openai-project",
    "origin",
    "referer",
    "via",
    "x-api-key",
    "x-real-ip",
];

const BEGINNINGS_OF_THE_CLIENT: &[&str] = &["sec-", "x-forwarded-", "x-promptster-"];

/// They would be taken for this server's, or name the operator's account.
const OF_THE_PROVIDER: &[&str] = &[
    "alt-svc",
    "anthropic-organization-id",
    "openai-organization",
    "openai-project",
    "set-cookie",
    "set-cookie2",
    "strict-transport-security",
    "vary",
    "x-request-id",
];

const BEGINNINGS_OF_THE_PROVIDER: &[&str] = &["access-control-"];

/// The headers of a request that the provider gets. None has a credential of the client in it.
pub(super) fn to_provider(headers: &client::HeaderMap, credentials: &[String]) -> provider::HeaderMap {
    let named: Vec<String> = headers.get_all(client::CONNECTION).flat_map(|value| names_in(value.as_bytes())).collect();
    let mut passed = provider::HeaderMap::new();
    for (name, value) in headers {
        let is_dropped = is_dropped(name.as_str(), &named, OF_THE_CLIENT, BEGINNINGS_OF_THE_CLIENT);
        let tells = credentials.iter().any(|credential| contains(value.as_bytes(), credential.as_bytes()));
        let pair = (provider::HeaderName::try_from(name.as_str()), provider::HeaderValue::from_bytes(value.as_bytes()));
        if let (false, false, (Ok(name), Ok(value))) = (is_dropped, tells, pair) {
            passed.append(name, value);
        }
    }
    passed.insert(provider::ACCEPT_ENCODING, provider::HeaderValue::from_static("identity"));
    passed
}

/// The headers of an answer that the client gets. None has the operator's key in it.
pub(super) fn to_client(
    headers: &provider::HeaderMap,
    key: &str,
) -> impl Iterator<Item = (client::HeaderName, client::HeaderValue)> {
    let values = headers.get_all(provider::CONNECTION).iter();
    let named: Vec<String> = values.flat_map(|value| names_in(value.as_bytes())).collect();
    headers.iter().filter_map(move |(name, value)| {
        let is_dropped = is_dropped(name.as_str(), &named, OF_THE_PROVIDER, BEGINNINGS_OF_THE_PROVIDER);
        let pair = (client::HeaderName::try_from(name.as_str()).ok()?, value.as_bytes());
        let is_fine = !is_dropped && !contains(pair.1, key.as_bytes());
        is_fine.then(|| Some((pair.0, client::HeaderValue::from_bytes(pair.1).ok()?))).flatten()
    })
}

fn is_dropped(name: &str, named: &[String], list: &[&str], beginnings: &[&str]) -> bool {
    OF_A_CONNECTION.contains(&name)
        || list.contains(&name)
        || beginnings.iter().any(|beginning| name.starts_with(beginning))
        || named.iter().any(|known| known == name)
}

/// The headers that a `Connection` header names.
fn names_in(value: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(value).to_ascii_lowercase();
    text.split(',').map(|name| name.trim().to_owned()).collect()
}

fn contains(value: &[u8], secret: &[u8]) -> bool {
    !secret.is_empty() && value.windows(secret.len()).any(|part| part == secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_the_client_or_its_connection_stays_here() {
        let mut headers = client::HeaderMap::new();
        for (name, value) in [
            ("anthropic-version", "2023-06-01"),
            ("anthropic-beta", "a"),
            ("anthropic-beta", "b"),
            ("accept-encoding", "gzip"),
            ("authorization", "Bearer hush"),
            ("x-api-key", "hush"),
            ("x-other", "has hush in it"),
            ("cookie", "a=b"),
            ("connection", "close, X-Hop"),
            ("x-hop", "1"),
            ("x-forwarded-for", "192.0.2.1"),
            ("host", "here"),
            ("content-type", "application/json"),
        ] {
            headers.append(name.parse().unwrap(), value.parse().unwrap());
        }
        let passed = to_provider(&headers, &["hush".to_owned()]);
        let mut shown: Vec<String> =
            passed.iter().map(|(name, value)| format!("{name}={}", value.to_str().unwrap())).collect();
        shown.sort();
        let expected = ["accept-encoding=identity", "anthropic-beta=a", "anthropic-beta=b"];
        assert_eq!(shown, [&expected[..], &["anthropic-version=2023-06-01", "content-type=application/json"]].concat());
    }

    #[test]
    fn what_belongs_to_the_provider_stays_there() {
        let mut headers = provider::HeaderMap::new();
        for (name, value) in [
            ("content-type", "text/event-stream"),
            ("request-id", "req_1"),
            ("retry-after", "3"),
            ("set-cookie", "a=b"),
            ("transfer-encoding", "chunked"),
            ("x-echo", "the hush key"),
        ] {
            headers.append(name, value.parse().unwrap());
        }
        let mut passed: Vec<String> = to_client(&headers, "hush").map(|(name, _)| name.to_string()).collect();
        passed.sort();
        assert_eq!(passed, ["content-type", "request-id", "retry-after"]);
    }
}
