//! Reads JSON of any size and with any number: what `serde_json::Value` would refuse or round is kept here.

use std::collections::BTreeMap;

use crate::MAX_JSON_DEPTH;

/// A JSON value with its numbers printed as ECMAScript prints them, and members by the bytes of their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Json {
    /// `null`, `true`, `false` or a number, as it is printed.
    Plain(Box<str>),
    /// A string.
    Text(Box<str>),
    /// An array.
    List(Vec<Self>),
    /// An object; of members with one name the last.
    Object(BTreeMap<Box<str>, Self>),
}

/// Which characters occur in the strings: those that signers spelled in more than one way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Traits {
    /// `<`, `>`, `&`, U+2028 or U+2029.
    pub(super) markup: bool,
    /// U+FFFD, which a byte cut out of a character has become on its way.
    pub(super) replaced: bool,
    /// U+0008 or U+000C.
    pub(super) controls: bool,
}

/// Reads one value, which must be all that is there. `None` when it is not JSON or nests deeper than 64 levels.
pub(super) fn read(text: &str) -> Option<(Json, Traits)> {
    let mut reader = Reader { rest: text, traits: Traits::default() };
    let json = reader.value(MAX_JSON_DEPTH)?;
    reader.skip_blanks();
    reader.rest.is_empty().then_some((json, reader.traits))
}

struct Reader<'a> {
    rest: &'a str,
    traits: Traits,
}

impl Reader<'_> {
    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    /// Goes past `mark`, and blanks before it, if it comes next.
    fn take(&mut self, mark: char) -> Option<()> {
        self.skip_blanks();
        self.rest = self.rest.strip_prefix(mark)?;
        Some(())
    }

    fn value(&mut self, depth: usize) -> Option<Json> {
        self.skip_blanks();
        match self.rest.bytes().next()? {
            b'"' => self.text().map(Json::Text),
            b'{' => self.object(depth.checked_sub(1)?),
            b'[' => self.list(depth.checked_sub(1)?),
            _ => self.plain(),
        }
    }

    fn object(&mut self, depth: usize) -> Option<Json> {
        let mut members = BTreeMap::new();
        self.take('{')?;
        if self.take('}').is_some() {
            return Some(Json::Object(members));
        }
        loop {
            let name = self.text()?;
            self.take(':')?;
            members.insert(name, self.value(depth)?);
            if self.take(',').is_none() {
                self.take('}')?;
                return Some(Json::Object(members));
            }
        }
    }

    fn list(&mut self, depth: usize) -> Option<Json> {
        let mut items = Vec::new();
        self.take('[')?;
        if self.take(']').is_some() {
            return Some(Json::List(items));
        }
        loop {
            items.push(self.value(depth)?);
            if self.take(',').is_none() {
                self.take(']')?;
                return Some(Json::List(items));
            }
        }
    }

    fn plain(&mut self) -> Option<Json> {
        let end = self.rest.find([',', ']', '}', ' ', '\t', '\n', '\r']).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        match word {
            "null" | "true" | "false" => Some(Json::Plain(word.into())),
            number => print_number(number).map(Json::Plain),
        }
    }

    fn text(&mut self) -> Option<Box<str>> {
        self.take('"')?;
        let mut text = String::new();
        loop {
            let end = self.rest.find(['"', '\\'])?;
            let (piece, rest) = self.rest.split_at_checked(end)?;
            text.push_str(piece);
            if let Some(rest) = rest.strip_prefix('"') {
                self.rest = rest;
                self.note(&text);
                return Some(text.into());
            }
            self.rest = rest.strip_prefix('\\')?;
            text.push(self.escaped()?);
        }
    }

    /// The character of an escape, after its backslash. Half a surrogate pair reads as U+FFFD.
    fn escaped(&mut self) -> Option<char> {
        let mut rest = self.rest.chars();
        let letter = rest.next()?;
        self.rest = rest.as_str();
        Some(match letter {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            '"' | '\\' | '/' => letter,
            'u' => {
                let unit = self.unit()?;
                if let Some(character) = char::from_u32(u32::from(unit)) {
                    return Some(character);
                }
                let before_low = self.rest;
                let low = self.rest.strip_prefix("\\u").and_then(|rest| {
                    self.rest = rest;
                    self.unit()
                });
                let pair = low.and_then(|low| char::decode_utf16([unit, low]).next()?.ok());
                if pair.is_none() {
                    self.rest = before_low;
                }
                pair.unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            _ => return None,
        })
    }

    /// Four hexadecimal digits.
    fn unit(&mut self) -> Option<u16> {
        let (digits, rest) = self.rest.split_at_checked(4)?;
        self.rest = rest;
        u16::from_str_radix(digits, 16).ok()
    }

    fn note(&mut self, text: &str) {
        for character in text.chars() {
            match character {
                '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => self.traits.markup = true,
                char::REPLACEMENT_CHARACTER => self.traits.replaced = true,
                '\u{8}' | '\u{c}' => self.traits.controls = true,
                _ => {}
            }
        }
    }
}

/// A number as ECMAScript prints it, but integers of 64 bits digit by digit: those that JavaScript wrote are the same
/// either way, and other signers have integers that no double holds.
fn print_number(number: &str) -> Option<Box<str>> {
    if let Ok(integer) = number.parse::<i64>() {
        return Some(integer.to_string().into());
    }
    if let Ok(integer) = number.parse::<u64>() {
        return Some(integer.to_string().into());
    }
    let float: f64 = number.parse().ok()?;
    // What no double holds is infinite to JavaScript, which prints that as `null`.
    Some(if float.is_finite() { ryu_js::Buffer::new().format_finite(float).into() } else { "null".into() })
}
