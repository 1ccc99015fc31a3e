//! Where models are asked, and with whose key.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use url::Url;

use super::Secret;
use crate::settings::{ProxySettings, UpstreamSettings};

/// The providers that candidates' tools reach through this server.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Model proxy")]
pub struct ProxyOptions {
    /// Where Anthropic's API is, or what speaks like it
    #[arg(long, env = "PROMPTSTER_ANTHROPIC_URL", value_name = "URL", default_value = "https://api.anthropic.com", value_parser = base)]
    pub anthropic_url: String,
    /// The key that Anthropic is asked with; without one its part of the proxy is off. The variable or the file keeps it
    /// out of the list of processes
    #[arg(long, env = "PROMPTSTER_ANTHROPIC_KEY", value_name = "KEY", hide_env_values = true)]
    pub anthropic_key: Option<Secret>,
    /// A file with that key
    #[arg(long, env = "PROMPTSTER_ANTHROPIC_KEY_FILE", value_name = "FILE", conflicts_with = "anthropic_key")]
    pub anthropic_key_file: Option<PathBuf>,
    /// Where OpenAI's API is, or what speaks like it
    #[arg(long, env = "PROMPTSTER_OPENAI_URL", value_name = "URL", default_value = "https://api.openai.com", value_parser = base)]
    pub openai_url: String,
    /// The key that OpenAI is asked with; without one its part of the proxy is off
    #[arg(long, env = "PROMPTSTER_OPENAI_KEY", value_name = "KEY", hide_env_values = true)]
    pub openai_key: Option<Secret>,
    /// A file with that key
    #[arg(long, env = "PROMPTSTER_OPENAI_KEY_FILE", value_name = "FILE", conflicts_with = "openai_key")]
    pub openai_key_file: Option<PathBuf>,
    /// What models cost, as JSON: {"anthropic": {"<beginning of the model's name>": {"input": 3, "output": 15, "cacheRead":
    /// 0.3, "cacheWrite": 3.75}}, "openai": …} in US dollars per million tokens [default: a table of this version]
    #[arg(long, env = "PROMPTSTER_PRICES_FILE", value_name = "FILE")]
    pub prices_file: Option<PathBuf>,
    /// How long a provider may say nothing, before its answer and within it
    #[arg(long, env = "PROMPTSTER_MODEL_SILENCE_SECS", value_name = "SECONDS", default_value = "300")]
    pub model_silence_secs: NonZeroU32,
    /// Record the newest prompt and the answer of each call as events of the candidate's session. Candidates are told so
    /// before they begin; of those who agreed to another text nothing is recorded
    #[arg(long, env = "PROMPTSTER_RECORD_MODEL_CALLS")]
    pub record_model_calls: bool,
}

impl ProxyOptions {
    /// What the edge wants to be told.
    pub(super) fn settings(&self) -> ProxySettings {
        ProxySettings {
            anthropic: UpstreamSettings {
                url: self.anthropic_url.clone(),
                key: self.anthropic_key.clone(),
                key_file: self.anthropic_key_file.clone(),
            },
            openai: UpstreamSettings {
                url: self.openai_url.clone(),
                key: self.openai_key.clone(),
                key_file: self.openai_key_file.clone(),
            },
            prices_file: self.prices_file.clone(),
            silent_for: Duration::from_secs(u64::from(self.model_silence_secs.get())),
            records_calls: self.record_model_calls,
        }
    }
}

/// An address that paths are put behind.
pub(super) fn base(text: &str) -> Result<String, &'static str> {
    let url = Url::parse(text).map_err(|_| "not an address")?;
    let is_plain = url.query().is_none() && url.fragment().is_none();
    let has_no_user = url.username().is_empty() && url.password().is_none();
    match url.scheme() {
        "https" | "http" if is_plain && has_no_user && url.has_host() => {
            Ok(url.as_str().trim_end_matches('/').to_owned())
        }
        _ => Err("must be http:// or https:// with a host, without user, query and fragment"),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::base;
    use crate::config::Cli;

    #[test]
    fn an_address_of_a_provider_is_one_that_paths_can_be_put_behind() {
        assert!(base("https://gate.example.org/anthropic/").is_ok() && base("http://127.0.0.1:99").is_ok());
        for bad in ["x", "ftp://a", "https://user:hush@a", "https://a?b=c", "https://a#b", "file:///a"] {
            assert!(base(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_key_is_given_once_and_never_printed() {
        let parse = |flags: &[&str]| Cli::try_parse_from(["promptster-server"].iter().chain(flags));
        let cli = parse(&["--anthropic-key", "hush", "--openai-key", "hush"]).unwrap();
        let printed = format!("{cli:?} {:?}", cli.serve.http.proxy.settings());
        assert!(!printed.contains("hush") && printed.contains("***"), "{printed}");
        assert!(parse(&["--anthropic-key", "a", "--anthropic-key-file", "b"]).is_err());
    }
}
