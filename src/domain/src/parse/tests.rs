use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::testing::envelope;

const NOW: i64 = 1_775_037_600_123;

fn limits() -> Limits {
    Limits { now: Timestamp::from_millis(NOW), strict_kinds: false }
}

fn good() -> Value {
    envelope("s-1", "prompt", NOW, json!({ "text": "hello" }))
}

/// A good envelope with one member set.
fn with(name: &str, value: Value) -> Value {
    let mut event = good();
    event[name] = value;
    event
}

fn without(name: &str) -> Value {
    let mut event = good();
    event.as_object_mut().unwrap().remove(name);
    event
}

fn read(raw: impl ToString) -> Result<Event, ParseError> {
    Event::parse(Bytes::from(raw.to_string()), &limits())
}

/// The paths, joined by dots, and codes of what is wrong.
fn wrong(raw: impl ToString) -> Vec<(String, &'static str)> {
    let path = |detail: &Detail| {
        let parts = detail.path.iter().map(|part| match part {
            PathPart::Key(key) => key.to_string(),
            PathPart::Index(index) => index.to_string(),
        });
        parts.collect::<Vec<_>>().join(".")
    };
    read(raw)
        .map_or_else(|error| error.details.iter().map(|detail| (path(detail), detail.code)).collect(), |_| Vec::new())
}

fn one(path: &str, code: &'static str) -> Vec<(String, &'static str)> {
    vec![(path.to_owned(), code)]
}

#[test]
fn a_good_envelope_is_an_event() {
    let value = good();
    let event = read(&value).unwrap();
    assert_eq!(json!(event.id), value["id"]);
    assert_eq!(event.session_id.as_str(), "s-1");
    assert_eq!(event.ts, Timestamp::from_millis(NOW));
    assert_eq!(event.kind, Kind::Prompt);
    assert_eq!(event.author, Author::Unknown);
    assert_eq!(event.provenance, Provenance::default());
    assert!(!event.signed);
}

#[test]
fn each_required_field_is_missed_when_absent_or_null() {
    for name in ["id", "sessionId", "ts", "kind", "source", "v", "data"] {
        assert_eq!(wrong(without(name)), one(name, "required"));
        assert_eq!(wrong(with(name, Value::Null)), one(name, "required"));
    }
    for name in ["actor", "provenance", "sig", "prevSig"] {
        assert!(read(without(name)).is_ok(), "{name}");
        assert!(read(with(name, Value::Null)).is_ok(), "{name}");
    }
}

#[test]
fn each_wrong_type_is_named() {
    for name in ["id", "sessionId", "ts", "kind"] {
        for value in [json!(1), json!(true), json!([]), json!({})] {
            assert_eq!(wrong(with(name, value)), one(name, "invalid_type"));
        }
    }
    for value in [json!(1), json!("x"), json!([]), json!(["hook", "x", "y"])] {
        assert_eq!(wrong(with("data", value.clone())), one("data", "invalid_type"));
        assert_eq!(wrong(with("actor", value.clone())), one("actor", "invalid_type"));
        assert_eq!(wrong(with("provenance", value)), one("provenance", "invalid_type"));
    }
    for value in [json!(1), json!(false), json!(["hook", "x", "y"])] {
        assert_eq!(wrong(with("source", value)), one("source", "invalid_type"));
    }
    for (parent, member) in [
        ("source", "channel"),
        ("source", "integration"),
        ("source", "emitter"),
        ("actor", "type"),
        ("provenance", "attribution"),
        ("provenance", "observability"),
    ] {
        assert_eq!(wrong(with(parent, json!({ member: 1 }))), one(&format!("{parent}.{member}"), "invalid_type"));
        assert!(read(with(parent, json!({ member: null }))).is_ok(), "{parent}.{member}");
    }
}

#[test]
fn values_out_of_bounds_have_their_own_codes() {
    assert_eq!(wrong(with("id", json!("abc"))), one("id", "invalid_uuid"));
    assert_eq!(wrong(with("sessionId", json!("a b"))), one("sessionId", "invalid_session_id"));
    assert_eq!(wrong(with("sessionId", json!("x".repeat(129)))), one("sessionId", "invalid_session_id"));
    assert_eq!(wrong(with("ts", json!("2026-04-01T10:00:00"))), one("ts", "invalid_timestamp"));
    assert_eq!(wrong(with("kind", json!("a-b"))), one("kind", "invalid_kind"));
    assert_eq!(wrong(with("source", json!("x".repeat(129)))), one("source", "too_long"));
    assert_eq!(wrong(with("source", json!({ "emitter": "ä".repeat(129) }))), one("source.emitter", "too_long"));
    assert!(read(with("source", json!({ "emitter": "ä".repeat(128) }))).is_ok());
}

#[test]
fn everything_wrong_is_reported_at_once() {
    let event = json!({
        "id": 7, "sessionId": "", "ts": "x", "kind": "command", "source": { "channel": 1, "emitter": [] },
        "actor": { "type": 1 }, "provenance": { "confidence": 2 }, "v": 2, "data": { "exitCode": "0" },
    });
    let paths: Vec<_> = wrong(event).into_iter().map(|(path, _)| path).collect();
    let expected = [
        "id",
        "sessionId",
        "ts",
        "source.channel",
        "source.emitter",
        "actor.type",
        "provenance.confidence",
        "v",
        "data.command",
        "data.exitCode",
    ];
    assert_eq!(paths, expected);
    let all_missing =
        ["id", "sessionId", "ts", "kind", "source", "v", "data"].map(|name| (name.to_owned(), "required"));
    assert_eq!(wrong("{}"), all_missing);
}

#[test]
fn an_error_names_the_event_where_its_id_can_be_read() {
    let event = with("v", json!(2));
    assert_eq!(json!(read(&event).unwrap_err().id), event["id"]);
    assert_eq!(read(with("id", json!("x"))).unwrap_err().id, None);
    let detail = json!(read(with("v", json!(2))).unwrap_err().details[0]);
    assert_eq!(detail, json!({ "path": ["v"], "message": "must be 1", "code": "unsupported_version" }));
}

#[test]
fn what_is_no_json_object_is_refused() {
    for raw in ["", " ", "{", "nonsense", "{}{}", "{\"a\":1,}", "{\"a\nb\":1}", "{\"x\":\"\u{1}\"}"] {
        assert_eq!(wrong(raw), one("", "invalid_json"), "{raw}");
    }
    for raw in ["[]", "1", "null", "\"x\"", &format!("[\"{}\",\"s\"]", Uuid::nil())] {
        assert_eq!(wrong(raw), one("", "invalid_type"), "{raw}");
    }
    let mut raw = with("extra", json!("x-x")).to_string().into_bytes();
    let at = raw.windows(3).position(|part| part == b"x-x").unwrap();
    raw[at] = 0xff;
    assert_eq!(Event::parse(raw.into(), &limits()).unwrap_err().details[0].code, "invalid_json");
}

#[test]
fn a_field_that_is_there_twice_is_named() {
    let twice = good().to_string().replacen('{', "{\"v\":1,", 1);
    assert_eq!(wrong(twice), one("v", "duplicate_field"));
    assert!(read(good().to_string().replacen('{', "{\"x\":1,\"x\":2,", 1)).is_ok());
}

#[test]
fn the_version_is_the_integer_1() {
    assert!(read(good().to_string().replace("\"v\":1", "\"v\":1.0")).is_ok());
    for version in [json!(0), json!(2)] {
        assert_eq!(wrong(with("v", version)), one("v", "unsupported_version"));
    }
    for version in [json!("1"), json!(1.5), json!(true)] {
        assert_eq!(wrong(with("v", version)), one("v", "invalid_type"));
    }
}

#[test]
fn a_source_that_is_a_string_names_the_integration() {
    for (text, channel) in [
        ("claude-code", Channel::Hook),
        ("cursor", Channel::Hook),
        ("codex", Channel::Hook),
        ("hook", Channel::Hook),
        ("cli", Channel::Cli),
        ("terminal", Channel::Terminal),
        ("something-else", Channel::Unknown),
        ("", Channel::Unknown),
    ] {
        let source = read(with("source", json!(text))).unwrap().source;
        assert_eq!((source.channel, &*source.integration, &*source.emitter), (channel, text, "unknown"));
    }
}

#[test]
fn the_parts_of_a_source_are_optional_and_unknown_words_are_unknown() {
    let source = |value: Value| read(with("source", value)).unwrap().source;
    let full = source(json!({ "channel": "ide-extension", "integration": "vscode", "emitter": "x", "more": 1 }));
    assert_eq!((full.channel, &*full.integration, &*full.emitter), (Channel::IdeExtension, "vscode", "x"));
    let empty = source(json!({}));
    assert_eq!((empty.channel, &*empty.integration, &*empty.emitter), (Channel::Unknown, "unknown", "unknown"));
    assert_eq!(source(json!({ "channel": "pigeon" })).channel, Channel::Unknown);
}

#[test]
fn unknown_words_of_author_and_provenance_are_unknown() {
    let author = |value: Value| read(with("actor", value)).unwrap().author;
    assert_eq!(author(json!({ "type": "human", "role": "candidate" })), Author::Human);
    assert_eq!(author(json!({ "type": "ghost" })), Author::Unknown);
    assert_eq!(author(json!({})), Author::Unknown);
    let provenance = |value: Value| read(with("provenance", value)).unwrap().provenance;
    let full = provenance(json!({ "attribution": "mixed", "confidence": 1, "observability": "low", "methods": ["x"] }));
    let expected = Provenance { attribution: Attribution::Mixed, confidence: 1.0, observability: Observability::Low };
    assert_eq!(full, expected);
    assert_eq!(provenance(json!({})), Provenance::default());
    let strange = provenance(json!({ "attribution": "x", "observability": "y" }));
    assert_eq!((strange.attribution, strange.observability), (Attribution::Unknown, Observability::Unknown));
}

#[test]
fn confidence_is_from_0_to_1() {
    let with_confidence = |json: &str| {
        let event = with("provenance", json!({ "confidence": "here" })).to_string().replace("\"here\"", json);
        read(event).map(|event| event.provenance.confidence).map_err(|error| error.details[0].code)
    };
    for (json, expected) in [
        ("0", Ok(0.0)),
        ("1", Ok(1.0)),
        ("0.25", Ok(0.25)),
        ("null", Ok(0.5)),
        ("-0.01", Err("out_of_range")),
        ("1.01", Err("out_of_range")),
        ("1e999", Err("out_of_range")),
        ("\"1\"", Err("invalid_type")),
    ] {
        assert_eq!(with_confidence(json), expected, "{json}");
    }
}

#[test]
fn times_are_cut_to_milliseconds() {
    let ts = |text: &str| read(with("ts", json!(text))).unwrap().ts.to_string();
    assert_eq!(ts("2026-04-01T10:00:00.9999999Z"), "2026-04-01T10:00:00.999Z");
    assert_eq!(ts("2026-04-01T12:00:00.5+02:00"), "2026-04-01T10:00:00.500Z");
    assert_eq!(ts("1970-01-01T00:00:00.0004Z"), "1970-01-01T00:00:00.000Z");
}

#[test]
fn a_time_may_be_24_hours_ahead_and_not_a_millisecond_more() {
    let ahead = |millis: i64| with("ts", json!(Timestamp::from_millis(NOW + 24 * 60 * 60 * 1000 + millis)));
    assert!(read(ahead(-1)).is_ok());
    assert!(read(ahead(0)).is_ok());
    assert_eq!(wrong(ahead(1)), one("ts", "too_far_ahead"));
    assert!(read(with("ts", json!("1999-12-31T23:59:59Z"))).is_ok());
}

#[test]
fn kinds_are_normalised_and_new_ones_taken_unless_strict() {
    let kind = |word: &str| read(with("kind", json!(word))).unwrap().kind;
    assert_eq!(kind("tool_call"), Kind::ToolResult);
    assert_eq!(kind("editor_focus").as_str(), "editor_focus");
    let strict = Limits { strict_kinds: true, ..limits() };
    let parse = |word: &str| Event::parse(Bytes::from(with("kind", json!(word)).to_string()), &strict);
    assert_eq!(parse("editor_focus").unwrap_err().details[0].code, "unknown_kind");
    assert!(parse("tool_call").is_ok());
}

#[test]
fn only_a_signature_makes_an_event_signed() {
    assert!(read(with("sig", json!("ab"))).unwrap().signed);
    assert!(!read(with("sig", Value::Null)).unwrap().signed);
    assert!(!read(with("prevSig", json!("ab"))).unwrap().signed);
}

#[test]
fn bytes_and_data_are_kept_exactly() {
    let data = r#"{ "b":1.50,"a" : 1E+2, "big":123456789012345678901234567890,"text":"\u0041\ud800", "a":[ ] }"#;
    let raw = format!(
        "\r\n\t {{ \"sig\" : \"x\",\"extra\":{{\"v\":7}},\"id\":\"{}\",\"sessionId\":\"s\",\"ts\":\"2026-04-01T10:00:00.10Z\",\
         \"kind\":\"ai_response\",\"source\":\"cli\",\"v\":1,\"data\" : {data} , \"rawPayload\":\"caf\u{e9}\"}} \n",
        Uuid::nil()
    );
    let event = read(&raw).unwrap();
    assert_eq!(event.raw(), raw.as_bytes());
    assert_eq!(event.data(), data);
}

#[test]
fn the_envelopes_of_real_clients_are_events() {
    let tool = r#"{"id":"01234567-89ab-4def-8123-456789abcdef","sessionId":"sess-abc","ts":"2026-01-01T00:00:01.5Z",
        "kind":"command","source":"terminal","v":1,"data":{"command":"ls \u003e x","exitCode":0,"stdout":"","stderr":"",
        "durationMs":1000,"human":true},"actor":{"type":"human","role":"candidate"},"provenance":{"attribution":
        "likely_human","confidence":0.8,"observability":"medium","methods":["hook"]},"rawPayload":"{\"a\":\"\ufffd",
        "relatedEventIds":["x"],"sig":"00","prevSig":""}"#;
    let event = read(tool).unwrap();
    assert_eq!((event.source.channel, event.author, event.signed), (Channel::Terminal, Author::Human, true));
    assert_eq!(event.facts.command.as_deref(), Some("ls > x"));
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_make_it_panic(bytes in any::<Vec<u8>>()) {
        prop_assert!(Event::parse(Bytes::from(bytes), &limits()).is_err());
    }

    #[test]
    fn a_damaged_event_never_makes_it_panic(event in crate::testing::arb_event(), at in any::<prop::sample::Index>(), byte: u8) {
        let mut raw = event.to_string().into_bytes();
        let at = at.index(raw.len());
        raw[at] = byte;
        if let Err(error) = Event::parse(Bytes::from(raw), &limits()) {
            prop_assert!(!error.details.is_empty());
        }
    }

    #[test]
    fn random_events_are_events_and_keep_their_bytes(event in crate::testing::arb_event()) {
        let parsed = crate::testing::parse(&event);
        prop_assert_eq!(parsed.raw(), &Bytes::from(event.to_string()));
        prop_assert_eq!(serde_json::from_str::<Value>(parsed.data()).unwrap(), event["data"].clone());
    }
}
