//! The little that must be known about a statement without parsing SQL: its first word and its trailing `FORMAT`.

use std::ops::Range;

/// Whether the statement's first word is `INSERT`.
pub fn is_insert(sql: &[u8]) -> bool {
    let mut words = Words::of(sql);
    words.next().is_some_and(|word| word.is(sql, b"INSERT"))
}

/// Splits a trailing `FORMAT name` off: the statement before it, and the name.
pub fn split_format(sql: &[u8]) -> Option<(&[u8], &str)> {
    let (mut keyword, mut name) = (None, None);
    for token in Words::of(sql) {
        // A semicolon may follow the statement; it is neither a word nor the start of another.
        if !token.is(sql, b";") {
            keyword = name.replace(token);
        }
    }
    let (keyword, name) = (keyword?, name?);
    if !keyword.is(sql, b"FORMAT") || !name.is_identifier {
        return None;
    }
    let before = sql.get(..keyword.range.start)?.trim_ascii_end();
    let name = str::from_utf8(sql.get(name.range)?).ok()?;
    (!before.is_empty()).then_some((before, name))
}

/// A word, a quoted text or a single sign.
#[derive(Debug)]
struct Token {
    range: Range<usize>,
    is_identifier: bool,
}

impl Token {
    fn is(&self, sql: &[u8], text: &[u8]) -> bool {
        sql.get(self.range.clone()).is_some_and(|word| word.eq_ignore_ascii_case(text))
    }
}

/// The tokens of a statement, without white space and comments.
struct Words<'a> {
    sql: &'a [u8],
    at: usize,
}

impl<'a> Words<'a> {
    fn of(sql: &'a [u8]) -> Self {
        Self { sql, at: 0 }
    }

    fn rest(&self) -> &'a [u8] {
        self.sql.get(self.at..).unwrap_or_default()
    }

    fn skip_blanks_and_comments(&mut self) {
        loop {
            let rest = self.rest();
            let length = if rest.starts_with(b"--") || rest.starts_with(b"# ") || rest.starts_with(b"#!") {
                rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len())
            } else if rest.starts_with(b"/*") {
                rest.windows(2).skip(2).position(|pair| pair == b"*/").map_or(rest.len(), |at| at + 4)
            } else {
                rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count()
            };
            if length == 0 {
                return;
            }
            self.at += length;
        }
    }
}

impl Iterator for Words<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        self.skip_blanks_and_comments();
        let rest = self.rest();
        let first = *rest.first()?;
        let is_word_byte = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let length = match first {
            b'\'' | b'"' | b'`' => quoted_length(rest, first),
            _ if is_word_byte(&first) => rest.iter().take_while(|byte| is_word_byte(byte)).count(),
            _ => 1,
        };
        let start = self.at;
        self.at += length;
        Some(Token { range: start..self.at, is_identifier: is_word_byte(&first) })
    }
}

/// The length of a quoted text with both quotes. A doubled quote simply reads as two texts in a row.
fn quoted_length(text: &[u8], quote: u8) -> usize {
    let mut is_escaped = false;
    for (at, byte) in text.iter().enumerate().skip(1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            byte if *byte == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_is_found_behind_comments() {
        assert!(is_insert(b"insert into t values (1)"));
        assert!(is_insert(b" -- note\n /* more */ # and more\nINSERT INTO t"));
        assert!(!is_insert(b"/* INSERT */ SELECT 1"));
        assert!(!is_insert(b"'INSERT'"));
        assert!(!is_insert(b"INSERTS"));
        assert!(!is_insert(b""));
    }

    #[test]
    fn a_trailing_format_is_split_off() {
        let split =
            |sql: &'static str| split_format(sql.as_bytes()).map(|(sql, name)| (str::from_utf8(sql).unwrap(), name));
        assert_eq!(split("SELECT 1 FORMAT JSON"), Some(("SELECT 1", "JSON")));
        assert_eq!(split("SELECT (1)format TSV ; "), Some(("SELECT (1)", "TSV")));
        assert_eq!(split("INSERT INTO `t` FORMAT RowBinary -- end"), Some(("INSERT INTO `t`", "RowBinary")));
        assert_eq!(split("SELECT 1 /* FORMAT */ AS b"), None);
        assert_eq!(split("SELECT 1 -- in format JSON"), None);
        assert_eq!(split("SELECT 'it\\'s FORMAT JSON'"), None);
        assert_eq!(split("SELECT 'FORMAT' x"), None);
        assert_eq!(split("SELECT information JSON"), None);
        assert_eq!(split("FORMAT JSON"), None);
        assert_eq!(split("SELECT 1 FORMAT"), None);
        assert_eq!(split(""), None);
    }

    #[test]
    fn unfinished_text_ends_at_the_end() {
        assert!(split_format(b"SELECT 'abc").is_none());
        assert!(split_format(b"SELECT 1 /* abc").is_none());
        assert!(split_format(b"/*").is_none());
        assert!(split_format(b"SELECT 'abc\\").is_none());
    }
}
