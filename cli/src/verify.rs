//! The command `verify`: checks the signatures of a session's log, without trust in the server.

use crate::api::Api;
use crate::sign::holds;
use crate::trouble::Trouble;
use crate::{import, status, streamer};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};
use std::collections::HashMap;

/// Check the signed log of a session.
///
/// Fetches the log and checks that each event is signed, unchanged, and follows the one before it. In a workspace the
/// public key is that of this machine; elsewhere it is the one that the server names. An event that the server refused is
/// missing there; the chain holds across it where a later signed event tells of it.
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
        let refused = refusals(&log.events).len();
        if self.json {
            println!(
                "{}",
                json!({ "ok": broken.is_none(), "events": log.events.len(), "refused": refused, "publicKey": public,
                         "broken": broken })
            );
        } else if let Some(reason) = &broken {
            println!("The log does not hold: {reason}.");
        } else {
            println!("The log holds: {} events, each signed and in order. Public key {public}", log.events.len());
            if refused > 0 {
                println!("{refused} events were refused by the server; the log tells of each where it was left out.");
            }
        }
        Ok(broken.is_none())
    }
}

/// The signatures of events that the server refused, each by the one before it, as later signed events tell.
fn refusals(rows: &[Row]) -> HashMap<String, String> {
    let told = |row: &Row| {
        let event: Value = serde_json::from_str(row.payload.get()).ok()?;
        let data = event.get("data").filter(|_| event.get("kind").is_some_and(|kind| kind == streamer::REFUSED))?;
        let word = |name: &str| data.get(name).and_then(Value::as_str).map(str::to_owned);
        Some((word("prevSig")?, word("sig")?))
    };
    rows.iter().filter_map(told).collect()
}

fn first_break(rows: &[Row], public: &str) -> Option<String> {
    let mut refused = refusals(rows);
    let mut last = String::new();
    for (n, row) in rows.iter().enumerate() {
        let place = format!("event {} ({})", n + 1, row.id);
        while row.prev_sig != last {
            // Each refusal bridges one gap, so this ends.
            match refused.remove(&last) {
                Some(sig) => last = sig,
                None => return Some(format!("{place} does not follow the one before it")),
            }
        }
        if !holds(public, row.payload.get(), &row.prev_sig, &row.sig) {
            return Some(format!("{place} is not what was signed"));
        }
        last.clone_from(&row.sig);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Row, first_break};
    use crate::sign::Key;
    use serde_json::{Value, json, value::RawValue};

    fn row(key: &Key, n: u32, kind: &str, data: &Value, prev_sig: &str) -> Row {
        let id = format!("00000000-0000-4000-8000-{n:012}");
        let event = json!({ "id": id, "sessionId": "s", "ts": "2026-01-01T00:00:00Z", "kind": kind, "source": "cli",
                            "v": 1, "data": data });
        let (text, sig) = key.sign(&event.to_string(), prev_sig).unwrap();
        Row { id, payload: RawValue::from_string(text).unwrap(), sig, prev_sig: prev_sig.to_owned() }
    }

    #[test]
    fn a_gap_holds_where_a_later_event_tells_of_what_was_refused() {
        let key = Key::random();
        let first = row(&key, 1, "prompt", &json!({}), "");
        let refused = row(&key, 2, "prompt", &json!({ "odd": 1 }), &first.sig);
        let also_refused = row(&key, 3, "prompt", &json!({ "odd": 2 }), &refused.sig);
        let next = row(&key, 4, "prompt", &json!({}), &also_refused.sig);
        let tells = |n, row: &Row, last: &Row| {
            self::row(&key, n, "event_refused", &json!({ "sig": row.sig, "prevSig": row.prev_sig }), &last.sig)
        };
        let told = tells(5, &refused, &next);
        let also_told = tells(6, &also_refused, &told);
        let public = key.public();
        assert_eq!(first_break(&[first, next, told, also_told], &public), None);
    }

    #[test]
    fn a_gap_of_which_nothing_tells_and_a_changed_event_are_named() {
        let key = Key::random();
        let first = row(&key, 1, "prompt", &json!({}), "");
        let lost = row(&key, 2, "prompt", &json!({}), &first.sig);
        let next = row(&key, 3, "prompt", &json!({}), &lost.sig);
        let broken = first_break(&[first, next], &key.public()).unwrap();
        assert!(broken.starts_with("event 2 (") && broken.ends_with("does not follow the one before it"), "{broken}");
        let mut changed = row(&key, 1, "prompt", &json!({ "text": "a" }), "");
        let text = changed.payload.get().replace("\"a\"", "\"b\"");
        changed.payload = RawValue::from_string(text).unwrap();
        assert!(first_break(&[changed], &key.public()).unwrap().ends_with("is not what was signed"));
    }
}
