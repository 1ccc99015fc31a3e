//! How webhooks are told.

use std::num::NonZeroU32;
use std::time::Duration;

use clap::Args;

use crate::webhooks::WebhookSettings;

/// How webhooks are told.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Webhooks")]
pub struct WebhookOptions {
    /// Let webhooks lead to this machine and to private networks, and be told by plain HTTP: where whoever makes them may
    /// reach all of that anyway
    #[arg(long, env = "PROMPTSTER_WEBHOOK_ALLOW_PRIVATE")]
    pub webhook_allow_private: bool,
    /// How long until a webhook that did not take it is told again; the next waits are 5, 30 and 120 times as long, then it is
    /// given up
    #[arg(long, env = "PROMPTSTER_WEBHOOK_RETRY_SECS", value_name = "SECONDS", default_value = "60")]
    pub webhook_retry_secs: NonZeroU32,
}

impl WebhookOptions {
    /// The same, as the server wants to be told it.
    #[must_use]
    pub fn settings(&self) -> WebhookSettings {
        WebhookSettings {
            allow_private: self.webhook_allow_private,
            retry_after: Duration::from_secs(u64::from(self.webhook_retry_secs.get())),
        }
    }
}
