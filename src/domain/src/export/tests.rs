use bytes::Bytes;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::{Event, Limits, OrgId};

fn stored(envelope: &str) -> StoredEvent {
    let limits = Limits { now: Timestamp::from_millis(1_775_037_600_000), strict_kinds: true };
    let event = Event::parse(Bytes::from(envelope.to_owned()), &limits).unwrap();
    let org = OrgId::sample(Uuid::from_u128(7));
    StoredEvent { event, org, seq: 42, received_at: Timestamp::from_millis(1_775_037_600_000) }
}

fn envelope(kind: &str, source: &str, data: &Value) -> String {
    json!({"v": 1, "id": "01234567-89ab-4def-8123-456789abcdef", "sessionId": "s", "kind": kind,
        "ts": "2026-04-01T10:00:00Z", "source": source, "data": data})
    .to_string()
}

fn csv_of(events: &[StoredEvent]) -> String {
    let mut out = Vec::new();
    write_csv(events, &mut out);
    String::from_utf8(out).unwrap()
}

/// The cells of the only row, as a reader of CSV sees them.
fn cells_of(events: &[StoredEvent]) -> Vec<String> {
    let text = csv_of(events);
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    let record = reader.records().next().unwrap().unwrap();
    record.iter().map(str::to_owned).collect()
}

fn cell(events: &[StoredEvent], name: &str) -> String {
    let place = COLUMNS.iter().position(|column| *column == name).unwrap();
    cells_of(events).swap_remove(place)
}

#[test]
fn a_line_holds_the_envelope_as_it_was_received_without_its_line_breaks() {
    let raw = "\n{\"v\":1,\r\n \"id\":\"01234567-89AB-4def-8123-456789abcdef\",\"sessionId\":\"s\",\"kind\":\"prompt\",\
        \"ts\":\"2026-04-01T12:00:00.1+02:00\",\"source\":\"cursor\",\"data\":{\"text\" : 1.50,\"a\":\"\\n\\u00e4\"},\"extra\":[1]}";
    let mut out = b"before".to_vec();
    write_line(&stored(raw), &mut out);
    let expected = concat!(
        r#"before{"type":"event","seq":42,"receivedAt":"2026-04-01T10:00:00.000Z","sigVerified":null,"#,
        r#""event":{"v":1,   "id":"01234567-89AB-4def-8123-456789abcdef","sessionId":"s","kind":"prompt","#,
        r#""ts":"2026-04-01T12:00:00.1+02:00","source":"cursor","data":{"text" : 1.50,"a":"\n\u00e4"},"extra":[1]}}"#,
        "\n"
    );
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

#[test]
fn a_row_has_a_cell_for_each_column_and_quotes_what_is_no_number() {
    let command = stored(&envelope("command", "claude-code", &json!({"command": "npm test, \"x\"", "exitCode": -1})));
    let mut out = Vec::new();
    write_csv_header(&mut out);
    write_csv(std::slice::from_ref(&command), &mut out);
    let expected = concat!(
        r#""seq","id","ts","receivedAt","kind","channel","integration","emitter","actor","attribution","confidence","#,
        r#""observability","command","commandClass","exitCode","path","linesAdded","linesRemoved","testsPassed","#,
        "\"sigVerified\",\"data\"\r\n",
        r#"42,"01234567-89ab-4def-8123-456789abcdef","2026-04-01T10:00:00.000Z","2026-04-01T10:00:00.000Z","command","#,
        r#""hook","claude-code","unknown","unknown","unknown",0.5,"partial","npm test, ""x""","test",-1,"","","","false","","#,
        "\"{\"\"command\"\":\"\"npm test, \\\"\"x\\\"\"\"\",\"\"exitCode\"\":-1}\"\r\n",
    );
    assert_eq!(String::from_utf8(out).unwrap(), expected);
    let change = stored(&envelope("file_diff", "cursor", &json!({"path": "a/ü", "linesAdded": 3})));
    let row = [change];
    assert_eq!([cell(&row, "path"), cell(&row, "linesAdded"), cell(&row, "linesRemoved")], ["a/ü", "3", "0"]);
}

#[test]
fn no_cell_is_a_formula_or_hides_anything() {
    for first in ["=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠"] {
        let text = format!("{first}cmd|' /C calc'!A0");
        let row = [stored(&envelope("command", "cli", &json!({"command": text})))];
        assert!(cell(&row, "command").starts_with('\''), "{text}");
        let row = [stored(&envelope("file_create", "cli", &json!({"path": text})))];
        assert!(cell(&row, "path").starts_with('\''), "{text}");
        let source = json!({"channel": "hook", "integration": text, "emitter": text}).to_string();
        let raw = envelope("prompt", "-", &json!({})).replace("\"-\"", &source);
        let row = [stored(&raw)];
        assert!(cell(&row, "integration").starts_with('\'') && cell(&row, "emitter").starts_with('\''), "{text}");
    }
    let row = [stored(&envelope("command", "cli", &json!({"command": "a\u{1b}[31m\nb\u{202e}c"})))];
    assert_eq!(cell(&row, "command"), "a\\u001b[31m\\u000ab\\u202ec");
    // A blank before it keeps it from being one.
    let row = [stored(&envelope("command", "cli", &json!({"command": " =1"})))];
    assert_eq!(cell(&row, "command"), " =1");
}

#[test]
fn data_stays_json_on_one_line() {
    let raw = envelope("prompt", "cli", &json!({"text": "a\nb"})).replace("{\"text\"", "{\n \"text\"");
    let row = [stored(&raw)];
    assert!(!csv_of(&row).trim_end().contains('\n'));
    assert_eq!(serde_json::from_str::<Value>(&cell(&row, "data")).unwrap(), json!({"text": "a\nb"}));
}
