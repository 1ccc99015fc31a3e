//! Which server a command talks to, and how people write durations.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde_json::Value;

/// A running server.
#[derive(Debug, Clone, Args)]
pub(crate) struct Reach {
    /// Address of the server [default: the one in <data-dir>/dev.json].
    #[arg(long, env = "PROMPTSTER_SERVER")]
    server: Option<String>,
    /// API key with the scopes read and write [default: the one in <data-dir>/dev.json].
    #[arg(long, env = "PROMPTSTER_API_KEY", hide_env_values = true)]
    api_key: Option<String>,
    /// Where `promptster-server dev` keeps its data.
    #[arg(long, env = "PROMPTSTER_DATA_DIR", default_value = "data")]
    data_dir: PathBuf,
}

impl Reach {
    /// The address and the key.
    pub(crate) fn find(&self) -> Result<(String, String), String> {
        if let (Some(server), Some(key)) = (&self.server, &self.api_key) {
            return Ok((server.clone(), key.clone()));
        }
        let file = dev_file(&self.data_dir)?;
        let member = |name: &str| file.get(name).and_then(Value::as_str).map(str::to_owned);
        let server = self.server.clone().or_else(|| member("url")).ok_or("dev.json has no url")?;
        let key = self.api_key.clone().or_else(|| member("apiKey")).ok_or("dev.json has no apiKey")?;
        Ok((server, key))
    }

    /// The processes of a `promptster-server dev`, by name; none where the server is another one.
    pub(crate) fn pids(&self) -> Vec<(String, u32)> {
        if self.server.is_some() {
            return Vec::new();
        }
        let file = dev_file(&self.data_dir).unwrap_or_default();
        let pids = file.get("pids").and_then(Value::as_object).into_iter().flatten();
        pids.filter_map(|(name, pid)| Some((name.clone(), u32::try_from(pid.as_u64()?).ok()?))).collect()
    }
}

fn dev_file(data_dir: &Path) -> Result<Value, String> {
    let path = data_dir.join("dev.json");
    let text = std::fs::read(&path).map_err(|error| {
        format!("neither --server and --api-key nor a running `promptster-server dev`: {}: {error}", path.display())
    })?;
    serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", path.display()))
}

/// Reads `90s`, `2m`, `500ms` or plain seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().map_err(|_| "must be like 90s or 2m".to_owned())?;
    match text.strip_prefix(digits) {
        Some("ms") => Ok(Duration::from_millis(number)),
        Some("" | "s") => Ok(Duration::from_secs(number)),
        Some("m") => Ok(Duration::from_secs(number.saturating_mul(60))),
        _ => Err("must be like 90s or 2m".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::duration;
    use std::time::Duration;

    #[test]
    fn durations_are_read_as_people_write_them() {
        let secs = |n| Ok(Duration::from_secs(n));
        assert_eq!(["120s", "2m", "120", "120000ms"].map(duration), [secs(120), secs(120), secs(120), secs(120)]);
        assert!(["", "s", "1h", "-1s", "1.5s"].iter().all(|text| duration(text).is_err()));
    }
}
