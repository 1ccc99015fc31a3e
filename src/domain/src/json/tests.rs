use proptest::prelude::*;

use super::*;

fn raw(json: &str) -> &RawValue {
    serde_json::from_str(json).unwrap()
}

#[test]
fn the_65th_level_is_too_deep_and_brackets_in_strings_do_not_count() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert!(!exceeds_depth(nested(64).as_bytes(), MAX_JSON_DEPTH));
    assert!(exceeds_depth(nested(65).as_bytes(), MAX_JSON_DEPTH));
    assert!(!exceeds_depth(format!(r#"{{"a":"\"{}"}}"#, "[".repeat(99)).as_bytes(), MAX_JSON_DEPTH));
    assert!(!exceeds_depth("[],".repeat(99).as_bytes(), 1));
}

#[test]
fn the_last_of_several_members_counts_and_null_is_absent() {
    let members = Members::of(raw(r#" {"a":1,"b":null,"x":[{"a":9}],"a":2} "#), &["a", "b", "c"]).unwrap();
    assert_eq!(members.get("a").map(RawValue::get), Some("2"));
    assert!(members.get("b").is_none() && members.get("c").is_none());
    assert_eq!(members.repeated, Some("a"));
}

#[test]
fn only_objects_have_members() {
    for json in ["[]", "[1,2]", "1", "null", "\"a\""] {
        assert!(Members::of(raw(json), &["a"]).is_none(), "{json}");
    }
    assert!(Members::of(raw(r#"{"\ud800":1}"#), &["a"]).is_some());
}

#[test]
fn names_are_read_like_values() {
    let named = |json| Members::of_text(json, &["a\"b", "ü", "id"]).map(|members| members.found.len());
    assert_eq!(named(r#"{"a\"b":1,"\u00fc":2,"\u0069d":3,"ID":4}"#), Some(3));
    assert_eq!(named(r#"{"ü":1,"\ud800":2,"i\\d":3}"#), Some(1));
    for broken in ["{\"i\nd\":1}", r#"{"\q":1}"#, r#"{"id":1} x"#, r#"{"id":1"#, r#"{"id":01}"#, "{id:1}", ""] {
        assert_eq!(named(broken), None, "{broken}");
    }
}

proptest! {
    /// One pass takes for an object what two take for one, and finds the same in it.
    #[test]
    fn one_pass_sees_what_two_see(bytes in prop_oneof![
        "[ {}\\[\\]\",:a1\\\\nu0d8\n-]{0,24}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..8).prop_map(|junk| [b"{\"a\":\"", &*junk, b"\"}"].concat()),
        prop::collection::vec(any::<u8>(), 0..8).prop_map(|junk| [b"{\"", &*junk, b"\":1}"].concat()),
    ]) {
        let wanted = ["a", "1", "n"];
        let one = std::str::from_utf8(&bytes).ok().and_then(|text| Members::of_text(text, &wanted));
        let two = serde_json::from_slice::<&RawValue>(&bytes).ok().and_then(|json| Members::of(json, &wanted));
        let found = |members: &Members<'_>| members.found.iter().map(|(name, value)| (*name, value.get().to_owned())).collect::<Vec<_>>();
        prop_assert_eq!(one.as_ref().map(found), two.as_ref().map(found));
        if one.is_some() {
            prop_assert!(serde_json::from_slice::<&RawValue>(&bytes).is_ok());
        }
    }
}

#[test]
fn half_a_surrogate_pair_does_not_spoil_a_text() {
    assert_eq!(text(raw(r#""a\u00e9\n""#)).as_deref(), Some("aé\n"));
    assert_eq!(text(raw(r#""\ud83d\ude00""#)).as_deref(), Some("😀"));
    assert!(text(raw(r#""npm test \ud83d""#)).unwrap().starts_with("npm test \u{fffd}"));
    assert_eq!(text(raw("[104,105]")), None);
}

#[test]
fn integers_may_be_written_as_whole_floats() {
    for (json, expected) in [
        ("1", Some(1)),
        ("1.0", Some(1)),
        ("-0", Some(0)),
        ("-2.0", Some(-2)),
        ("1e3", Some(1000)),
        ("18446744073709551615", Some(18_446_744_073_709_551_615)),
        ("1e999", Some(i128::MAX)),
        ("1.5", None),
        ("\"1\"", None),
        ("true", None),
        ("null", None),
        ("{}", None),
    ] {
        assert_eq!(integer(raw(json)), expected, "{json}");
    }
}

/// JSON of arrays, objects and strings, with its depth.
fn arb_json() -> impl Strategy<Value = (String, usize)> {
    let leaf = prop_oneof![
        Just(("1".to_owned(), 0)),
        r#"[a-z\[\]{}", ]{0,8}"#.prop_map(|text| (serde_json::to_string(&text).unwrap(), 0)),
    ];
    leaf.prop_recursive(6, 40, 4, |inner| {
        (prop::collection::vec(inner, 0..4), any::<bool>()).prop_map(|(members, object)| {
            let depth = members.iter().map(|(_, depth)| depth + 1).max().unwrap_or(1);
            let parts = members.into_iter().map(|(json, _)| if object { format!("\"[\":{json}") } else { json });
            let inside = parts.collect::<Vec<_>>().join(" , ");
            (if object { format!("{{{inside}}}") } else { format!("[{inside}]") }, depth)
        })
    })
}

proptest! {
    #[test]
    fn depth_is_counted_as_a_parser_counts_it((json, depth) in arb_json(), max in 0usize..8) {
        prop_assert_eq!(exceeds_depth(json.as_bytes(), max), depth > max);
    }

    #[test]
    fn depth_of_arbitrary_bytes_can_be_asked(bytes in any::<Vec<u8>>(), max in 0usize..8) {
        let _ = exceeds_depth(&bytes, max);
    }
}
