//! What the edge needs to be told, with the defaults of the contract. Where the values come from is not its business.

use std::{net::IpAddr, num::NonZeroU32, path::PathBuf, str::FromStr, time::Duration};

use url::Url;

use crate::{config::Secret, mail::MailSettings, uploads::UploadSettings, webhooks::WebhookSettings};

/// What the operator may choose about the edge.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How clients reach this server, without a trailing slash: for links, and the origin that browsers may have.
    pub public_url: String,
    /// Other origins that browsers may connect from, e.g. `https://dash.example.org`.
    pub allowed_origins: Vec<String>,
    /// Whose tokens programs may send instead of API keys; `None`: nobody's.
    pub jwt: Option<JwtSettings>,
    /// Who signs members in to the dashboard; `None`: nobody, API keys only.
    pub oidc: Option<OidcSettings>,
    /// The client's address is the last one of `X-Forwarded-For`: only behind a proxy that sets it.
    pub trust_forwarded_for: bool,
    /// Connections per worker.
    pub max_connections: usize,
    /// How many connections and sockets anybody may have open.
    pub caps: Caps,
    /// Bytes of events that may be on their way at once.
    pub max_in_flight_bytes: usize,
    /// How long requests in flight have when the server stops.
    pub shutdown_timeout: Duration,
    /// How often it is compared whether ClickHouse has what the streams of Redis hold.
    pub reconcile_every: Duration,
    /// How large a body may be.
    pub bodies: BodyLimits,
    /// How often clients may ask.
    pub rates: RateLimits,
    /// `redeem` needs confirmed consent.
    pub require_consent: bool,
    /// So does the first event on a key that was never redeemed.
    pub require_consent_for_ingest: bool,
    /// Events of kinds without rules of their own are refused.
    pub strict_kinds: bool,
    /// How long after its deadline a session is closed.
    pub close_grace: Duration,
    /// How long after the end of a session its events are still taken.
    pub end_grace: Duration,
    /// The terms that the disclosure links to.
    pub tos_url: String,
    /// Where the issues are that all organisations share.
    pub issues_file: Option<PathBuf>,
    /// How uploads are kept.
    pub uploads: UploadSettings,
    /// How mail leaves; `None`: not at all.
    pub mail: Option<MailSettings>,
    /// How webhooks are told.
    pub webhooks: WebhookSettings,
    /// Where models are asked.
    pub proxy: ProxySettings,
    /// The language model that judges prompts; `None`: none does.
    pub judge: Option<JudgeSettings>,
}

/// A language model that judges prompts.
#[derive(Debug, Clone)]
pub struct JudgeSettings {
    /// What `/chat/completions` is put behind: http or https, without a slash at the end.
    pub url: String,
    /// What it is called there.
    pub model: String,
    /// What it is asked with, where it asks for that.
    pub key: Option<Secret>,
    /// How long one answer may take.
    pub timeout: Duration,
}

/// Where models are asked, and what they cost.
#[derive(Debug, Clone)]
pub struct ProxySettings {
    /// For messages.
    pub anthropic: UpstreamSettings,
    /// For chat completions and responses.
    pub openai: UpstreamSettings,
    /// The table of prices, where it is not the one that comes with the program.
    pub prices_file: Option<PathBuf>,
    /// How long a provider may say nothing, before its answer and within it.
    pub silent_for: Duration,
    /// What is asked and answered becomes events of the candidate's session.
    pub records_calls: bool,
}

/// A provider of models; without a key, itself or in a file, nobody gets there.
#[derive(Debug, Clone)]
pub struct UpstreamSettings {
    /// What paths are put behind: http or https, without a slash at the end.
    pub url: String,
    /// The operator's key.
    pub key: Option<Secret>,
    /// A file with it.
    pub key_file: Option<PathBuf>,
}

/// Whose tokens are accepted, and how they are read.
#[derive(Debug, Clone)]
pub struct JwtSettings {
    /// The public keys of the provider.
    pub jwks: JwksSource,
    /// What `iss` has to be.
    pub issuer: String,
    /// One of which `aud` has to name.
    pub audiences: Vec<String>,
    /// Claims with the organisation, by name or path; the first that is there counts.
    pub org_claims: Vec<String>,
    /// The claim that says `read` of those who may only read.
    pub scope_claim: Option<String>,
}

/// An OpenID Connect provider, and what it knows this server as.
#[derive(Debug, Clone)]
pub struct OidcSettings {
    /// Its name for itself, from which all else is found.
    pub issuer: SafeUrl,
    /// What it calls this server.
    pub client_id: String,
    /// What this server proves itself with; `None`: a public client.
    pub client_secret: Option<Secret>,
    /// What people call it.
    pub name: String,
}

/// An address whose answers nobody can change on their way: https, or on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SafeUrl(pub Url);

impl FromStr for SafeUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = Url::parse(text).map_err(|_| "not an address")?;
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let is_here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        match url.scheme() {
            "https" => Ok(Self(url)),
            "http" if is_here => Ok(Self(url)),
            _ => Err("must be https, since whoever can change the keys on their way can sign in as anybody"),
        }
    }
}

/// Where public keys are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JwksSource {
    /// At this address.
    Url(Url),
    /// In this file.
    File(PathBuf),
}

impl FromStr for JwksSource {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if !text.contains("://") {
            return Ok(Self::File(PathBuf::from(text)));
        }
        let SafeUrl(url) = text.parse()?;
        Ok(Self::Url(url))
    }
}

/// How large a body may be, and how slow.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimits {
    /// Bytes of a body, decoded, on most routes.
    pub default_bytes: usize,
    /// Bytes of a body, decoded, where clients send whole files.
    pub ingest_bytes: usize,
    /// Bytes of a body, decoded, that goes to a provider of models.
    pub model_bytes: usize,
    /// How long a body may take to arrive.
    pub timeout: Duration,
}

/// How many connections and sockets anybody may have open on a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    /// Connections from one address.
    pub connections_per_address: usize,
    /// Sockets on which one candidate key streams events in.
    pub streams_per_key: usize,
    /// Watchers of one credential, of whatever they watch.
    pub watchers_per_credential: usize,
    /// Watchers of one session.
    pub watchers_per_session: usize,
    /// Sockets and watchers of one organisation.
    pub sockets_per_org: usize,
}

impl Default for Caps {
    fn default() -> Self {
        Self {
            connections_per_address: 4_000,
            streams_per_key: 16,
            watchers_per_credential: 1_000,
            watchers_per_session: 2_000,
            sockets_per_org: 10_000,
        }
    }
}

/// A budget that fills up steadily.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many a minute.
    pub per_minute: NonZeroU32,
    /// How many at once after a rest.
    pub burst: NonZeroU32,
}

/// How often clients may ask.
#[derive(Debug, Clone, Copy)]
pub struct RateLimits {
    /// Requests of one credential.
    pub credential: Rate,
    /// Requests of one address to public routes.
    pub address: Rate,
    /// Events of one key by HTTP.
    pub ingest: Rate,
    /// Events of one key by WebSocket.
    pub stream: Rate,
    /// Look-ups of one address that found nothing.
    pub failures: Rate,
    /// Look-ups of everybody that found nothing.
    pub failures_overall: Rate,
}

impl Rate {
    /// `per_minute`, of which `burst` may come at once; zero counts as one.
    #[must_use]
    pub const fn new(per_minute: u32, burst: u32) -> Self {
        const fn at_least_one(n: u32) -> NonZeroU32 {
            match NonZeroU32::new(n) {
                Some(n) => n,
                None => NonZeroU32::MIN,
            }
        }
        Self { per_minute: at_least_one(per_minute), burst: at_least_one(burst) }
    }

    /// `per_minute`, all of which may come at once.
    #[must_use]
    pub const fn per_minute(per_minute: u32) -> Self {
        Self::new(per_minute, per_minute)
    }
}

impl Default for RateLimits {
    fn default() -> Self {
        Self {
            credential: Rate::per_minute(300),
            address: Rate::per_minute(300),
            ingest: Rate::new(1_200, 500),
            stream: Rate::new(12_000, 2_000),
            failures: Rate::per_minute(10),
            failures_overall: Rate::per_minute(1_000),
        }
    }
}

impl Default for BodyLimits {
    fn default() -> Self {
        Self { default_bytes: 1 << 20, ingest_bytes: 16 << 20, model_bytes: 32 << 20, timeout: Duration::from_secs(10) }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            public_url: "http://127.0.0.1:8080".to_owned(),
            allowed_origins: Vec::new(),
            jwt: None,
            oidc: None,
            trust_forwarded_for: false,
            max_connections: 25_000,
            caps: Caps::default(),
            max_in_flight_bytes: 256 << 20,
            shutdown_timeout: Duration::from_secs(30),
            reconcile_every: Duration::from_secs(300),
            bodies: BodyLimits::default(),
            rates: RateLimits::default(),
            require_consent: true,
            require_consent_for_ingest: false,
            strict_kinds: false,
            close_grace: Duration::from_secs(60),
            end_grace: Duration::from_secs(600),
            tos_url: String::new(),
            issues_file: None,
            uploads: UploadSettings::default(),
            mail: None,
            webhooks: WebhookSettings::default(),
            proxy: ProxySettings::default(),
            judge: None,
        }
    }
}

impl Default for ProxySettings {
    fn default() -> Self {
        let upstream = |url: &str| UpstreamSettings { url: url.to_owned(), key: None, key_file: None };
        Self {
            anthropic: upstream("https://api.anthropic.com"),
            openai: upstream("https://api.openai.com"),
            prices_file: None,
            silent_for: Duration::from_secs(300),
            records_calls: false,
        }
    }
}
