//! What `dev` and `cluster` tell other programs (`dev.json`, while it runs) and itself (`demo.json`, for the next start).

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context;
use domain::OrgId;
use serde::{Deserialize, Serialize};

use url::Url;

use super::data_dir::write_private;
use crate::config::{Secret, StoreOptions};

/// What a running `dev` is reached by: `<data-dir>/dev.json`. It holds secrets; only its owner can read it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DevFile {
    /// The server's address.
    pub url: String,
    /// The organisation "Demo".
    pub org_id: OrgId,
    /// Its API key.
    pub api_key: String,
    /// Redis, with its password.
    pub redis_url: String,
    /// ClickHouse's HTTP interface, with user and password.
    pub clickhouse_url: String,
    /// The processes.
    pub pids: Pids,
}

/// The processes of a running `dev` or `cluster`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Pids {
    /// The supervisor, which with `dev` is also the server.
    pub server: u32,
    /// The children by name, e.g. `redis` and `clickhouse`; `null` while one is started again.
    #[serde(flatten)]
    pub children: BTreeMap<String, Option<u32>>,
}

/// An organisation and an API key of it: `<data-dir>/demo.json`, and what `org create --json` prints.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Credentials {
    /// The organisation.
    pub org_id: OrgId,
    /// Its API key.
    pub api_key: String,
}

/// Reads a file of JSON; `None` when it is not there.
///
/// # Errors
/// When it cannot be read or holds something else.
pub fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> anyhow::Result<Option<T>> {
    if !path.exists() {
        return Ok(None);
    }
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let value =
        serde_json::from_str(&text).with_context(|| format!("{} holds something unexpected", path.display()))?;
    Ok(Some(value))
}

/// Where no stores are named, takes those of the `dev` that runs on a data directory; what that tells.
///
/// # Errors
/// When the file is there and cannot be read.
pub fn adopt(stores: &mut StoreOptions, data_dir: &Path) -> anyhow::Result<Option<DevFile>> {
    if stores.redis_url.is_some() || stores.clickhouse_url.is_some() {
        return Ok(None);
    }
    let Some(running) = read::<DevFile>(&data_dir.join("dev.json"))? else { return Ok(None) };
    stores.redis_url = Some(Secret::new(&running.redis_url));
    if stores.pepper.peppers()?.is_empty() {
        stores.pepper.pepper_file = Some(data_dir.join("pepper")).filter(|path| path.exists());
    }
    let mut url = Url::parse(&running.clickhouse_url).context("the address of ClickHouse in dev.json")?;
    url.username().clone_into(&mut stores.clickhouse_user);
    stores.clickhouse_password = url.password().map(Secret::new);
    if let Some((_, database)) = url.query_pairs().find(|(name, _)| name == "database") {
        stores.clickhouse_database = database.into_owned();
    }
    url.set_query(None);
    // Both fail for addresses only that have no host.
    let _ = (url.set_username(""), url.set_password(None));
    stores.clickhouse_url = Some(url.as_str().trim_end_matches('/').to_owned());
    Ok(Some(running))
}

/// Writes a file of JSON that only its owner can read.
///
/// # Errors
/// When the file system refuses.
pub fn write(path: &Path, value: &impl Serialize) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(value)? + "\n";
    write_private(path, &text).with_context(|| format!("cannot write {}", path.display()))
}
