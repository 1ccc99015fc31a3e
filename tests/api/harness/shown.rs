//! Replies as snapshots show them: what differs from run to run is replaced by what it is.

use serde_json::{Value, json};
use uuid::Uuid;

use super::Reply;

/// The status and the body of a reply.
pub fn shown(reply: &Reply) -> Value {
    json!({"status": reply.status, "body": stable("", &reply.body)})
}

/// A value without what differs from run to run; `name` is that of the member which holds it.
pub fn stable(name: &str, value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            Value::Object(members.iter().map(|(name, value)| (name.clone(), stable(name, value))).collect())
        }
        Value::Array(items) => items.iter().map(|item| stable(name, item)).collect(),
        Value::String(text) => stand_in(name, text).map_or_else(|| value.clone(), Value::from),
        other => other.clone(),
    }
}

fn stand_in(name: &str, text: &str) -> Option<&'static str> {
    let by_name = match name {
        "sessionToken" => Some("[token]"),
        "ticket" => Some("[ticket]"),
        "secret" => Some("[secret]"),
        "prefix" => Some("[prefix]"),
        "disclosureHash" => Some("[hash]"),
        "version" if text == env!("CARGO_PKG_VERSION") => Some("[version]"),
        _ => None,
    };
    by_name
        .or_else(|| (text.len() == 36 && Uuid::parse_str(text).is_ok()).then_some("[uuid]"))
        .or_else(|| is_time(text).then_some("[time]"))
        .or_else(|| (text.len() == 13 && text.starts_with("PST-")).then_some("[key]"))
}

/// `2026-04-01T10:15:00.000Z`, and nothing else: any other way to write a time shows in the snapshot.
fn is_time(text: &str) -> bool {
    let pattern = b"0000-00-00T00:00:00.000Z";
    let fits =
        |(given, expected): (u8, &u8)| if *expected == b'0' { given.is_ascii_digit() } else { given == *expected };
    text.len() == pattern.len() && text.bytes().zip(pattern).all(fits)
}

/// The paths that a validation error names, in order, e.g. `candidateEmails.1`.
pub fn wrong_fields(reply: &Reply) -> Vec<String> {
    let part = |part: &Value| part.as_str().map_or_else(|| part.to_string(), str::to_owned);
    let path = |detail: &Value| detail["path"].as_array().unwrap().iter().map(part).collect::<Vec<_>>().join(".");
    let details = reply.body["details"].as_array();
    let mut paths: Vec<_> =
        details.unwrap_or_else(|| panic!("no details in {}", reply.text)).iter().map(path).collect();
    paths.sort();
    paths
}
