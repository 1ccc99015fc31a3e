//! From options to what the edge wants to be told.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use super::{HttpOptions, LimitOptions, SessionOptions};
use crate::settings::{BodyLimits, Caps, Rate, RateLimits, Settings};
use crate::uploads::UploadSettings;

/// The edge's settings, for a server that listens on `address`.
///
/// # Errors
/// When a file that they are in cannot be read.
pub fn settings(
    http: &HttpOptions,
    sessions: &SessionOptions,
    limits: &LimitOptions,
    address: SocketAddr,
) -> anyhow::Result<Settings> {
    let public_url = http.public_url.clone().unwrap_or_else(|| format!("http://{address}"));
    Ok(Settings {
        public_url: public_url.trim_end_matches('/').to_owned(),
        allowed_origins: http.allowed_origins.clone(),
        jwt: http.jwt.settings(),
        oidc: http.oidc.settings()?,
        trust_forwarded_for: http.trust_forwarded_for,
        max_connections: http.max_connections,
        caps: Caps {
            connections_per_address: limits.max_connections_per_address.get(),
            streams_per_key: limits.max_streams_per_key.get(),
            watchers_per_credential: limits.max_watchers_per_credential.get(),
            watchers_per_session: limits.max_watchers_per_session.get(),
            sockets_per_org: limits.max_sockets_per_org.get(),
        },
        max_in_flight_bytes: limits.max_in_flight_bytes,
        shutdown_timeout: Duration::from_secs(http.stop_grace_secs),
        reconcile_every: Duration::from_secs(u64::from(http.reconcile_every_secs.get())),
        bodies: BodyLimits {
            default_bytes: limits.body_bytes,
            ingest_bytes: limits.ingest_body_bytes,
            model_bytes: limits.model_body_bytes,
            timeout: Duration::from_secs(limits.body_timeout_secs),
        },
        rates: RateLimits {
            credential: all_at_once(limits.requests_per_minute),
            address: all_at_once(limits.public_requests_per_minute),
            ingest: Rate { per_minute: limits.ingest_per_minute, burst: limits.ingest_burst },
            stream: Rate { per_minute: limits.stream_per_minute, burst: limits.stream_burst },
            failures: all_at_once(limits.guesses_per_minute),
            failures_overall: all_at_once(limits.guesses_per_minute_overall),
        },
        require_consent: sessions.require_consent,
        require_consent_for_ingest: sessions.require_consent_for_ingest,
        strict_kinds: sessions.strict_kinds,
        close_grace: Duration::from_secs(u64::from(sessions.time_limit_grace_secs)),
        end_grace: Duration::from_secs(u64::from(sessions.late_event_grace_secs)),
        tos_url: sessions.tos_url.clone(),
        issues_file: sessions.issues_file.clone(),
        uploads: uploads(http, limits),
        mail: http.mail.settings(&http.data_dir)?,
        webhooks: http.webhooks.settings(),
        proxy: http.proxy.settings(),
        judge: http.judge.settings()?,
    })
}

/// How uploads are kept.
#[must_use]
pub fn uploads(http: &HttpOptions, limits: &LimitOptions) -> UploadSettings {
    UploadSettings { dir: http.data_dir.join("uploads"), max_bytes: limits.upload_max_bytes }
}

fn all_at_once(per_minute: NonZeroU32) -> Rate {
    Rate { per_minute, burst: per_minute }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::settings;
    use crate::config::Cli;
    use crate::settings::Settings;

    #[test]
    fn the_defaults_of_the_flags_are_the_defaults_of_the_edge() {
        let options = Cli::try_parse_from(["promptster-server"]).unwrap().serve;
        let settings = settings(&options.http, &options.sessions, &options.limits, options.http.listen).unwrap();
        assert_eq!(format!("{settings:?}"), format!("{:?}", Settings::default()));
    }
}
