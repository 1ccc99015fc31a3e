//! How members sign in to the dashboard.

use std::path::PathBuf;

use clap::Args;

use super::Secret;
use crate::settings::{OidcSettings, SafeUrl};

/// The OpenID Connect provider.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Sign-in to the dashboard")]
pub struct OidcOptions {
    /// The OpenID Connect provider that signs members in, by its issuer: an https address, below which
    /// `/.well-known/openid-configuration` is; without it the dashboard is signed in to with API keys only
    #[arg(long, env = "PROMPTSTER_OIDC_ISSUER", value_name = "URL", requires = "oidc_client_id")]
    pub oidc_issuer: Option<SafeUrl>,
    /// What the provider calls this server. It has to lead back to `<public-url>/auth/oidc/callback`
    #[arg(long, env = "PROMPTSTER_OIDC_CLIENT_ID", value_name = "ID", requires = "oidc_issuer")]
    pub oidc_client_id: Option<String>,
    /// A file with the secret that the provider gave this server [default: none, a public client]
    #[arg(long, env = "PROMPTSTER_OIDC_CLIENT_SECRET_FILE", value_name = "FILE", requires = "oidc_issuer")]
    pub oidc_client_secret_file: Option<PathBuf>,
    /// What people call the provider: the button says `Sign in with` and this
    #[arg(long, env = "PROMPTSTER_OIDC_NAME", value_name = "NAME", default_value = "your organisation")]
    pub oidc_name: String,
}

impl OidcOptions {
    /// What the edge wants to be told; `None` when there is no provider.
    ///
    /// # Errors
    /// When the file with the secret cannot be read, or is empty.
    pub(super) fn settings(&self) -> anyhow::Result<Option<OidcSettings>> {
        let (Some(issuer), Some(client_id)) = (&self.oidc_issuer, &self.oidc_client_id) else { return Ok(None) };
        let client_secret = self.oidc_client_secret_file.as_ref().map(|path| Secret::word_in_file(path));
        Ok(Some(OidcSettings {
            issuer: issuer.clone(),
            client_id: client_id.clone(),
            client_secret: client_secret.transpose()?,
            name: self.oidc_name.clone(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::config::Cli;

    #[test]
    fn a_provider_has_a_safe_address_and_knows_this_server() {
        let parse = |flags: &[&str]| Cli::try_parse_from(["promptster-server"].iter().chain(flags));
        let issuer = ["--oidc-issuer", "https://id.example.org/realms/a"];
        let all = [&issuer[..], &["--oidc-client-id", "promptster"]].concat();
        let settings = parse(&all).unwrap().serve.http.oidc.settings().unwrap().unwrap();
        assert_eq!((settings.client_id.as_str(), settings.client_secret), ("promptster", None));
        assert!(parse(&issuer).is_err() && parse(&all[2..]).is_err());
        assert!(parse(&["--oidc-issuer", "http://id.example.org", "--oidc-client-id", "a"]).is_err());
        assert!(parse(&["--oidc-issuer", "http://[::1]:99/", "--oidc-client-id", "a"]).is_ok());
        let missing = [&all[..], &["--oidc-client-secret-file", "/no/such/secret"]].concat();
        let refused = parse(&missing).unwrap().serve.http.oidc.settings().unwrap_err();
        assert!(format!("{refused:#}").contains("/no/such/secret"));
        assert!(parse(&[]).unwrap().serve.http.oidc.settings().unwrap().is_none());
    }
}
