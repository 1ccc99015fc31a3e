//! Canonical texts, by hand.

use super::super::{Canonical, Spelling};

fn spelled(data: &str, spelling: Spelling) -> String {
    Canonical::read(data).unwrap_or_else(|| panic!("{data} is JSON")).spelled(spelling)
}

fn check(data: &str, expected: &str) {
    assert_eq!(spelled(data, Spelling::J), expected, "{data}");
}

#[test]
fn numbers_print_as_in_javascript() {
    for (number, expected) in [
        ("0", "0"),
        ("-0", "0"),
        ("-0.0", "0"),
        ("1.0", "1"),
        ("1.50", "1.5"),
        ("-12e1", "-120"),
        ("1e5", "100000"),
        ("0.000001", "0.000001"),
        ("0.0000001", "1e-7"),
        ("1.5E-7", "1.5e-7"),
        ("1e20", "100000000000000000000"),
        ("123456789012345678901234", "1.2345678901234569e+23"),
        ("1e21", "1e+21"),
        ("5e-324", "5e-324"),
        ("1.7976931348623157e308", "1.7976931348623157e+308"),
        ("0.1", "0.1"),
        ("0.30000000000000004", "0.30000000000000004"),
        ("9007199254740993", "9007199254740993"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("18446744073709551615", "18446744073709551615"),
        ("18446744073709551616", "18446744073709552000"),
        ("999999999999999999999", "1e+21"),
        ("1e999", "null"),
        ("-1e999", "null"),
        ("1e-999", "0"),
    ] {
        check(number, expected);
    }
}

#[test]
fn members_go_by_the_bytes_of_their_names_and_the_last_of_a_name_counts() {
    // By UTF-16 units, as JavaScript sorts, the last two would change places.
    check(
        r#"{"😀":1,"￿":2,"b":3,"B":4,"":5,"a":6,"ab":7,"\u0061":8}"#,
        r#"{"":5,"B":4,"a":8,"ab":7,"b":3,"￿":2,"😀":1}"#,
    );
    check(
        " { \"b\" : [ 1 , { } , [ ] , true ,false, null ] ,\n\t\"a\":\r\"x\" } ",
        r#"{"a":"x","b":[1,{},[],true,false,null]}"#,
    );
}

#[test]
fn strings_are_spelled_in_all_the_ways_of_the_field() {
    let data = r#"{"\u003ck>":"a\/\"\\\b\f\n\r\t\u0001\u001F\u007fé\uD83D\uDE00 & \u2028\u2029\ufffd"}"#;
    let go = |replaced, long| spelled(data, Spelling::G { replaced, long });
    let tail = "\u{7f}é😀";
    check(
        data,
        &format!(r#"{{"<k>":"a/\"\\\b\f\n\r\t\u0001\u001f{tail} & {}{}{}"}}"#, '\u{2028}', '\u{2029}', '\u{fffd}'),
    );
    let escaped = |controls: &str, cut: &str| {
        format!(r#"{{"\u003ck\u003e":"a/\"\\{controls}\n\r\t\u0001\u001f{tail} \u0026 \u2028\u2029{cut}"}}"#)
    };
    assert_eq!(go(false, false), escaped(r"\b\f", "\u{fffd}"));
    assert_eq!(go(true, false), escaped(r"\b\f", r"\ufffd"));
    assert_eq!(go(false, true), escaped(r"\u0008\u000c", "\u{fffd}"));
    assert_eq!(go(true, true), escaped(r"\u0008\u000c", r"\ufffd"));
}

#[test]
fn half_a_surrogate_pair_is_a_replacement_character() {
    check(r#"["\ud800","\udc00x","\ud800\u0041","\ud800\ud83d\ude00","\ud800\n"]"#, r#"["�","�x","�A","�😀","�\n"]"#);
}

#[test]
fn only_spellings_that_differ_are_tried() {
    let spellings = |data: &str| Canonical::read(data).unwrap().spellings();
    let go = |replaced, long| Spelling::G { replaced, long };
    assert_eq!(spellings(r#"{"a":"b\n"}"#), [Spelling::J]);
    assert_eq!(spellings(r#"{"a":"<"}"#), [Spelling::J, go(false, false)]);
    assert_eq!(spellings(r#"{"\ufffd":1}"#), [Spelling::J, go(true, false)]);
    assert_eq!(spellings(r#"{"a":"\b"}"#), [Spelling::J, go(false, true)]);
    assert_eq!(spellings(r#"{"a":"\f&�"}"#).len(), 5);
}

#[test]
fn what_is_no_json_or_too_deep_is_refused() {
    for bad in ["", "{", "{}}", "[1,]", r#"{"a"}"#, r#""\x""#, r#""\u12""#, "tru", "1 2", "\"", r#"{"a":1,}"#, "[1 2]"]
    {
        assert!(Canonical::read(bad).is_none(), "{bad}");
    }
    let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(Canonical::read(&nested(64)).is_some());
    assert!(Canonical::read(&nested(65)).is_none());
    assert!(Canonical::read(&nested(1_000_000)).is_none());
}
