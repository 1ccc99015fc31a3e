//! Values given to a name that speaks of secrets: `API_TOKEN=…` in an environment, `"clientSecret": "…"` in code.

use super::Match;
use super::random::is_random;

/// The rule's name.
pub(super) const RULE: &str = "assigned-secret";

/// The words of secrets, in names without dashes and underscores and in lower case.
const SECRETS: [&str; 12] = [
    "secret",
    "password",
    "passwd",
    "apikey",
    "accesskey",
    "privatekey",
    "authtoken",
    "accesstoken",
    "token",
    "credential",
    "signingkey",
    "encryptionkey",
];
/// Names that hold such a word and no secret.
const HARMLESS: [&str; 9] =
    ["tokencount", "tokens", "maxtoken", "tokenizer", "tokentype", "tokenid", "csrftoken", "secretname", "tokenlimit"];
/// Longest name that is looked at, in bytes.
const NAME_BYTES: usize = 64;
/// Shortest and longest value, in bytes.
const VALUE_BYTES: std::ops::RangeInclusive<usize> = 12..=512;

/// Adds the assigned secrets of a text.
pub(super) fn find(text: &str, found: &mut Vec<Match>) {
    let bytes = text.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        if !matches!(byte, b'=' | b':') || !is_secret_name(name_before(text, at)) {
            continue;
        }
        let rest = text.get(at + 1..).unwrap_or_default();
        let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        let rest = rest.get(blanks..).unwrap_or_default();
        let quote = rest.chars().next().filter(|c| "\"'`".contains(*c));
        // Values without quotes are those of environments: code would read a variable there.
        if quote.is_none() && (*byte == b':' || blanks > 0) && !is_line_of_yaml(rest) {
            continue;
        }
        let start = at + 1 + blanks + quote.map_or(0, char::len_utf8);
        let value = text.get(start..).unwrap_or_default();
        let value = value.get(..value.find(|c| !is_part(c)).unwrap_or(value.len())).unwrap_or_default();
        let after = text.as_bytes().get(start + value.len());
        let is_closed = match quote {
            Some(quote) => text.get(start + value.len()..).is_some_and(|rest| rest.starts_with(quote)),
            None => after.is_none_or(|byte| byte.is_ascii_whitespace() || b"\"'`;,&|\\".contains(byte)),
        };
        if is_closed && is_secret_value(value) {
            found.push((start..start + value.len(), RULE));
        }
    }
}

/// Whether a member of an object is a secret by its name and its value.
pub(super) fn is_secret(name: &str, value: &str) -> bool {
    is_secret_name(name) && value.chars().all(is_part) && is_secret_value(value)
}

fn is_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || "+/=_.~!@#%^*-".contains(c)
}

fn is_secret_value(value: &str) -> bool {
    VALUE_BYTES.contains(&value.len()) && !value.contains("..") && is_random(value, 3.0) && !is_path_or_name(value)
}

/// Paths, addresses of modules and words with separators between them: all of their parts are letters, or a short number.
fn is_path_or_name(value: &str) -> bool {
    let parts = || value.split(['/', '.', '_', '-', '@', ':']).filter(|part| !part.is_empty());
    parts().count() > 1
        && parts().all(|part| {
            let digits = part.bytes().filter(u8::is_ascii_digit).count();
            digits == 0 || (digits == part.len() && digits < 5) || (digits <= 2 && part.len() < 8)
        })
}

fn is_line_of_yaml(rest: &str) -> bool {
    let line = rest.lines().next().unwrap_or_default().trim_end();
    !line.is_empty() && !line.ends_with([',', ';', '{', ')']) && line.chars().all(is_part)
}

fn is_secret_name(name: &str) -> bool {
    if name.is_empty() {
        return false;
    }
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    SECRETS.iter().any(|word| plain.contains(word)) && !HARMLESS.iter().any(|word| plain.contains(word))
}

/// The name that ends before a place, whether in quotes or not.
fn name_before(text: &str, at: usize) -> &str {
    let before = text.get(..at).unwrap_or_default().trim_end_matches([' ', '"', '\'', '`', ']']);
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-".contains(byte);
    let length = before.bytes().rev().take(NAME_BYTES).take_while(is_name).count();
    before.get(before.len() - length..).unwrap_or_default()
}
