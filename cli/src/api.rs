//! The few HTTP calls that come before the stream: consent and redeem.

use chrono::{DateTime, Utc};
use reqwest::{Client, Response, StatusCode, Url};
use serde::Deserialize;
use serde_json::json;
use std::error::Error;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(15);
/// How long an upload may take.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(300);

/// A server and the key with which a candidate talks to it.
#[derive(Debug)]
pub(crate) struct Api {
    client: Client,
    base: Url,
    key: String,
}

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// The address is not one of a server.
    #[error("{0:?} is not the address of a server: it must begin with http:// or https://")]
    Address(String),
    /// The client could not be built; the certificates of the system may be missing.
    #[error("the HTTP client cannot start: {0}")]
    Client(String),
    /// The server cannot be reached.
    #[error("{base} cannot be reached: {reason}")]
    Unreachable { base: Url, reason: String },
    /// The server said no.
    #[error("{call}: {message}")]
    Refused { call: &'static str, message: String },
}

/// What a candidate is told and asked.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Consent {
    /// The candidate has agreed before.
    #[serde(default)]
    pub(crate) already_confirmed: bool,
    /// The text.
    #[serde(default)]
    pub(crate) disclosure: Option<Disclosure>,
    /// Names the exact text that was agreed to.
    #[serde(default)]
    pub(crate) disclosure_hash: Option<String>,
}

/// What is captured, and what for.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Disclosure {
    /// The version of the text.
    pub(crate) version: serde_json::Value,
    /// What is captured.
    pub(crate) captures: Vec<String>,
    /// What is not.
    pub(crate) does_not_capture: Vec<String>,
    /// What is looked at.
    pub(crate) evaluated: Vec<String>,
    /// What it is used for.
    pub(crate) data_use: Vec<String>,
    /// The terms.
    pub(crate) tos_url: Option<String>,
}

/// The session that a key opens.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Redeemed {
    /// The session's id.
    pub(crate) session_id: String,
    /// The credential for everything that follows.
    pub(crate) session_token: String,
    /// The title of the assessment.
    #[serde(default)]
    pub(crate) assessment_title: Option<String>,
    /// The task, as Markdown.
    #[serde(default)]
    pub(crate) task_brief: Option<String>,
    /// The repository to start from.
    #[serde(default)]
    pub(crate) repo_url: Option<String>,
    /// Its commit.
    #[serde(default)]
    pub(crate) repo_commit: Option<String>,
    /// The folder of the task in it.
    #[serde(default)]
    pub(crate) repo_subdir: Option<String>,
    /// What to do before the work begins.
    #[serde(default)]
    pub(crate) setup_instructions: Option<String>,
    /// How long the candidate has; 0 and nothing are without a limit.
    #[serde(default)]
    pub(crate) time_limit_minutes: Option<u64>,
    /// When the server stops taking events.
    #[serde(default)]
    pub(crate) expires_at: Option<String>,
}

impl Api {
    /// Takes the server's address as a person types it.
    pub(crate) fn new(server: &str, key: &str) -> Result<Self, ApiError> {
        let address = || ApiError::Address(server.to_owned());
        let base = Url::parse(server.trim().trim_end_matches('/')).map_err(|_| address())?;
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() {
            return Err(address());
        }
        let agent = concat!("promptster-cli/", env!("CARGO_PKG_VERSION"));
        let client = Client::builder().timeout(TIMEOUT).user_agent(agent).build();
        let client = client.map_err(|error| ApiError::Client(causes(&error)))?;
        Ok(Self { client, base, key: key.to_owned() })
    }

    /// An address of the server.
    pub(crate) fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        url
    }

    /// The address of the stream.
    pub(crate) fn stream_url(&self) -> String {
        self.socket_url("/v1/stream")
    }

    /// The address of a WebSocket.
    pub(crate) fn socket_url(&self, path: &str) -> String {
        let url = self.url(path).to_string();
        // `http` becomes `ws`, and so `https` becomes `wss`.
        format!("ws{}", url.strip_prefix("http").unwrap_or(&url))
    }

    /// Asks with an API key of the organisation; the status and the body.
    pub(crate) async fn get_as_reviewer(&self, key: &str, path: &str) -> Result<(u16, Vec<u8>), ApiError> {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let mut url = self.url(path);
        url.set_query(Some(query).filter(|query| !query.is_empty()));
        self.answered(self.client.get(url).bearer_auth(key).send().await).await
    }

    /// Asks for the disclosure.
    pub(crate) async fn consent(&self) -> Result<Consent, ApiError> {
        let mut url = self.url("/v1/candidate/consent");
        url.query_pairs_mut().append_pair("key", &self.key);
        let answer = self.client.get(url).send().await;
        self.read("asking for the disclosure", answer).await
    }

    /// Records that the candidate agrees.
    pub(crate) async fn confirm(&self, hash: Option<&str>) -> Result<(), ApiError> {
        let url = self.url("/v1/candidate/consent");
        let body = json!({ "key": self.key, "disclosureHash": hash });
        let answer = self.client.post(url).json(&body).send().await;
        self.read::<serde_json::Value>("recording the consent", answer).await.map(drop)
    }

    /// Opens the key's session.
    ///
    /// `public_key` is what its events will be signed with, in base64.
    pub(crate) async fn redeem(&self, public_key: Option<&str>) -> Result<Redeemed, ApiError> {
        let mut body = json!({ "key": self.key });
        if let (Some(body), Some(public_key)) = (body.as_object_mut(), public_key) {
            body.insert("signingPubKey".into(), public_key.into());
        }
        let answer = self.client.post(self.url("/v1/candidate/redeem")).json(&body).send().await;
        self.read("redeeming the key", answer).await
    }

    /// Posts with a credential; the status and the body.
    pub(crate) async fn post(
        &self,
        credential: &str,
        path: &str,
        body: &impl serde::Serialize,
    ) -> Result<(u16, Vec<u8>), ApiError> {
        let request = self.client.post(self.url(path)).header("x-api-key", credential).json(body);
        self.answered(request.send().await).await
    }

    /// Asks how the server is: the status, and the time that it has.
    pub(crate) async fn health(&self) -> Result<(u16, Option<DateTime<Utc>>), ApiError> {
        let answer = self.client.get(self.url("/v1/health")).send().await.map_err(|error| self.unreachable(error))?;
        let date = answer.headers().get("date").and_then(|date| DateTime::parse_from_rfc2822(date.to_str().ok()?).ok());
        Ok((answer.status().as_u16(), date.map(|date| date.to_utc())))
    }

    fn unreachable(&self, error: reqwest::Error) -> ApiError {
        ApiError::Unreachable { base: self.base.clone(), reason: causes(&error.without_url()) }
    }

    /// Asks with a credential; the status and the body.
    pub(crate) async fn get(&self, credential: &str, path: &str) -> Result<(u16, Vec<u8>), ApiError> {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let mut url = self.url(path);
        url.set_query(Some(query).filter(|query| !query.is_empty()));
        self.answered(self.client.get(url).header("x-api-key", credential).send().await).await
    }

    /// Puts a bundle at an address that the server gave, which is a credential in itself.
    pub(crate) async fn put(&self, url: &str, bytes: Vec<u8>) -> Result<(u16, Vec<u8>), ApiError> {
        let request = self.client.put(url).timeout(UPLOAD_TIMEOUT).header("content-type", "application/gzip");
        self.answered(request.body(bytes).send().await).await
    }

    async fn answered(&self, answer: Result<Response, reqwest::Error>) -> Result<(u16, Vec<u8>), ApiError> {
        let unreachable = |error| self.unreachable(error);
        let answer = answer.map_err(unreachable)?;
        let status = answer.status().as_u16();
        Ok((status, answer.bytes().await.map_err(unreachable)?.to_vec()))
    }

    async fn read<T: serde::de::DeserializeOwned>(
        &self,
        call: &'static str,
        answer: Result<Response, reqwest::Error>,
    ) -> Result<T, ApiError> {
        let unreachable = |error| self.unreachable(error);
        let answer = answer.map_err(unreachable)?;
        let status = answer.status();
        let body = answer.bytes().await.map_err(unreachable)?;
        if status != StatusCode::OK {
            return Err(ApiError::Refused { call, message: refusal(status, &body) });
        }
        serde_json::from_slice(&body)
            .map_err(|error| ApiError::Refused { call, message: format!("the answer makes no sense: {error}") })
    }
}

/// What a refusal says to a person.
fn refusal(status: StatusCode, body: &[u8]) -> String {
    let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let word = |name: &str| body.get(name).and_then(serde_json::Value::as_str);
    let told =
        word("error").map_or_else(|| format!("HTTP {status}"), |told| format!("{told} (HTTP {})", status.as_u16()));
    match word("code") {
        Some("already_completed") => format!("{told}. A session that is closed takes no more events; use a new key"),
        Some("disclosure_outdated") => format!("{told}. Run the command again to see the new text"),
        _ => told,
    }
}

/// An error with what caused it: the outer ones alone say little.
fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::Api;

    fn urls(server: &str) -> Option<(String, String)> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let api = Api::new(server, "PST-AAAA-BBBB").ok()?;
        Some((api.url("/v1/health").to_string(), api.stream_url()))
    }

    #[test]
    fn an_address_is_taken_as_people_type_it() {
        let pair = |http: &str, ws: &str| Some((http.to_owned(), ws.to_owned()));
        assert_eq!(
            urls("http://localhost:8080/"),
            pair("http://localhost:8080/v1/health", "ws://localhost:8080/v1/stream")
        );
        assert_eq!(urls("https://a.example/x"), pair("https://a.example/x/v1/health", "wss://a.example/x/v1/stream"));
        assert_eq!(["localhost:8080", "ftp://a", "", "ws://a"].map(urls), [None, None, None, None]);
    }
}
