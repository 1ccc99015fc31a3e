//! Checking the fields of a body: each type states its rules once, and every field that breaks one is named.

use std::ops::RangeInclusive;

use domain::{Detail, PathPart, SessionId};
use serde_json::{Map, Value};
use url::Url;
use uuid::Uuid;

use super::error::ApiError;

/// A value, or what is wrong with it; paths are seen from the value.
pub type Checked<T> = Result<T, Vec<Detail>>;

/// A body that knows its rules.
pub trait FromFields: Sized {
    /// Reads the fields. What it returns counts only if no field was wrong.
    fn from_fields(fields: &mut Fields) -> Self;
}

/// The fields of a body while they are read. Those that nobody asks for are dropped.
#[derive(Debug)]
pub struct Fields {
    values: Map<String, Value>,
    details: Vec<Detail>,
}

impl Fields {
    /// Reads a `T` out of `values`.
    ///
    /// # Errors
    /// 400 with every field that is wrong.
    pub fn read<T: FromFields>(values: Map<String, Value>) -> Result<T, ApiError> {
        let mut fields = Self { values, details: Vec::new() };
        let read = T::from_fields(&mut fields);
        if fields.details.is_empty() { Ok(read) } else { Err(ApiError::invalid(fields.details)) }
    }

    /// Whether the field was given, `null` included.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// Whether the field was given as `null`.
    #[must_use]
    pub fn is_null(&self, name: &str) -> bool {
        self.values.get(name).is_some_and(Value::is_null)
    }

    /// Whether the field has a value, right or wrong.
    #[must_use]
    pub fn is_given(&self, name: &str) -> bool {
        self.values.get(name).is_some_and(|value| !value.is_null())
    }

    /// All fields, as they came.
    pub fn take_all(&mut self) -> Map<String, Value> {
        std::mem::take(&mut self.values)
    }

    /// A field that may be absent or `null`.
    pub fn optional<T>(&mut self, name: &str, rule: impl Fn(&Value) -> Checked<T>) -> Option<T> {
        let value = self.values.get(name).filter(|value| !value.is_null())?;
        match rule(value) {
            Ok(value) => Some(value),
            Err(details) => {
                self.details.extend(details.into_iter().map(|detail| beneath(name.into(), detail)));
                None
            }
        }
    }

    /// A field that must be there.
    pub fn required<T: Default>(&mut self, name: &str, rule: impl Fn(&Value) -> Checked<T>) -> T {
        if self.values.get(name).is_none_or(Value::is_null) {
            self.wrong(name, "required", "is required");
        }
        self.optional(name, rule).unwrap_or_default()
    }

    /// Says that a field is wrong for a reason that concerns several.
    pub fn wrong(&mut self, name: &str, code: &'static str, message: impl Into<String>) {
        self.details.push(Detail::new(&[name], code, message));
    }
}

fn beneath(part: PathPart, mut detail: Detail) -> Detail {
    detail.path.insert(0, part);
    detail
}

fn fault<T>(code: &'static str, message: impl Into<String>) -> Checked<T> {
    Err(vec![Detail::new(&[], code, message)])
}

fn string(value: &Value) -> Checked<&str> {
    value.as_str().map_or_else(|| fault("invalid_type", "must be a string"), Ok)
}

/// Text whose length in characters, trimmed, is in `length`.
pub fn text(length: RangeInclusive<usize>) -> impl Fn(&Value) -> Checked<String> {
    move |value| {
        let text = string(value)?.trim();
        let (min, max) = (*length.start(), *length.end());
        match text.chars().count() {
            0 if min == 1 => fault("too_short", "must not be empty"),
            n if n < min => fault("too_short", format!("must have at least {min} characters")),
            n if n > max => fault("too_long", format!("must have at most {max} characters")),
            _ if text.contains('\0') => fault("invalid_text", "must not contain the character U+0000"),
            _ => Ok(text.to_owned()),
        }
    }
}

/// Text as it is, of `max` bytes at most, not blank.
pub fn document(max: usize) -> impl Fn(&Value) -> Checked<String> {
    move |value| match string(value)? {
        text if text.trim().is_empty() => fault("too_short", "must not be empty"),
        text if text.len() > max => fault("too_long", format!("must have at most {max} bytes")),
        text => Ok(text.to_owned()),
    }
}

/// Text as it is, also empty, of `max` bytes at most.
pub fn verbatim(max: usize) -> impl Fn(&Value) -> Checked<String> {
    move |value| match string(value)? {
        text if text.len() > max => fault("too_long", format!("must have at most {max} bytes")),
        text => Ok(text.to_owned()),
    }
}

/// Hexadecimal digits, as many as `length` says; in lower case.
pub fn hex(length: RangeInclusive<usize>) -> impl Fn(&Value) -> Checked<String> {
    move |value| {
        let given = string(value)?.trim();
        if length.contains(&given.len()) && given.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            Ok(given.to_ascii_lowercase())
        } else if length.start() == length.end() {
            fault("invalid_hex", format!("must be {} hexadecimal digits", length.start()))
        } else {
            fault("invalid_hex", format!("must be {} to {} hexadecimal digits", length.start(), length.end()))
        }
    }
}

/// An integer in `range`.
pub fn integer(range: RangeInclusive<i64>) -> impl Fn(&Value) -> Checked<i64> {
    move |value| match value.as_i64() {
        Some(number) if range.contains(&number) => Ok(number),
        _ if value.is_number() && !value.is_f64() => {
            fault("out_of_range", format!("must be from {} to {}", range.start(), range.end()))
        }
        _ => fault("invalid_type", "must be an integer"),
    }
}

/// A number above 0, `max` at most.
pub fn positive_number(max: f64) -> impl Fn(&Value) -> Checked<f64> {
    move |value| match value.as_f64() {
        Some(number) if number > 0.0 && number <= max => Ok(number),
        Some(_) => fault("out_of_range", format!("must be above 0 and at most {max}")),
        None => fault("invalid_type", "must be a number"),
    }
}

/// A UUID.
///
/// # Errors
/// What is wrong.
pub fn uuid(value: &Value) -> Checked<Uuid> {
    Uuid::parse_str(string(value)?).or_else(|_| fault("invalid_uuid", "must be a UUID"))
}

/// The id of a session.
///
/// # Errors
/// What is wrong.
pub fn session_id(value: &Value) -> Checked<Option<SessionId>> {
    string(value)?.parse().map(Some).or_else(|wrong: domain::InvalidSessionId| fault("invalid_id", wrong.to_string()))
}

/// An object.
///
/// # Errors
/// What is wrong.
pub fn object(value: &Value) -> Checked<Map<String, Value>> {
    value.as_object().cloned().map_or_else(|| fault("invalid_type", "must be an object"), Ok)
}

/// One of `words`.
pub fn one_of(words: &'static [&'static str]) -> impl Fn(&Value) -> Checked<&'static str> {
    move |value| {
        let given = string(value)?;
        let known = words.iter().copied().find(|word| *word == given);
        known.map_or_else(|| fault("invalid_value", format!("must be one of {}", words.join(", "))), Ok)
    }
}

/// A list whose length is in `length`, each member of which follows `rule`.
pub fn list<T>(
    length: RangeInclusive<usize>,
    rule: impl Fn(&Value) -> Checked<T>,
) -> impl Fn(&Value) -> Checked<Vec<T>> {
    move |value| {
        let Some(members) = value.as_array() else { return fault("invalid_type", "must be a list") };
        if !length.contains(&members.len()) {
            return fault("invalid_length", format!("must have {} to {} entries", length.start(), length.end()));
        }
        let (mut list, mut details) = (Vec::new(), Vec::new());
        for (index, member) in members.iter().enumerate() {
            match rule(member) {
                Ok(member) => list.push(member),
                Err(wrong) => details.extend(wrong.into_iter().map(|detail| beneath(PathPart::Index(index), detail))),
            }
        }
        if details.is_empty() { Ok(list) } else { Err(details) }
    }
}

/// Where a repository can be cloned from: absolute `http(s)` or `ssh` URL, or `git@host:path`.
///
/// # Errors
/// What is wrong.
pub fn repo_url(value: &Value) -> Checked<String> {
    let given = text(1..=2048)(value)?;
    let is_url = Url::parse(&given).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https" | "ssh") && url.host_str().is_some_and(|h| !h.is_empty())
    });
    let is_scp = given
        .strip_prefix("git@")
        .and_then(|rest| rest.split_once(':'))
        .is_some_and(|(host, path)| !host.is_empty() && !path.is_empty() && !host.contains('/'));
    // `url` forgives blanks and control characters; git and shells do not.
    let is_clean = !given.chars().any(|c| c.is_whitespace() || c.is_control());
    if is_clean && (is_url || is_scp) {
        Ok(given)
    } else {
        fault("invalid_url", "must be an absolute http(s), ssh or git@ URL")
    }
}

/// An address that mail can be sent to: one `@`, something before it, a domain with a dot after it.
///
/// # Errors
/// What is wrong.
pub fn email(value: &Value) -> Checked<String> {
    let given = text(3..=254)(value)?;
    let good_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    let good = given.split_once('@').is_some_and(|(local, domain)| {
        let odd = |c: char| c.is_whitespace() || c.is_control() || "()<>[]:;,\\\"@".contains(c);
        let good_local =
            !local.starts_with('.') && !local.ends_with('.') && !local.contains("..") && !local.contains(odd);
        (1..=64).contains(&local.len()) && good_local && domain.contains('.') && domain.split('.').all(good_label)
    });
    if good { Ok(given) } else { fault("invalid_email", "must be an e-mail address") }
}

/// The standard base64 of a public key of 32 bytes; an empty text stands for none.
///
/// # Errors
/// What is wrong.
pub fn signing_pubkey(value: &Value) -> Checked<String> {
    let given = string(value)?.trim();
    let symbol = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    let good = given.strip_suffix('=').is_some_and(|symbols| symbols.len() == 43 && symbols.bytes().all(symbol));
    if good || given.is_empty() {
        Ok(given.to_owned())
    } else {
        fault("invalid_public_key", "must be the base64 of 32 bytes")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Debug, Default)]
    struct Sample {
        title: String,
        count: Option<i64>,
        names: Option<Vec<String>>,
    }

    impl FromFields for Sample {
        fn from_fields(fields: &mut Fields) -> Self {
            Self {
                title: fields.required("title", text(1..=3)),
                count: fields.optional("count", integer(1..=50)),
                names: fields.optional("names", list(0..=3, email)),
            }
        }
    }

    fn read(body: Value) -> Result<Sample, Value> {
        let Value::Object(object) = body else { panic!("an object") };
        Fields::read(object).map_err(|error| error.body("")["details"].clone())
    }

    #[test]
    fn good_fields_are_read_and_unknown_ones_dropped() {
        let sample = read(json!({"title": " ab ", "count": null, "names": ["a@b.example"], "orgId": 7})).unwrap();
        assert_eq!((sample.title.as_str(), sample.count), ("ab", None));
        assert_eq!(sample.names.unwrap(), ["a@b.example"]);
    }

    #[test]
    fn every_wrong_field_is_named_with_its_path() {
        let details = read(json!({"count": 51, "names": ["ok@example.org", "bad", 7]})).unwrap_err();
        let told: Vec<_> = details.as_array().unwrap().iter().map(|d| (d["path"].clone(), d["code"].clone())).collect();
        let expected = [
            (json!(["title"]), json!("required")),
            (json!(["count"]), json!("out_of_range")),
            (json!(["names", 1]), json!("invalid_email")),
            (json!(["names", 2]), json!("invalid_type")),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn integers_have_no_decimal_point() {
        assert_eq!(integer(1..=5)(&json!(5)), Ok(5));
        for bad in [json!(0), json!(6), json!(1.5), json!("1"), json!(u64::MAX)] {
            assert!(integer(1..=5)(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn hexadecimal_digits_are_counted_and_lowered() {
        assert_eq!(hex(7..=64)(&json!(" ABCDEF0 ")), Ok("abcdef0".to_owned()));
        for bad in [json!("abcdef"), json!("a".repeat(65)), json!("abcdefg"), json!(1_234_567), json!("äbcdef0")] {
            assert!(hex(7..=64)(&bad).is_err(), "{bad}");
        }
        assert_eq!(verbatim(3)(&json!(" a ")), Ok(" a ".to_owned()));
        assert!(verbatim(3)(&json!("ää")).is_err() && verbatim(3)(&json!(7)).is_err());
    }

    #[test]
    fn repositories_are_named_by_absolute_urls() {
        for good in ["https://git.example/a/b.git", "ssh://git@git.example/a", "git@git.example:a/b.git"] {
            assert!(repo_url(&json!(good)).is_ok(), "{good}");
        }
        for bad in ["", "a/b", "file:///etc", "javascript:x", "git@x", "--upload-pack=x", "https://", "https://a b/"] {
            assert!(repo_url(&json!(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn addresses_have_a_local_part_and_a_domain() {
        for good in ["a@b.example", "first.last+tag@sub.example.org"] {
            assert!(email(&json!(good)).is_ok(), "{good}");
        }
        for bad in ["a", "a@b", "@b.example", "a@b@c.example", "a b@c.example", "a@-c.example", "a@c..example"] {
            assert!(email(&json!(bad)).is_err(), "{bad}");
        }
    }
}
