//! A timeline row as the server shows it.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use uuid::Uuid;

/// One event as it is shown in the timeline and to watchers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    /// The event.
    pub(crate) id: Uuid,
    /// Its place in the order of arrival.
    pub(crate) seq: u64,
    /// The exact text of its payload.
    pub(crate) data: Box<str>,
    /// The whole row.
    pub(crate) whole: Value,
}

#[derive(Deserialize)]
struct Parts {
    id: Uuid,
    seq: u64,
    data: Box<RawValue>,
}

impl Row {
    /// Reads one row.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let wrong = |error: serde_json::Error| {
            let start: String = text.chars().take(200).collect();
            format!("not a timeline row ({error}): {start}")
        };
        let Parts { id, seq, data } = serde_json::from_str(text).map_err(wrong)?;
        let whole = serde_json::from_str(text).map_err(wrong)?;
        Ok(Self { id, seq, data: data.get().into(), whole })
    }

    /// A member of the row that is a text, or nothing.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.whole.get(name).and_then(Value::as_str).unwrap_or_default()
    }
}
