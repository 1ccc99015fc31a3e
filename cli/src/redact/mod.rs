//! Takes secrets out of texts before anything is written: the secret alone is replaced, by `[redacted:<rule>]`.
//!
//! Three looks at a text: tokens that have a telling beginning, values that are assigned to a name that speaks of
//! secrets, and the few shapes that enclose one (private keys, connection strings, headers). What looks like a name, a
//! placeholder or code is left alone: a value has to be as random as a secret is ([`random::bits`]). Pure.

mod assigned;
mod enclosed;
pub(crate) mod ignore;
mod random;
#[cfg(test)]
mod tests;
mod tokens;

use serde_json::Value;
use std::borrow::Cow;
use std::ops::Range;

/// A secret: where it stands, and the rule that knows it.
type Match = (Range<usize>, &'static str);

/// A text without its secrets.
pub(crate) fn text(text: &str) -> Cow<'_, str> {
    let mut found = Vec::new();
    tokens::find(text, &mut found);
    enclosed::find(text, &mut found);
    assigned::find(text, &mut found);
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    // Of what overlaps the first and longest counts; what reaches further than it is added to it.
    found.sort_by_key(|(range, _)| (range.start, usize::MAX - range.end));
    let (mut clean, mut done) = (String::with_capacity(text.len()), 0);
    for (range, rule) in found {
        if range.start >= done {
            clean.push_str(text.get(done..range.start).unwrap_or_default());
            clean.push_str("[redacted:");
            clean.push_str(rule);
            clean.push(']');
        }
        done = done.max(range.end);
    }
    clean.push_str(text.get(done..).unwrap_or_default());
    Cow::Owned(clean)
}

/// Cleans every text in a value, whatever its depth; names of members are left as they are.
pub(crate) fn value(value: &mut Value) {
    match value {
        Value::String(word) => {
            if let Cow::Owned(clean) = text(word) {
                *word = clean;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(self::value),
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                // A secret that is a member of its own has no name beside it in the same text.
                match member {
                    Value::String(word) if assigned::is_secret(name, word) => {
                        *word = format!("[redacted:{}]", assigned::RULE);
                    }
                    _ => self::value(member),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
