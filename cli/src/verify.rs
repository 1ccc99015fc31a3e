//! The command `verify`: checks the signatures of a session's log, without trust in the server.

use crate::api::Api;
use crate::sign::holds;
use crate::trouble::Trouble;
use crate::{import, status};
use serde::Deserialize;
use serde_json::{json, value::RawValue};

/// Check the signed log of a session.
///
/// Fetches the log and checks that each event is signed, unchanged, and follows the one before it. In a workspace the
/// public key is that of this machine; elsewhere it is the one that the server names.
///
/// Exit codes: 0 the chain holds, 1 it does not.
#[derive(Debug, clap::Args)]
pub(crate) struct Verify {
    /// The session's id, where it is not that of this workspace.
    #[arg(value_name = "SESSION", requires = "key", requires = "server")]
    session: Option<String>,

    /// The server's address.
    #[arg(long, value_name = "URL", env = "PROMPTSTER_API_URL")]
    server: Option<String>,

    /// The candidate key of the session.
    #[arg(long, value_name = "PST-XXXX-XXXX", env = "PROMPTSTER_KEY", hide_env_values = true, value_parser = import::parse_key)]
    key: Option<String>,

    /// Print the result as one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Log {
    signing_pubkey: String,
    events: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    id: String,
    payload: Box<RawValue>,
    #[serde(default)]
    sig: String,
    #[serde(default)]
    prev_sig: String,
}

impl Verify {
    /// Fetches, checks, prints; whether the chain holds.
    pub(crate) async fn run(&self) -> Result<bool, Trouble> {
        let (api, credential, id, own) = match (&self.session, &self.server, &self.key) {
            (Some(id), Some(server), Some(key)) => (Api::new(server, key)?, key.clone(), id.clone(), None),
            _ => {
                let (workspace, session) = status::here()?;
                let own = crate::sign::Key::kept(&workspace.state("signing.key"))?.public();
                (Api::new(&session.api_url, &session.key)?, session.session_token, session.session_id, Some(own))
            }
        };
        let (status, body) = api.get(&credential, &format!("/v1/sessions/{id}/signed-log")).await?;
        if status != 200 {
            let told = String::from_utf8_lossy(&body);
            return Err(Trouble::said(format!("the signed log cannot be had: HTTP {status}: {told}")));
        }
        let log: Log = serde_json::from_slice(&body)?;
        let public = own.unwrap_or_else(|| log.signing_pubkey.clone());
        let broken = if public.is_empty() {
            Some("the session is not signed".to_owned())
        } else if public != log.signing_pubkey {
            Some("the server names another key than this workspace has".to_owned())
        } else {
            first_break(&log.events, &public)
        };
        if self.json {
            println!(
                "{}",
                json!({ "ok": broken.is_none(), "events": log.events.len(), "publicKey": public, "broken": broken })
            );
        } else if let Some(reason) = &broken {
            println!("The log does not hold: {reason}.");
        } else {
            println!("The log holds: {} events, each signed and in order. Public key {public}", log.events.len());
        }
        Ok(broken.is_none())
    }
}

fn first_break(rows: &[Row], public: &str) -> Option<String> {
    let mut last = "";
    for (n, row) in rows.iter().enumerate() {
        let place = format!("event {} ({})", n + 1, row.id);
        if row.prev_sig != last {
            return Some(format!("{place} does not follow the one before it"));
        }
        if !holds(public, row.payload.get(), &row.prev_sig, &row.sig) {
            return Some(format!("{place} is not what was signed"));
        }
        last = &row.sig;
    }
    None
}
