//! Webhooks: what organisations are told ([`happenings`]), how it is signed ([`signature`]), that it goes nowhere it must not
//! ([`guard`]), and when it is tried ([`deliver`]).

pub mod deliver;
pub mod guard;
pub mod happenings;
pub mod signature;

use std::{sync::Arc, time::Duration};

/// A session ended, and its results are derived.
pub const SESSION_COMPLETED: &str = "session.completed";

/// A candidate key got its session.
pub const KEY_REDEEMED: &str = "assessment.key.redeemed";

/// Somebody pressed the button.
pub const TEST: &str = "webhook.test";

/// What a webhook may be told of.
pub const EVENTS: [&str; 2] = [SESSION_COMPLETED, KEY_REDEEMED];

/// How webhooks are told.
#[derive(Debug, Clone, Copy)]
pub struct WebhookSettings {
    /// Whether addresses of this machine and of private networks, and plain HTTP, are allowed.
    pub allow_private: bool,
    /// How long until one that did not take it is told again, the first time.
    pub retry_after: Duration,
}

impl Default for WebhookSettings {
    fn default() -> Self {
        Self { allow_private: false, retry_after: Duration::from_secs(60) }
    }
}

/// How long a receiver may take in all.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Tells webhooks.
#[derive(Debug)]
pub struct Teller {
    /// What the operator chose.
    pub settings: WebhookSettings,
    client: reqwest::Client,
}

impl Teller {
    /// Prepares the way; nothing is connected yet.
    ///
    /// # Errors
    /// When no client can be made.
    pub fn new(settings: WebhookSettings) -> anyhow::Result<Self> {
        // An error means that a provider is there already.
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = reqwest::Client::builder()
            .timeout(TIMEOUT)
            // What was resolved and allowed is what is connected to, and no answer leads elsewhere.
            .dns_resolver(Arc::new(guard::Resolver { allow_private: settings.allow_private }))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            // A connection belongs to the thread that made it, and threads end.
            .pool_max_idle_per_host(0)
            .user_agent(concat!("Promptster/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { settings, client })
    }
}
