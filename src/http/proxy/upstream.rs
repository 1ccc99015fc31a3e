//! A provider, asked with the operator's key.

use std::{error::Error, time::Duration};

use actix_web::{HttpRequest, http::Method};
use anyhow::ensure;
use bytes::Bytes;
use domain::model::Provider;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use url::Url;

use crate::{
    config::Secret,
    http::error::{ApiError, Refusal},
    settings::UpstreamSettings,
};

/// How long a connection to a provider may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// A provider that can be asked.
#[derive(Debug)]
pub(super) struct Upstream {
    provider: Provider,
    /// Without a slash at the end.
    base: String,
    key: Secret,
    /// What the key is sent as.
    credential: (HeaderName, HeaderValue),
    client: reqwest::Client,
}

impl Upstream {
    /// The provider, if there is a key for it; it may say nothing for so long, before its answer and within it.
    ///
    /// # Errors
    /// When the file of the key cannot be read, or the key can be no header.
    pub(super) fn new(
        provider: Provider,
        settings: &UpstreamSettings,
        silent_for: Duration,
    ) -> anyhow::Result<Option<Self>> {
        let key = match (&settings.key, &settings.key_file) {
            (Some(key), _) => key.clone(),
            (None, None) => return Ok(None),
            (None, Some(path)) => Secret::word_in_file(path)?,
        };
        ensure!(!key.expose().trim().is_empty(), "the key of {} is empty", provider.as_str());
        let (name, value) = match provider {
            Provider::Anthropic => (HeaderName::from_static("x-api-key"), key.expose().to_owned()),
            Provider::Openai => (AUTHORIZATION, format!("Bearer {}", key.expose())),
        };
        let mut value = HeaderValue::try_from(value)
            .map_err(|_| anyhow::anyhow!("the key of {} has characters that no key has", provider.as_str()))?;
        value.set_sensitive(true);
        // An error means that one is there already.
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT_WITHIN)
            .read_timeout(silent_for)
            // A key goes where the operator said, nowhere else.
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Some(Self { provider, base: settings.url.clone(), key, credential: (name, value), client }))
    }

    /// The operator's key, to keep it from getting out.
    pub(super) fn key(&self) -> &str {
        self.key.expose()
    }

    /// Where a request goes.
    ///
    /// # Errors
    /// 404 for a path that leads out of the provider's.
    pub(super) fn url(&self, request: &HttpRequest) -> Result<Url, ApiError> {
        let prefix = format!("/v1/proxy/{}/", self.provider.as_str());
        let tail = request.uri().path().strip_prefix(&prefix).ok_or(Refusal::NotFound)?;
        self.address(tail, request.uri().query()).ok_or_else(|| Refusal::NotFound.into())
    }

    fn address(&self, tail: &str, query: Option<&str>) -> Option<Url> {
        let plain = tail.to_ascii_lowercase().replace("%2e", ".").replace("%2f", "/").replace("%5c", "\\");
        let leads_out = plain.split(['/', '\\']).any(|part| part == "." || part == "..");
        if tail.is_empty() || leads_out || plain.contains(['\\', '#', '?']) {
            return None;
        }
        let mut url = Url::parse(&format!("{}/{tail}", self.base)).ok()?;
        url.set_query(query);
        url.as_str().starts_with(&self.base).then_some(url)
    }

    /// The answer of the provider, as soon as it begins.
    ///
    /// # Errors
    /// 502 when it cannot be reached or says nothing.
    pub(super) async fn ask(
        &self,
        method: &Method,
        url: Url,
        mut headers: HeaderMap,
        body: Bytes,
    ) -> Result<reqwest::Response, ApiError> {
        let method = reqwest::Method::from_bytes(method.as_str().as_bytes()).map_err(ApiError::internal)?;
        headers.insert(self.credential.0.clone(), self.credential.1.clone());
        let request = self.client.request(method, url).headers(headers);
        let request = if body.is_empty() { request } else { request.body(body) };
        request.send().await.map_err(|error| {
            // Without its address, whose query is the candidate's.
            let error = error.without_url();
            let cause = error.source().map(ToString::to_string).unwrap_or_default();
            tracing::warn!(provider = self.provider.as_str(), %error, cause, "a provider does not answer");
            Refusal::ProviderUnreachable.into()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upstream(url: &str) -> Upstream {
        let key = Some(Secret::new("sk-hush"));
        let settings = UpstreamSettings { url: url.to_owned(), key, key_file: None };
        Upstream::new(Provider::Openai, &settings, Duration::MAX).unwrap().unwrap()
    }

    #[test]
    fn paths_stay_below_the_address_of_the_provider() {
        let upstream = upstream("https://gate.example.org/openai");
        let address = |tail: &str, query| upstream.address(tail, query).map(String::from);
        let of = |tail: &str| address(tail, None);
        assert_eq!(of("v1/responses").unwrap(), "https://gate.example.org/openai/v1/responses");
        assert_eq!(address("v1/a%20b", Some("x=1%2F..")).unwrap(), "https://gate.example.org/openai/v1/a%20b?x=1%2F..");
        for bad in ["", "..", "v1/../../x", "%2e%2e/x", ".%2E/x", "a/%2e./b", "a%2f..%2fb", "..\\x", "%5c..", "v1/./a"]
        {
            assert_eq!(of(bad), None, "{bad}");
        }
        assert!(of("v1/a..b/.well-known").is_some());
    }

    #[test]
    fn the_key_is_not_printed_and_has_to_be_one() {
        assert!(!format!("{:?}", upstream("https://a")).contains("sk-hush"));
        let of = |key: &str| {
            let key = Some(Secret::new(key));
            let settings = UpstreamSettings { url: "https://a".to_owned(), key, key_file: None };
            Upstream::new(Provider::Anthropic, &settings, Duration::MAX)
        };
        let refused = format!("{:#}", of("sk\nhush").unwrap_err());
        assert!(!refused.contains("hush"), "{refused}");
        assert!(of(" ").is_err());
    }
}
