//! A language model behind the HTTP interface of OpenAI's chat completions, which many servers speak, such as one on the
//! operator's own machines. Invariants, stated as absences:
//! - No question goes anywhere but to the operator's address: redirects are not followed.
//! - No key is logged, and none comes back in an answer.
//! - No answer is waited for or read without a limit.

mod completion;

use std::time::Duration;

use actors::{Judge, NoAnswer};
use anyhow::Context;
use bytes::Bytes;
use domain::artifacts::prompt_analysis::Question;
use futures_util::future::BoxFuture;
use reqwest::{
    StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER},
};
use serde_json::json;
use url::Url;

use crate::{config::Secret, settings::JudgeSettings};

/// How long a connection may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// The largest answer that is read: forty prompts with notes, and all that servers put around them, are a tenth of it.
const MAX_ANSWER: usize = 256 * 1024;

/// How long it is waited before a model that is busy or fails is asked again.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(4)];

/// The longest that is waited because a model says so; of one that wants more, the question is given up.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A model that can be asked.
#[derive(Debug)]
pub struct ChatJudge {
    url: Url,
    model: String,
    key: Option<Secret>,
    /// What the key is sent as.
    headers: HeaderMap,
    /// How long one try may take in all.
    timeout: Duration,
    client: reqwest::Client,
}

/// A try that came to nothing.
struct Failure {
    why: NoAnswer,
    /// Whether the next one may go better.
    passes: bool,
    /// When that may be, if the model says so.
    not_before: Option<Duration>,
}

impl From<NoAnswer> for Failure {
    fn from(why: NoAnswer) -> Self {
        Self { why, passes: false, not_before: None }
    }
}

impl ChatJudge {
    /// The model that the operator chose; nothing is connected yet.
    ///
    /// # Errors
    /// When the key can be no header, or no client can be made.
    pub fn new(settings: &JudgeSettings) -> anyhow::Result<Self> {
        let mut headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        if let Some(key) = &settings.key {
            let value = HeaderValue::try_from(format!("Bearer {}", key.expose()));
            let mut value = value.map_err(|_| anyhow::anyhow!("--judge-key-file has characters that no key has"))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let url = Url::parse(&format!("{}/chat/completions", settings.url)).context("--judge-url")?;
        // An error means that a provider is there already.
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT_WITHIN)
            .redirect(reqwest::redirect::Policy::none())
            // A connection belongs to the thread that made it, and threads end.
            .pool_max_idle_per_host(0)
            .user_agent(concat!("Promptster/", env!("CARGO_PKG_VERSION")))
            .build()?;
        let (model, key, timeout) = (settings.model.clone(), settings.key.clone(), settings.timeout);
        Ok(Self { url, model, key, headers, timeout, client })
    }

    async fn ask_patiently(&self, question: &Question) -> Result<String, NoAnswer> {
        let body = Bytes::from(self.body(question));
        let mut pauses = PAUSES.iter();
        loop {
            let tried = tokio::time::timeout(self.timeout, self.ask_once(body.clone())).await;
            let failure = match tried.unwrap_or_else(|_| Err(NoAnswer::Slow.into())) {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let pause =
                pauses.next().filter(|_| failure.passes).map(|pause| failure.not_before.unwrap_or(*pause).max(*pause));
            match pause {
                Some(pause) if pause <= LONGEST_PAUSE => tokio::time::sleep(pause).await,
                _ => return Err(failure.why),
            }
        }
    }

    fn body(&self, question: &Question) -> String {
        let messages = json!([
            { "role": "system", "content": question.system() },
            { "role": "user", "content": question.user() },
        ]);
        let format = json!({ "type": "json_object" });
        json!({ "model": self.model, "messages": messages, "temperature": 0, "response_format": format }).to_string()
    }

    async fn ask_once(&self, body: Bytes) -> Result<String, Failure> {
        let unreachable = |error: reqwest::Error| {
            tracing::debug!(error = ?error.without_url(), "the judge cannot be reached");
            NoAnswer::Unreachable
        };
        let request = self.client.post(self.url.clone()).headers(self.headers.clone()).body(body);
        let mut answer = request.send().await.map_err(unreachable)?;
        if !answer.status().is_success() {
            return Err(refused(answer.status(), answer.headers()));
        }
        let mut text = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(unreachable)? {
            text.extend_from_slice(&chunk);
            if text.len() > MAX_ANSWER {
                return Err(NoAnswer::TooLarge.into());
            }
        }
        let said = completion::text_of(&text).ok_or(NoAnswer::Unreadable)?;
        // What a model says is shown to reviewers, so a server that repeats what it was sent has said too much.
        let tells_key = self.key.as_ref().is_some_and(|key| said.contains(key.expose()));
        if tells_key { Err(NoAnswer::Unreadable.into()) } else { Ok(said) }
    }
}

impl Judge for ChatJudge {
    fn model(&self) -> &str {
        &self.model
    }

    fn ask<'a>(&'a self, question: &'a Question) -> BoxFuture<'a, Result<String, NoAnswer>> {
        Box::pin(self.ask_patiently(question))
    }
}

/// What a status other than success means.
fn refused(status: StatusCode, headers: &HeaderMap) -> Failure {
    let passes = status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error();
    let why = match status {
        StatusCode::TOO_MANY_REQUESTS => NoAnswer::Busy,
        _ if passes => NoAnswer::Failed(status.as_u16()),
        _ => NoAnswer::Refused(status.as_u16()),
    };
    let seconds = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    Failure { why, passes, not_before: seconds.map(Duration::from_secs) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(key: Option<&str>) -> JudgeSettings {
        let url = "https://models.example.org/v1".to_owned();
        let key = key.map(Secret::new);
        JudgeSettings { url, model: "wren-1".to_owned(), key, timeout: Duration::from_secs(1) }
    }

    #[test]
    fn the_key_is_not_printed_and_has_to_be_one() {
        let judge = ChatJudge::new(&settings(Some("sk-hush"))).unwrap();
        assert!(!format!("{judge:?}").contains("hush"));
        assert_eq!(judge.url.as_str(), "https://models.example.org/v1/chat/completions");
        let refused = format!("{:#}", ChatJudge::new(&settings(Some("sk\nhush"))).unwrap_err());
        assert!(refused.contains("--judge-key-file") && !refused.contains("hush"), "{refused}");
        assert!(!ChatJudge::new(&settings(None)).unwrap().headers.contains_key(AUTHORIZATION));
    }

    #[test]
    fn what_passes_is_told_from_what_does_not() {
        let of = |status: u16, after: &'static str| {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(after))]);
            let Failure { why, passes, not_before } = refused(StatusCode::from_u16(status).unwrap(), &headers);
            (why, passes, not_before.map(|pause| pause.as_secs()))
        };
        assert_eq!(of(429, "7"), (NoAnswer::Busy, true, Some(7)));
        assert_eq!(of(503, "x"), (NoAnswer::Failed(503), true, None));
        assert_eq!(of(401, "7"), (NoAnswer::Refused(401), false, Some(7)));
        assert_eq!(of(302, "-1"), (NoAnswer::Refused(302), false, None));
    }
}
