//! Reading JSON that strangers wrote: how deep it nests, the members of an object that matter, and their types.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

#[cfg(test)]
mod tests;

/// The deepest nesting that is accepted; the body's own level counts as 1.
pub const MAX_JSON_DEPTH: usize = 64;

/// Whether arrays and objects nest deeper than `max` levels. Looks at brackets outside strings only, so it is right
/// for valid JSON and harmless for anything else.
#[must_use]
pub fn exceeds_depth(json: &[u8], max: usize) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    for &byte in json {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => {
                depth += 1;
                if depth > max {
                    return true;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// The wanted members of an object. The others are skipped, not copied: a payload may hold megabytes of output.
#[derive(Default)]
pub(crate) struct Members<'a> {
    found: Vec<(&'static str, &'a RawValue)>,
    /// A wanted member that is there more than once.
    pub(crate) repeated: Option<&'static str>,
}

impl<'a> Members<'a> {
    /// Reads the members called `wanted`; `None` when `value` is no object.
    pub(crate) fn of(value: &'a RawValue, wanted: &[&'static str]) -> Option<Self> {
        Self::of_text(value.get(), wanted)
    }

    /// The same of a text of which nothing is known; `None` when it is not JSON, too. One pass does both: every
    /// name and every value is read as a value of JSON.
    pub(crate) fn of_text(text: &'a str, wanted: &[&'static str]) -> Option<Self> {
        let mut json = serde_json::Deserializer::from_str(text);
        let members = json.deserialize_map(MembersVisitor { wanted }).ok()?;
        json.end().is_ok().then_some(members)
    }

    /// The member, the last of its name. `null` reads as absent: clients write the one for the other.
    pub(crate) fn get(&self, name: &str) -> Option<&'a RawValue> {
        let (_, value) = self.found.iter().find(|(found, _)| *found == name)?;
        (value.get() != "null").then_some(*value)
    }
}

struct MembersVisitor<'w> {
    wanted: &'w [&'static str],
}

impl<'de> Visitor<'de> for MembersVisitor<'_> {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = Members::default();
        while let Some(name) = map.next_key::<&RawValue>()? {
            let Some(name) = wanted_name(name.get(), self.wanted) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let value = map.next_value()?;
            match members.found.iter_mut().find(|(found, _)| *found == name) {
                Some(before) => {
                    before.1 = value;
                    members.repeated = Some(name);
                }
                None => members.found.push((name, value)),
            }
        }
        Ok(members)
    }
}

/// Which of the wanted names it is: as a rule plain to see, without reading the string.
fn wanted_name(name: &str, wanted: &[&'static str]) -> Option<&'static str> {
    let is = |plain: &str| wanted.iter().find(|wanted| **wanted == plain).copied();
    if name.contains('\\') {
        let Text(name) = serde_json::from_str(name).ok()?;
        return is(&name);
    }
    is(name.strip_prefix('"')?.strip_suffix('"')?)
}

/// A string in which half a surrogate pair, which JavaScript makes by cutting a string, becomes U+FFFD. serde's own
/// `String` would refuse the whole event for it.
struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl Visitor<'_> for TextVisitor {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Text, E> {
                Ok(Text(String::from_utf8_lossy(bytes).into_owned()))
            }
        }
        deserializer.deserialize_bytes(TextVisitor)
    }
}

/// The text of a string.
pub(crate) fn text(value: &RawValue) -> Option<String> {
    is_text(value).then(|| serde_json::from_str::<Text>(value.get()).ok())?.map(|Text(text)| text)
}

/// Whether it is a string. Does not look into it.
pub(crate) fn is_text(value: &RawValue) -> bool {
    value.get().starts_with('"')
}

/// Whether it is `true` or `false`.
pub(crate) fn is_bool(value: &RawValue) -> bool {
    matches!(value.get(), "true" | "false")
}

/// The value of a number; one beyond the range of `f64` is infinite.
pub(crate) fn number(value: &RawValue) -> Option<f64> {
    // Every number of JSON is one for Rust too, and nothing else of JSON is.
    value.get().parse().ok()
}

/// The value of an integer, also written as `1.0`, held between the bounds of `i128`.
pub(crate) fn integer(value: &RawValue) -> Option<i128> {
    value.get().parse().ok().or_else(|| integral(number(value)?))
}

#[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "whole, and `as` saturates")]
fn integral(number: f64) -> Option<i128> {
    (number.fract() == 0.0 || number.is_infinite()).then_some(number as i128)
}
