//! From what a tool tells its hooks to events: one reading for each tool, one table from tool use to kind
//! (`transcript::tools`), redaction, and the journal.

pub(crate) mod claude;
pub(crate) mod cursor;
pub(crate) mod shell;
pub(crate) mod test_runs;

use crate::envelope::{Author, Data, Draft, Source};
use crate::journal::Journal;
use crate::redact::{self, ignore::Ignored};
use crate::sign::hex;
use crate::transcript::tools::cut;
use crate::workspace::{Session, Workspace};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fs::OpenOptions;
use std::io::{self, Write};

/// Longest complaint, in bytes.
const COMPLAINT_BYTES: usize = 500;

/// What a hook saw, before it is an event: the kind, who did it, the payload.
type Seen = (&'static str, Author, Data);

/// Redacts and appends events; how many.
pub(crate) fn record(workspace: &Workspace, session: &Session, drafts: Vec<Draft>) -> io::Result<usize> {
    if drafts.is_empty() {
        return Ok(0);
    }
    let records = records(workspace, session, drafts)?;
    Journal::of(workspace).append(&records, &Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true))?;
    Ok(records.len())
}

/// Writes down what went wrong, for `doctor`.
pub(crate) fn complain(workspace: &Workspace, text: &str) {
    let line = format!("{} {}\n", Utc::now().to_rfc3339(), cut(text, COMPLAINT_BYTES));
    let file = OpenOptions::new().append(true).create(true).open(workspace.state("hook-errors.log"));
    // There is no better place to complain to.
    let _ = file.and_then(|mut file| file.write_all(line.as_bytes()));
}

/// Redacts events and writes each as a line of the journal.
pub(crate) fn records(workspace: &Workspace, session: &Session, drafts: Vec<Draft>) -> io::Result<Vec<String>> {
    let ignored = Ignored::of(&workspace.task_root(session));
    let mut records = Vec::with_capacity(drafts.len());
    for mut draft in drafts {
        ignored.clean(&mut draft.data);
        let mut data = Value::Object(draft.data);
        redact::value(&mut data);
        draft.data = match data {
            Value::Object(data) => data,
            _ => Data::new(),
        };
        records.push(draft.seal(&session.session_id)?.text().to_owned());
    }
    Ok(records)
}

/// What makes an observation unique. Where the tool gives it a name of its own, that name: then every rail that sees
/// the act makes the same event of it. Else what was seen, within the tool's turn; else the time as well.
fn key(tool: &str, session: &str, name: Option<&str>, turn: Option<&str>, payload: &str, now: DateTime<Utc>) -> String {
    let seen = || hex(Sha256::digest(payload).get(..16).unwrap_or_default());
    let mark = match (name.filter(|name| !name.is_empty()), turn.filter(|turn| !turn.is_empty())) {
        (Some(name), _) => name.to_owned(),
        (None, Some(turn)) => format!("{turn}:{}", seen()),
        (None, None) => format!("{}:{}", now.timestamp_micros(), seen()),
    };
    format!("{tool}:{session}:{mark}")
}

fn draft(source: Source, ts: DateTime<Utc>, key: String, (kind, author, data): Seen) -> Draft {
    Draft { ts, kind, key, source, author, data }
}

/// A field that should be text.
fn text<'a>(payload: &'a Value, name: &str) -> Option<&'a str> {
    payload.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn prompt(text: &str) -> Data {
    crate::transcript::tools::filled(
        serde_json::json!({ "text": text, "tokenCount": text.chars().count().div_ceil(4) }),
    )
}
