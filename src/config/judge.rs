//! Which language model judges prompts.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::Args;

use super::{Secret, proxy::base};
use crate::settings::JudgeSettings;

/// The language model that says what candidates' prompts are like.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Language-model judge")]
pub struct JudgeOptions {
    /// Where a language model is asked about the prompts of sessions that have ended: what is before `/chat/completions` in
    /// OpenAI's API, or in what speaks like it, e.g. `https://api.openai.com/v1`. The texts of the prompts go there, of
    /// candidates who were told so before they began [default: off]
    #[arg(long, env = "PROMPTSTER_JUDGE_URL", value_name = "URL", value_parser = base, requires = "judge_model")]
    pub judge_url: Option<String>,
    /// The model, by the name that it has there
    #[arg(long, env = "PROMPTSTER_JUDGE_MODEL", value_name = "MODEL", value_parser = model, requires = "judge_url")]
    pub judge_model: Option<String>,
    /// A file with the key that it is asked with [default: none is sent]
    #[arg(long, env = "PROMPTSTER_JUDGE_KEY_FILE", value_name = "FILE", requires = "judge_url")]
    pub judge_key_file: Option<PathBuf>,
    /// How long one answer may take in all
    #[arg(long, env = "PROMPTSTER_JUDGE_TIMEOUT_SECS", value_name = "SECONDS", default_value = "60")]
    pub judge_timeout_secs: NonZeroU32,
}

impl JudgeOptions {
    /// Who is asked; `None` when nobody is.
    ///
    /// # Errors
    /// When the file with the key cannot be read, or is empty.
    pub fn settings(&self) -> anyhow::Result<Option<JudgeSettings>> {
        let (Some(url), Some(model)) = (&self.judge_url, &self.judge_model) else { return Ok(None) };
        let key = self.judge_key_file.as_ref().map(|path| Secret::word_in_file(path).context("--judge-key-file"));
        Ok(Some(JudgeSettings {
            url: url.clone(),
            model: model.clone(),
            key: key.transpose()?,
            timeout: Duration::from_secs(u64::from(self.judge_timeout_secs.get())),
        }))
    }
}

/// The longest name of a model.
const MAX_MODEL: usize = 128;

/// The name of a model.
fn model(text: &str) -> Result<String, String> {
    let is_name = !text.is_empty() && text.len() <= MAX_MODEL && text.chars().all(|c| c.is_ascii_graphic());
    is_name
        .then(|| text.to_owned())
        .ok_or_else(|| format!("a name of 1 to {MAX_MODEL} visible ASCII characters without blanks"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::config::Cli;

    fn parse(flags: &[&str]) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(["promptster-server"].iter().chain(flags))
    }

    #[test]
    fn a_judge_has_an_address_and_a_model_or_there_is_none() {
        assert!(parse(&[]).unwrap().serve.http.judge.settings().unwrap().is_none());
        let url = ["--judge-url", "https://models.example.org/v1/"];
        let all = [&url[..], &["--judge-model", "wren/1:mini", "--judge-timeout-secs", "5"]].concat();
        let settings = parse(&all).unwrap().serve.http.judge.settings().unwrap().unwrap();
        assert_eq!((settings.url.as_str(), settings.model.as_str()), ("https://models.example.org/v1", "wren/1:mini"));
        assert_eq!((settings.timeout.as_secs(), settings.key), (5, None));
        let named = |flags: &[&str]| parse(flags).unwrap_err().to_string();
        assert!(named(&url).contains("--judge-model"), "{}", named(&url));
        assert!(named(&["--judge-model", "wren-1"]).contains("--judge-url"));
        assert!(named(&["--judge-key-file", "/k"]).contains("--judge-url"));
        assert!(named(&["--judge-url", "ftp://a", "--judge-model", "m"]).contains("--judge-url"));
        let long = "m".repeat(129);
        for bad in ["", "a b", "\u{e9}", long.as_str()] {
            assert!(named(&["--judge-url", "https://a", "--judge-model", bad]).contains("--judge-model"), "{bad}");
        }
    }

    #[test]
    fn the_key_is_in_a_file_and_never_printed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        let path = path.to_str().unwrap();
        let flags = ["--judge-url", "https://a", "--judge-model", "m", "--judge-key-file", path];
        let settings = || parse(&flags).unwrap().serve.http.judge.settings();
        let refused = |why: &str| {
            let refused = format!("{:#}", settings().unwrap_err());
            assert!(refused.contains("--judge-key-file") && refused.contains(why), "{refused}");
        };
        refused("cannot read");
        std::fs::write(path, " \n").unwrap();
        refused("is empty");
        std::fs::write(path, "hush\n").unwrap();
        let read = settings().unwrap().unwrap();
        assert_eq!(read.key.as_ref().unwrap().expose(), "hush");
        assert!(!format!("{read:?}").contains("hush"));
    }
}
