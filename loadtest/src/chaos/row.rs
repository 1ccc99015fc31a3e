//! A timeline row in few bytes: enough to tell whether it is the right one.

use domain::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::script::digest;

/// One row as it was shown. Texts are kept as digests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CompactRow {
    /// The event.
    pub(crate) id: Uuid,
    /// Its place in the order of arrival.
    pub(crate) seq: u64,
    /// Its time in milliseconds; the smallest number where it is none.
    pub(crate) ts_ms: i64,
    /// The organisation that it says it belongs to.
    pub(crate) org: u64,
    /// The session that it says it belongs to.
    pub(crate) session: u64,
    /// What happened.
    pub(crate) kind: u64,
    /// The exact text of its payload.
    pub(crate) data: u64,
    /// The whole row. A line break in the text of the row, which only stands between tokens, counts as a blank: a feed of
    /// Server-Sent Events cannot carry every one.
    pub(crate) whole: u64,
    /// The text itself, where it is wanted.
    pub(crate) text: Option<Box<str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parts<'a> {
    id: Uuid,
    seq: u64,
    ts: &'a str,
    org_id: &'a str,
    session_id: &'a str,
    kind: &'a str,
    #[serde(borrow)]
    data: &'a RawValue,
}

impl CompactRow {
    /// Reads one row, and keeps its text if asked to.
    pub(crate) fn of(text: &str, keeps_text: bool) -> Result<Self, String> {
        let parts: Parts<'_> = serde_json::from_str(text).map_err(|error| {
            let start: String = text.chars().take(200).collect();
            format!("not a timeline row ({error}): {start}")
        })?;
        Ok(Self {
            id: parts.id,
            seq: parts.seq,
            ts_ms: Timestamp::parse_rfc3339(parts.ts).map_or(i64::MIN, Timestamp::millis),
            org: digest(parts.org_id),
            session: digest(parts.session_id),
            kind: digest(parts.kind),
            data: digest(parts.data.get()),
            whole: digest(text.replace(['\n', '\r'], " ")),
            text: keeps_text.then(|| text.into()),
        })
    }
}
