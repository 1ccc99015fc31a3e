//! The rows of an export: lines of NDJSON from which another server can read the events again, and cells of CSV that no
//! spreadsheet takes for a formula.

use std::borrow::Cow;

use csv::{QuoteStyle, Terminator, WriterBuilder};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::{StoredEvent, Timestamp};

/// The version of the lines: greater when a reader of the older ones would go wrong.
pub const EXPORT_V: u32 = 1;

/// The columns of [`write_csv`], in order.
pub const COLUMNS: [&str; 21] = [
    "seq",
    "id",
    "ts",
    "receivedAt",
    "kind",
    "channel",
    "integration",
    "emitter",
    "actor",
    "attribution",
    "confidence",
    "observability",
    "command",
    "commandClass",
    "exitCode",
    "path",
    "linesAdded",
    "linesRemoved",
    "testsPassed",
    "sigVerified",
    "data",
];

#[derive(Serialize)]
#[serde(tag = "type", rename = "event", rename_all = "camelCase")]
struct Line<'a> {
    seq: u64,
    received_at: Timestamp,
    sig_verified: Option<bool>,
    event: &'a RawValue,
}

/// Writes an event as one line of NDJSON: when and as which one it arrived, and the envelope as it was received. Line
/// breaks between the members of the envelope are blanks.
pub fn write_line(stored: &StoredEvent, out: &mut Vec<u8>) {
    // It parsed when it was stored.
    let Ok(text) = std::str::from_utf8(stored.event.raw()).map(on_one_line) else { return };
    let Ok(event) = serde_json::from_str::<&RawValue>(&text) else { return };
    let line =
        Line { seq: stored.seq, received_at: stored.received_at, sig_verified: stored.event.sig_verified, event };
    // Writing to memory does not fail.
    drop(serde_json::to_writer(&mut *out, &line));
    out.push(b'\n');
}

/// JSON without line breaks: within its strings there are none, and elsewhere a blank means the same.
fn on_one_line(json: &str) -> Cow<'_, str> {
    let is_break = |c| matches!(c, '\n' | '\r');
    if json.contains(is_break) { json.replace(is_break, " ").into() } else { json.into() }
}

/// Writes the names of the columns (RFC 4180).
pub fn write_csv_header(out: &mut Vec<u8>) {
    write_records(std::iter::once(COLUMNS.map(Cow::from)), out);
}

/// Writes events as rows of CSV (RFC 4180), their payload in the last cell as JSON. What is not known is an empty cell.
pub fn write_csv(events: &[StoredEvent], out: &mut Vec<u8>) {
    write_records(events.iter().map(cells), out);
}

fn write_records<'a>(records: impl Iterator<Item = [Cow<'a, str>; COLUMNS.len()]>, out: &mut Vec<u8>) {
    let mut writer =
        WriterBuilder::new().quote_style(QuoteStyle::NonNumeric).terminator(Terminator::CRLF).from_writer(out);
    for record in records {
        // Writing to memory does not fail, and every record has the same length.
        drop(writer.write_record(record.iter().map(|cell| cell.as_bytes())));
    }
}

fn cells(stored: &StoredEvent) -> [Cow<'_, str>; COLUMNS.len()] {
    let (event, facts) = (&stored.event, &stored.event.facts);
    let known = |value: Option<String>| Cow::Owned(value.unwrap_or_default());
    let lines = |n: u32| if event.kind.is_file_change() { n.to_string().into() } else { "".into() };
    [
        stored.seq.to_string().into(),
        event.id.to_string().into(),
        event.ts.to_string().into(),
        stored.received_at.to_string().into(),
        event.kind.as_str().into(),
        event.source.channel.as_str().into(),
        safe(&event.source.integration),
        safe(&event.source.emitter),
        event.author.as_str().into(),
        event.provenance.attribution.as_str().into(),
        event.provenance.confidence.to_string().into(),
        event.provenance.observability.as_str().into(),
        safe(facts.command.as_deref().unwrap_or_default()),
        facts.command_class.map(|class| class.as_str()).unwrap_or_default().into(),
        known(facts.exit_code.map(|code| code.to_string())),
        safe(facts.path.as_deref().unwrap_or_default()),
        lines(facts.lines_added),
        lines(facts.lines_removed),
        known(facts.test_verdict.map(|passed| passed.to_string())),
        known(event.sig_verified.map(|holds| holds.to_string())),
        // An object, so that it begins like no formula.
        on_one_line(event.data()),
    ]
}

/// A text that strangers wrote, as a cell. One that a spreadsheet would take for a formula begins with an apostrophe
/// (OWASP, "CSV Injection"), also where its first character is the full-width form of such a one; control characters and
/// those that turn the direction of text are written out.
fn safe(text: &str) -> Cow<'_, str> {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠']);
    if !is_formula && !text.contains(is_hidden) {
        return text.into();
    }
    let mut shown = String::from(if is_formula { "'" } else { "" });
    for character in text.chars() {
        if is_hidden(character) {
            // As JSON has it; all of them have four digits at most.
            shown.push_str(&format!("\\u{:04x}", u32::from(character)));
        } else {
            shown.push(character);
        }
    }
    shown.into()
}

/// Whether it does something instead of being seen.
pub(crate) fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests;
