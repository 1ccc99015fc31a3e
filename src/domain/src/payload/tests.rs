use super::*;

fn read_json(kind: &str, data: &str) -> Result<Facts, Vec<Detail>> {
    let mut details = Vec::new();
    let facts = read(&Kind::parse(kind).unwrap(), serde_json::from_str(data).unwrap(), &mut details);
    facts.ok_or(details)
}

#[track_caller]
fn facts_of(kind: &str, data: &str) -> Facts {
    read_json(kind, data).unwrap()
}

/// The names and codes of the fields that are wrong.
#[track_caller]
fn wrong(kind: &str, data: &str) -> Vec<(String, &'static str)> {
    let details = read_json(kind, data).unwrap_err();
    details
        .into_iter()
        .map(|detail| match detail.path.as_slice() {
            [data, crate::PathPart::Key(name)] if *data == "data".into() => (name.to_string(), detail.code),
            path => panic!("{path:?}"),
        })
        .collect()
}

const STRICT: [&str; 6] = ["command", "file_diff", "file_create", "test_run", "git_action", "checkpoint"];

/// A payload of `kind` in which every member with a rule is right.
fn right(kind: &str) -> serde_json::Map<String, serde_json::Value> {
    let rules = rules(&Kind::parse(kind).unwrap());
    let value = |wanted: &Type| match wanted {
        Type::Text => "x".into(),
        Type::Bool => true.into(),
        Type::Integer => (-1).into(),
        Type::Count => 3.into(),
        Type::Duration => 1.5.into(),
    };
    rules.iter().map(|(name, wanted, _)| ((*name).to_owned(), value(wanted))).collect()
}

#[test]
fn the_strict_kinds_are_six() {
    for kind in STRICT {
        assert!(!rules(&Kind::parse(kind).unwrap()).is_empty(), "{kind}");
        assert!(read_json(kind, &serde_json::to_string(&right(kind)).unwrap()).is_ok(), "{kind}");
    }
    for kind in ["prompt", "ai_response", "file_delete", "build_run", "decision_event", "mcp_call", "planning", "x"] {
        assert!(rules(&Kind::parse(kind).unwrap()).is_empty(), "{kind}");
    }
}

#[test]
fn each_member_of_a_strict_kind_is_held_to_its_type() {
    for kind in STRICT {
        for (name, wanted, required) in rules(&Kind::parse(kind).unwrap()) {
            let with = |json: &str| {
                let mut data = right(kind);
                data.insert((*name).to_owned(), serde_json::from_str(json).unwrap());
                read_json(kind, &serde_json::to_string(&data).unwrap()).map_err(|details| details[0].code)
            };
            let (good, bad, beyond): (&[_], &[_], &[_]) = match wanted {
                Type::Text => (&["\"\""], &["1", "true", "[]", "{}"], &[]),
                Type::Bool => (&["true", "false"], &["1", "\"true\"", "[]"], &[]),
                Type::Integer => (&["0", "-1", "1.0", "137"], &["1.5", "\"1\"", "false", "{}"], &[]),
                Type::Count => (&["0", "7", "1.0", "1e3"], &["1.5", "\"1\"", "true"], &["-1", "-1.0", "-1e30"]),
                Type::Duration => (&["0", "1.5", "1e300"], &["\"1\"", "true", "[]"], &["-1", "-0.5"]),
            };
            for json in good {
                assert!(with(json).is_ok(), "{kind}.{name} = {json}");
            }
            for json in bad {
                assert_eq!(with(json), Err("invalid_type"), "{kind}.{name} = {json}");
            }
            for json in beyond {
                assert_eq!(with(json), Err("out_of_range"), "{kind}.{name} = {json}");
            }
            assert_eq!(with("null").err(), required.then_some("required"), "{kind}.{name} = null");
            let mut data = right(kind);
            data.remove(*name);
            let without = read_json(kind, &serde_json::to_string(&data).unwrap());
            assert_eq!(without.is_err(), *required, "{kind} without {name}");
        }
    }
}

#[test]
fn all_wrong_members_are_named_at_once() {
    let data = r#"{"exitCode":"1","durationMs":-1,"stdout":7,"human":"yes","extra":[1]}"#;
    let expected = [
        ("command", "required"),
        ("exitCode", "invalid_type"),
        ("durationMs", "out_of_range"),
        ("stdout", "invalid_type"),
        ("human", "invalid_type"),
    ];
    assert_eq!(wrong("command", data), expected.map(|(name, code)| (name.to_owned(), code)));
    assert_eq!(wrong("file_diff", r#"{"path":null}"#), [("path".to_owned(), "required")]);
}

#[test]
fn the_last_of_several_equal_members_counts() {
    assert_eq!(facts_of("command", r#"{"command":7,"command":"ls"}"#).command.as_deref(), Some("ls"));
    assert_eq!(wrong("command", r#"{"command":"ls","command":7}"#), [("command".to_owned(), "invalid_type")]);
}

#[test]
fn a_command_has_its_text_its_class_and_its_exit_code() {
    let facts = facts_of("command", r#"{"command":"cd x \u0026\u0026 npm test","exitCode":1.0,"more":{}}"#);
    assert_eq!(facts.command.as_deref(), Some("cd x && npm test"));
    assert_eq!(facts.command_class, Some(CommandClass::Test));
    assert_eq!(facts.exit_code, Some(1));
    assert_eq!(facts.test_verdict, Some(false));
    assert_eq!(facts_of("command", r#"{"command":"ls"}"#).command_class, None);
}

#[test]
fn an_exit_code_beyond_64_bits_is_the_nearest_and_a_failure() {
    for (code, expected) in [
        ("9223372036854775808", i64::MAX),
        ("1e30", i64::MAX),
        ("-1e999", i64::MIN),
        ("-9223372036854775809", i64::MIN),
        ("-9223372036854775808", i64::MIN),
    ] {
        let facts = facts_of("command", &format!(r#"{{"command":"pytest","exitCode":{code}}}"#));
        assert_eq!((facts.exit_code, facts.test_verdict), (Some(expected), Some(false)), "{code}");
    }
}

#[test]
fn a_test_command_says_what_its_exit_code_says() {
    let verdict = |data: &str| facts_of("command", data).test_verdict;
    assert_eq!(verdict(r#"{"command":"pytest","exitCode":0}"#), Some(true));
    assert_eq!(verdict(r#"{"command":"pytest","exitCode":2}"#), Some(false));
    assert_eq!(verdict(r#"{"command":"pytest","exitCode":null}"#), None);
    assert_eq!(verdict(r#"{"command":"pytest"}"#), None);
    assert_eq!(verdict(r#"{"command":"npm run build","exitCode":0}"#), None);
    assert_eq!(verdict(r#"{"command":"ls","exitCode":0}"#), None);
}

#[test]
fn a_test_run_passed_with_something_passed_and_nothing_failed() {
    let verdict = |data: &str| facts_of("test_run", data).test_verdict;
    assert_eq!(verdict(r#"{"passed":3,"failed":0}"#), Some(true));
    assert_eq!(verdict(r#"{"passed":3}"#), Some(true));
    assert_eq!(verdict(r#"{"passed":3,"failed":null}"#), Some(true));
    assert_eq!(verdict(r#"{"passed":3,"failed":1}"#), Some(false));
    assert_eq!(verdict(r#"{"passed":0,"failed":0}"#), Some(false));
    assert_eq!(verdict(r#"{"failed":0}"#), Some(false));
    assert_eq!(verdict(r#"{"skipped":4}"#), None);
    assert_eq!(verdict(r#"{"passed":null,"failed":null}"#), None);
    assert_eq!(verdict("{}"), None);
}

#[test]
fn changes_have_a_path_and_lines() {
    let facts = facts_of("file_diff", r#"{"path":"a.rs","linesAdded":3,"linesRemoved":1.0}"#);
    assert_eq!((facts.path.as_deref(), facts.lines_added, facts.lines_removed), (Some("a.rs"), 3, 1));
    assert_eq!(facts_of("file_diff", r#"{"path":""}"#), Facts::default());
    assert_eq!(facts_of("file_diff", r#"{"path":"a","linesAdded":1e300}"#).lines_added, Facts::MAX_LINES);
    let created = facts_of("file_create", r#"{"path":"b","linesAdded":2,"linesRemoved":"x"}"#);
    assert_eq!((created.path.as_deref(), created.lines_added, created.lines_removed), (Some("b"), 2, 0));
}

#[test]
fn loose_kinds_give_what_is_well_typed_and_refuse_nothing() {
    let deleted = facts_of("file_delete", r#"{"path":"c","linesRemoved":5,"linesAdded":-3}"#);
    assert_eq!((deleted.path.as_deref(), deleted.lines_added, deleted.lines_removed), (Some("c"), 0, 5));
    assert_eq!(facts_of("file_delete", r#"{"path":7,"linesRemoved":1.5,"linesAdded":"4"}"#), Facts::default());
    for kind in ["prompt", "session_start", "decision_event", "build_run", "tool_result", "anything"] {
        assert_eq!(facts_of(kind, r#"{"path":7,"command":[],"exitCode":"x","text":null}"#), Facts::default(), "{kind}");
    }
}

#[test]
fn ten_mebibytes_of_output_are_skipped() {
    let data = format!(r#"{{"stdout":"{}","command":"ls","exitCode":0}}"#, "x".repeat(10 << 20));
    assert_eq!(facts_of("command", &data).command.as_deref(), Some("ls"));
}
