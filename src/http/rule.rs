//! Rules for single values. A rule checks a value, says what is wrong with it, and describes itself as JSON Schema, so
//! that what is checked and what is documented are one statement.

use std::ops::RangeInclusive;

use domain::{Detail, PathPart, SessionId, Timestamp};
use serde_json::{Map, Value, json};
use url::Url;
use uuid::Uuid;

use super::fields::{beneath, not_an_object};

#[cfg(test)]
mod tests;

/// A value, or what is wrong with it; paths are seen from the value.
pub type Checked<T> = Result<T, Vec<Detail>>;

/// What a value has to be.
pub trait Rule {
    /// What it becomes.
    type Value;

    /// The value, or what is wrong with it.
    ///
    /// # Errors
    /// What is wrong.
    fn check(&self, value: &Value) -> Checked<Self::Value>;

    /// The JSON Schema of good values. Where JSON Schema cannot say it all, bad ones may fit as well.
    fn schema(&self) -> Value;
}

/// A rule made of its two halves.
struct Both<S, C> {
    schema: S,
    check: C,
}

impl<T, S: Fn() -> Value, C: Fn(&Value) -> Checked<T>> Rule for Both<S, C> {
    type Value = T;

    fn check(&self, value: &Value) -> Checked<T> {
        (self.check)(value)
    }

    fn schema(&self) -> Value {
        (self.schema)()
    }
}

pub(super) fn rule<T>(schema: impl Fn() -> Value, check: impl Fn(&Value) -> Checked<T>) -> impl Rule<Value = T> {
    Both { schema, check }
}

pub(super) fn fault<T>(code: &'static str, message: impl Into<String>) -> Checked<T> {
    Err(vec![Detail::new(&[], code, message)])
}

fn string(value: &Value) -> Checked<&str> {
    value.as_str().map_or_else(|| fault("invalid_type", "must be a string"), Ok)
}

/// What `str::trim` takes away, as the inside of a class of a regular expression: Unicode's `White_Space`.
const BLANKS: &str = r"\u0009-\u000d\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000";

/// Text whose length in characters, trimmed, is in `length`.
pub fn text(length: RangeInclusive<usize>) -> impl Rule<Value = String> {
    let (min, max) = (*length.start(), *length.end());
    // By a pattern: `maxLength` would count the blanks around it as well.
    let schema = move || {
        let (ink, more) = (format!("[^{BLANKS}\\u0000]"), max.saturating_sub(2));
        let inked = match min {
            0 => format!("({ink}([^\\u0000]{{0,{more}}}{ink})?)?"),
            1 => format!("{ink}([^\\u0000]{{0,{more}}}{ink})?"),
            min => format!("{ink}[^\\u0000]{{{},{more}}}{ink}", min - 2),
        };
        let pattern = format!("^[{BLANKS}]*{inked}[{BLANKS}]*$");
        json!({ "type": "string", "minLength": min, "pattern": pattern })
    };
    rule(schema, move |value| {
        let text = string(value)?.trim();
        match text.chars().count() {
            0 if min == 1 => fault("too_short", "must not be empty"),
            n if n < min => fault("too_short", format!("must have at least {min} characters")),
            n if n > max => fault("too_long", format!("must have at most {max} characters")),
            _ if text.contains('\0') => fault("invalid_text", "must not contain the character U+0000"),
            _ => Ok(text.to_owned()),
        }
    })
}

/// Text as it is, of `max` bytes at most, not blank.
pub fn document(max: usize) -> impl Rule<Value = String> {
    let schema = move || json!({ "type": "string", "minLength": 1, "maxLength": max, "pattern": "\\S" });
    rule(schema, move |value| match string(value)? {
        text if text.trim().is_empty() => fault("too_short", "must not be empty"),
        text if text.len() > max => fault("too_long", format!("must have at most {max} bytes")),
        text => Ok(text.to_owned()),
    })
}

/// Text as it is, also empty, of `max` bytes at most.
pub fn verbatim(max: usize) -> impl Rule<Value = String> {
    let schema = move || match max {
        usize::MAX => json!({ "type": "string" }),
        max => json!({ "type": "string", "maxLength": max }),
    };
    rule(schema, move |value| match string(value)? {
        text if text.len() > max => fault("too_long", format!("must have at most {max} bytes")),
        text => Ok(text.to_owned()),
    })
}

/// Hexadecimal digits, as many as `length` says; in lower case.
pub fn hex(length: RangeInclusive<usize>) -> impl Rule<Value = String> {
    let (min, max) = (*length.start(), *length.end());
    let schema = move || json!({ "type": "string", "pattern": format!("^\\s*[0-9A-Fa-f]{{{min},{max}}}\\s*$") });
    rule(schema, move |value| {
        let given = string(value)?.trim();
        if (min..=max).contains(&given.len()) && given.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            Ok(given.to_ascii_lowercase())
        } else if min == max {
            fault("invalid_hex", format!("must be {min} hexadecimal digits"))
        } else {
            fault("invalid_hex", format!("must be {min} to {max} hexadecimal digits"))
        }
    })
}

/// What `inner` takes, or an empty text, which becomes an empty text.
pub fn or_empty(inner: impl Rule<Value = String>) -> impl Rule<Value = String> {
    let described = inner.schema();
    let schema = move || json!({ "type": "string", "anyOf": [described, { "type": "string", "maxLength": 0 }] });
    rule(schema, move |value| if value.as_str() == Some("") { Ok(String::new()) } else { inner.check(value) })
}

/// The greatest integer up to which every one has a float of its own.
pub const MAX_SAFE_INTEGER: i64 = (1 << 53) - 1;

/// An integer in `range`, which may be written as an integral float (`1.0`): JSON does not tell them apart.
pub fn integer(range: RangeInclusive<i64>) -> impl Rule<Value = i64> {
    let (min, max) = (*range.start(), *range.end());
    let schema = move || json!({ "type": "integer", "minimum": min, "maximum": max });
    rule(schema, move |value| match value.as_i64().or_else(|| integral(value.as_f64()?)) {
        Some(number) if (min..=max).contains(&number) => Ok(number),
        None if !value.is_number() || value.as_f64().is_some_and(|number| number.fract() != 0.0) => {
            fault("invalid_type", "must be an integer")
        }
        _ => fault("out_of_range", format!("must be from {min} to {max}")),
    })
}

#[expect(clippy::as_conversions, clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "in range")]
fn integral(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() <= MAX_SAFE_INTEGER as f64).then_some(number as i64)
}

/// A number, written without a point where it is whole.
pub(super) fn plain_number(number: f64) -> Value {
    integral(number).map_or_else(|| json!(number), Value::from)
}

/// A number above 0, `max` at most.
pub fn positive_number(max: f64) -> impl Rule<Value = f64> {
    let schema = move || json!({ "type": "number", "exclusiveMinimum": 0, "maximum": max });
    rule(schema, move |value| match value.as_f64() {
        Some(number) if number > 0.0 && number <= max => Ok(number),
        Some(_) => fault("out_of_range", format!("must be above 0 and at most {max}")),
        None => fault("invalid_type", "must be a number"),
    })
}

/// The schema of a UUID as it is usually written; without hyphens it is taken as well.
pub(super) fn uuid_schema() -> Value {
    let pattern = "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$";
    json!({ "type": "string", "format": "uuid", "pattern": pattern })
}

/// The schema of an instant. Those before 1970 and after 9999 are refused, which a pattern tells only by and large.
pub(super) fn instant_schema() -> Value {
    json!({ "type": "string", "format": "date-time", "pattern": "^(197[1-9]|19[89][0-9]|[2-8][0-9]{3})-" })
}

/// A UUID.
pub fn uuid() -> impl Rule<Value = Uuid> {
    rule(uuid_schema, |value| Uuid::parse_str(string(value)?).or_else(|_| fault("invalid_uuid", "must be a UUID")))
}

/// The id of a session.
pub fn session_id() -> impl Rule<Value = Option<SessionId>> {
    let schema = || json!({ "type": "string", "pattern": SESSION_ID_PATTERN });
    rule(schema, |value| {
        string(value)?
            .parse()
            .map(Some)
            .or_else(|wrong: domain::InvalidSessionId| fault("invalid_id", wrong.to_string()))
    })
}

/// How the id of a session is written, as a regular expression.
pub(super) const SESSION_ID_PATTERN: &str = "^[A-Za-z0-9._:-]{1,128}$";

/// An instant.
pub fn instant() -> impl Rule<Value = Option<Timestamp>> {
    rule(instant_schema, |value| match value.as_str().and_then(Timestamp::parse_rfc3339) {
        Some(at) => Ok(Some(at)),
        None => fault("invalid_timestamp", "must be an RFC 3339 time with an offset"),
    })
}

/// `true` or `false`.
pub fn boolean() -> impl Rule<Value = bool> {
    let wrong = || fault("invalid_type", "must be true or false");
    rule(|| json!({ "type": "boolean" }), move |value| value.as_bool().map_or_else(wrong, Ok))
}

/// An object.
pub fn object() -> impl Rule<Value = Map<String, Value>> {
    rule(|| json!({ "type": "object" }), |value| value.as_object().cloned().map_or_else(not_an_object, Ok))
}

/// One of `words`.
pub fn one_of(words: &'static [&'static str]) -> impl Rule<Value = &'static str> {
    let schema = move || json!({ "type": "string", "enum": words });
    rule(schema, move |value| {
        let given = string(value)?;
        let known = words.iter().copied().find(|word| *word == given);
        known.map_or_else(|| fault("invalid_value", format!("must be one of {}", words.join(", "))), Ok)
    })
}

/// A list whose length is in `length`, each member of which follows `each`.
pub fn list<T>(length: RangeInclusive<usize>, each: impl Rule<Value = T>) -> impl Rule<Value = Vec<T>> {
    let (min, max) = (*length.start(), *length.end());
    let described = each.schema();
    let schema = move || json!({ "type": "array", "minItems": min, "maxItems": max, "items": described });
    rule(schema, move |value| {
        let Some(members) = value.as_array() else { return fault("invalid_type", "must be a list") };
        if !(min..=max).contains(&members.len()) {
            return fault("invalid_length", format!("must have {min} to {max} entries"));
        }
        let (mut list, mut details) = (Vec::new(), Vec::new());
        for (index, member) in members.iter().enumerate() {
            match each.check(member) {
                Ok(member) => list.push(member),
                Err(wrong) => details.extend(wrong.into_iter().map(|detail| beneath(PathPart::Index(index), detail))),
            }
        }
        if details.is_empty() { Ok(list) } else { Err(details) }
    })
}

/// A list as `inner` takes it, no two members of which have the same text in their field `name`.
pub fn distinct<T>(
    inner: impl Rule<Value = Vec<T>>,
    name: &'static str,
    text_of: impl Fn(&T) -> &str,
) -> impl Rule<Value = Vec<T>> {
    let described = inner.schema();
    rule(
        move || described.clone(),
        move |value| {
            let members = inner.check(value)?;
            let is_again = |place: usize, text: &str| members.iter().take(place).any(|before| text_of(before) == text);
            let again = members.iter().enumerate().filter(|(place, member)| is_again(*place, text_of(member)));
            let details: Vec<Detail> = again
                .map(|(place, _)| {
                    beneath(PathPart::Index(place), Detail::new(&[name], "duplicate", "must not be there twice"))
                })
                .collect();
            if details.is_empty() { Ok(members) } else { Err(details) }
        },
    )
}

/// What every address of one of these schemes fits. An address is more than a pattern can say: what fits this may still be
/// refused, but nothing is taken that does not.
fn address_pattern(schemes: &str) -> String {
    format!(r"^\s*({schemes})://[^/\\\s]\S*\s*$")
}

/// Whether this is a whole address of one of these schemes, with a host. `url` mends missing and doubled slashes and drops
/// tabs and blanks, as browsers do; git, shells and a reviewer's eye do not.
fn is_address(given: &str, schemes: &[&str]) -> bool {
    let Some((scheme, rest)) = given.split_once("://") else { return false };
    schemes.iter().any(|known| scheme.eq_ignore_ascii_case(known))
        && !rest.starts_with(['/', '\\'])
        && !given.chars().any(|c| c.is_whitespace() || c.is_control())
        && Url::parse(given).is_ok_and(|url| url.host_str().is_some_and(|host| !host.is_empty()))
}

/// Where a repository can be cloned from: absolute `http(s)` or `ssh` URL, or `git@host:path`.
pub fn repo_url() -> impl Rule<Value = String> {
    let pattern = format!(r"{}|^\s*git@[^/:\s]+:\S+\s*$", address_pattern("[Hh][Tt][Tt][Pp][Ss]?|[Ss][Ss][Hh]"));
    let schema = move || json!({ "type": "string", "maxLength": 2048, "pattern": pattern.clone() });
    rule(schema, |value| {
        let given = text(1..=2048).check(value)?;
        let is_scp = given
            .strip_prefix("git@")
            .and_then(|rest| rest.split_once(':'))
            .is_some_and(|(host, path)| !host.is_empty() && !path.is_empty() && !host.contains('/'));
        let is_clean = !given.chars().any(|c| c.is_whitespace() || c.is_control());
        if is_address(&given, &["http", "https", "ssh"]) || (is_scp && is_clean) {
            Ok(given)
        } else {
            fault("invalid_url", "must be an absolute http(s), ssh or git@ URL")
        }
    })
}

/// Where a webhook leads. What may be there is checked by who knows what the operator allows.
pub fn webhook_url() -> impl Rule<Value = String> {
    let pattern = address_pattern("[Hh][Tt][Tt][Pp][Ss]?");
    let schema = move || json!({ "type": "string", "maxLength": 2048, "pattern": pattern.clone() });
    rule(schema, |value| {
        let given = text(1..=2048).check(value)?;
        if is_address(&given, &["http", "https"]) {
            Ok(given)
        } else {
            fault("invalid_url", "must be an absolute https URL")
        }
    })
}

/// An address of the web.
pub fn web_url() -> impl Rule<Value = String> {
    let pattern = address_pattern("[Hh][Tt][Tt][Pp][Ss]?");
    let schema = move || json!({ "type": "string", "format": "uri", "maxLength": 2048, "pattern": pattern.clone() });
    rule(schema, |value| {
        let given = text(1..=2048).check(value)?;
        if is_address(&given, &["http", "https"]) {
            Ok(given)
        } else {
            fault("invalid_url", "must be an absolute http(s) URL")
        }
    })
}

/// A path below a directory: no way leads out of it.
pub fn relative_path() -> impl Rule<Value = String> {
    let pattern = "^[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$";
    let schema = move || json!({ "type": "string", "maxLength": 512, "pattern": pattern });
    rule(schema, |value| {
        let given = text(1..=512).check(value)?;
        let is_plain = !given.chars().any(|c| c.is_control() || c == '\\' || c == ':');
        if is_plain && given.split('/').all(|part| !matches!(part, "" | "." | "..")) {
            Ok(given)
        } else {
            fault("invalid_path", "must be a relative path without `.` and `..`")
        }
    })
}

/// An address that mail can be sent to: one `@`, something before it, a domain with a dot after it.
pub fn email() -> impl Rule<Value = String> {
    let pattern = "^[A-Za-z0-9_+-]+(\\.[A-Za-z0-9_+-]+)*@([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\\.)+[A-Za-z0-9]+$";
    let schema = move || json!({ "type": "string", "format": "email", "maxLength": 254, "pattern": pattern });
    rule(schema, |value| {
        let given = text(3..=254).check(value)?;
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
    })
}

/// The standard base64 of a public key of 32 bytes; an empty text stands for none.
pub fn signing_pubkey() -> impl Rule<Value = String> {
    let schema = || json!({ "type": "string", "pattern": "^([A-Za-z0-9+/]{43}=)?$" });
    rule(schema, |value| {
        let given = string(value)?.trim();
        let symbol = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
        let good = given.strip_suffix('=').is_some_and(|symbols| symbols.len() == 43 && symbols.bytes().all(symbol));
        if good || given.is_empty() {
            Ok(given.to_owned())
        } else {
            fault("invalid_public_key", "must be the base64 of 32 bytes")
        }
    })
}
