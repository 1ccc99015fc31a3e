//! The canonical form of a payload: no blanks, members by the UTF-8 bytes of their names, numbers as ECMAScript prints
//! them (RFC 8785 but for the order of astral names), and strings in one of the spellings that are in the field.

use std::fmt::Write;

use super::reader::{self, Json, Traits};

/// How strings are escaped. Signers differ in it, and nothing in an event says which one signed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// As `JSON.stringify` does it: `"`, `\` and control characters only.
    J,
    /// As Go's `json.Marshal` does it: also `<`, `>`, `&`, U+2028 and U+2029.
    G {
        /// U+FFFD as `\ufffd`: Go signs a byte cut out of a character so.
        replaced: bool,
        /// U+0008 and U+000C as `\u0008` and `\u000c`: Go before 1.22 knew no shorter way.
        long: bool,
    },
}

/// A payload, ready to be printed in any spelling.
#[derive(Debug, Clone)]
pub struct Canonical {
    json: Json,
    traits: Traits,
}

impl Canonical {
    /// Reads a payload from the text that was received. Of members with one name the last counts, half a surrogate
    /// pair is U+FFFD. `None` when the text is not JSON or nests deeper than 64 levels.
    #[must_use]
    pub fn read(data: &str) -> Option<Self> {
        let (json, traits) = reader::read(data)?;
        Some(Self { json, traits })
    }

    /// The spellings in which this payload reads differently, the likeliest first.
    #[must_use]
    pub fn spellings(&self) -> Vec<Spelling> {
        let Traits { markup, replaced, controls } = self.traits;
        let go = [(false, false), (true, false), (false, true), (true, true)]
            .into_iter()
            .filter(|(escaped, long)| (replaced || !escaped) && (controls || !long) && (markup || *escaped || *long))
            .map(|(replaced, long)| Spelling::G { replaced, long });
        std::iter::once(Spelling::J).chain(go).collect()
    }

    /// The canonical text.
    #[must_use]
    pub fn spelled(&self, spelling: Spelling) -> String {
        let mut out = String::new();
        write_value(&self.json, spelling, &mut out);
        out
    }
}

fn write_value(json: &Json, spelling: Spelling, out: &mut String) {
    match json {
        Json::Plain(word) => out.push_str(word),
        Json::Text(text) => write_text(text, spelling, out),
        Json::List(items) => {
            out.push('[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    out.push(',');
                }
                write_value(item, spelling, out);
            }
            out.push(']');
        }
        Json::Object(members) => {
            out.push('{');
            for (place, (name, value)) in members.iter().enumerate() {
                if place > 0 {
                    out.push(',');
                }
                write_text(name, spelling, out);
                out.push(':');
                write_value(value, spelling, out);
            }
            out.push('}');
        }
    }
}

fn write_text(text: &str, spelling: Spelling, out: &mut String) {
    let (markup, replaced, long) = match spelling {
        Spelling::J => (false, false, false),
        Spelling::G { replaced, long } => (true, replaced, long),
    };
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' if !long => out.push_str("\\b"),
            '\u{c}' if !long => out.push_str("\\f"),
            '\0'..='\u{1f}' => write_escape(character, out),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' if markup => write_escape(character, out),
            char::REPLACEMENT_CHARACTER if replaced => write_escape(character, out),
            other => out.push(other),
        }
    }
    out.push('"');
}

fn write_escape(character: char, out: &mut String) {
    // Writing to memory does not fail.
    write!(out, "\\u{:04x}", u32::from(character)).unwrap_or_default();
}
