//! What each rule takes and refuses, and that its schema says the same.

use super::*;

/// The rule takes every one of `good` and refuses every one of `bad`.
fn check<T>(rule: &impl Rule<Value = T>, good: &[Value], bad: &[Value]) {
    let schema = jsonschema::validator_for(&rule.schema()).unwrap();
    for value in good {
        assert!(rule.check(value).is_ok(), "{value} is good");
        assert!(schema.is_valid(value), "{value} fits {}", rule.schema());
    }
    for value in bad {
        assert!(rule.check(value).is_err(), "{value} is bad");
    }
}

/// Values that the schema refuses, as the rule does.
fn fits_not<T>(rule: &impl Rule<Value = T>, values: &[Value]) {
    let schema = jsonschema::validator_for(&rule.schema()).unwrap();
    for value in values {
        assert!(rule.check(value).is_err() && !schema.is_valid(value), "{value} fits not {}", rule.schema());
    }
}

#[test]
fn text_is_counted_in_characters_without_blanks_around_it() {
    let good = [json!("a"), json!("äöü"), json!("a b"), json!("\u{a0} abc \u{85}"), json!("\u{1d}bc\u{3000}")];
    check(&text(1..=3), &good, &[json!("abcd"), json!(7), Value::Null]);
    fits_not(&text(1..=3), &[json!(""), json!(" "), json!("a\0b"), json!("abcd"), json!(" abcd"), json!(["a"])]);
    fits_not(&text(1..=255), &[json!("a".repeat(256)), json!(format!(" {} ", "a".repeat(256)))]);
    check(&text(1..=255), &[json!(format!(" {} ", "a".repeat(255)))], &[]);
    check(&text(0..=2048), &[json!("ä".repeat(2048)), json!(" ")], &[]);
    fits_not(&text(0..=2048), &[json!("ä".repeat(2049))]);
    check(&text(3..=5), &[json!(" abc "), json!("a b c")], &[json!("abcdef"), json!("a\0c")]);
    fits_not(&text(3..=5), &[json!("ab"), json!(" ab "), json!("  a   "), json!("   "), json!("")]);
    assert_eq!(text(1..=3).check(&json!("  abc  ")), Ok("abc".to_owned()));
    check(&text(0..=3), &[json!(""), json!(" "), json!("abc")], &[json!("a\0")]);
}

#[test]
fn integers_are_within_their_range_however_they_are_written() {
    check(&integer(1..=5), &[json!(1), json!(5), json!(5.0)], &[json!(1.5), json!(u64::MAX), json!(1e300)]);
    fits_not(&integer(1..=5), &[json!(0), json!(6), json!("1"), json!(true)]);
    check(&positive_number(1000.0), &[json!(0.01), json!(1000)], &[]);
    fits_not(&positive_number(1000.0), &[json!(0), json!(-1), json!(1000.01), json!("1")]);
}

#[test]
fn hexadecimal_digits_are_counted_and_lowered() {
    assert_eq!(hex(7..=64).check(&json!(" ABCDEF0 ")), Ok("abcdef0".to_owned()));
    check(&hex(7..=64), &[json!("abcdef0"), json!(" ABCDEF0 ")], &[]);
    fits_not(&hex(7..=64), &["abcdef", "abcdefg", "äbcdef0", &"a".repeat(65)].map(Value::from));
    fits_not(&hex(7..=64), &[json!(1_234_567)]);
    check(&or_empty(hex(7..=64)), &[json!(""), json!("abcdef0")], &[json!("abc")]);
    check(&verbatim(3), &[json!(" a ")], &[json!("ää"), json!(7)]);
}

#[test]
fn lists_are_as_long_as_they_may_be_and_their_members_follow_the_rule() {
    let rule = list(1..=2, one_of(&["read", "write"]));
    check(&rule, &[json!(["read"]), json!(["read", "write"])], &[]);
    fits_not(&rule, &[json!([]), json!(["read", "read", "read"]), json!(["admin"]), json!("read"), json!([null])]);
}

#[test]
fn repositories_are_named_by_absolute_urls() {
    let good = ["https://git.example/a/b.git", "ssh://git@git.example/a", "git@git.example:a/b.git"];
    let bad = ["", "a/b", "file:///etc", "javascript:x", "git@x", "--upload-pack=x", "https://", "https://a b/"];
    check(&repo_url(), &good.map(Value::from), &bad.map(Value::from));
    fits_not(&repo_url(), &bad.map(Value::from));
}

#[test]
fn addresses_of_the_web_are_whole() {
    let good = [
        "https://a.example",
        "https://a.example/hook*?x=%20#y",
        " https://b\u{fc}cher.example:8443/ ",
        "HTTP://[::1]/",
    ];
    let bad = ["", "a.example", "https:a.example", "https:///a", "https:\\a", "ht\ttps://a.example", "javascript://a/"];
    check(&web_url(), &good.map(Value::from), &bad.map(Value::from));
    check(&webhook_url(), &good.map(Value::from), &bad.map(Value::from));
    let more = ["ftp://a.example/", "https//a.example"].map(Value::from);
    fits_not(&web_url(), &more);
    fits_not(&webhook_url(), &more);
}

#[test]
fn addresses_have_a_local_part_and_a_domain() {
    let good = ["a@b.example", "first.last+tag@sub.example.org"];
    let bad = ["a", "a@b", "@b.example", "a@b@c.example", "a b@c.example", "a@-c.example", "a@c..example"];
    check(&email(), &good.map(Value::from), &bad.map(Value::from));
    fits_not(&email(), &bad.map(Value::from));
}

#[test]
fn keys_ids_and_instants_are_written_as_documented() {
    let key = "A".repeat(43) + "=";
    check(&signing_pubkey(), &[json!(""), json!(key)], &[json!("A"), json!("A".repeat(44))]);
    check(&uuid(), &[json!("0190a0a0-0000-7000-8000-000000000000")], &[json!(""), json!("x"), json!(7)]);
    check(&session_id(), &[json!("a"), json!("s:1.2_3-4")], &[]);
    fits_not(&session_id(), &["", "a b", "ä", &"a".repeat(129)].map(Value::from));
    let good = [json!("2026-04-01T10:15:00Z"), json!("2026-04-01T10:15:00.123+02:00")];
    check(&instant(), &good, &["2026-04-01", "2026-04-01T10:15:00", "now"].map(Value::from));
    check(&object(), &[json!({})], &[json!([]), json!("{}")]);
    check(&document(5), &[json!(" a\n")], &[json!(" "), json!("äää"), json!(1)]);
}
