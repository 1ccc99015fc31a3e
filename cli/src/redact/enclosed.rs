//! Secrets that a known shape encloses: private keys, passwords in addresses, credentials in headers.

use super::Match;
use super::random::{is_placeholder, is_random};

/// Adds the enclosed secrets of a text.
pub(super) fn find(text: &str, found: &mut Vec<Match>) {
    private_keys(text, found);
    addresses(text, found);
    headers(text, found);
}

fn private_keys(text: &str, found: &mut Vec<Match>) {
    const END: &str = "PRIVATE KEY-----";
    for (at, beginning) in text.match_indices("-----BEGIN ") {
        let from = at + beginning.len();
        // "RSA PRIVATE KEY", "OPENSSH PRIVATE KEY", and a few more words at most.
        let Some(rest) = text.get(from..) else { continue };
        let Some(named) = rest.find(END).filter(|named| *named <= 24) else { continue };
        let body = from + named + END.len();
        // Without an end all that follows may be the key: output is cut off in the middle, too.
        let end = text.get(body..).and_then(|rest| rest.find(END)).map_or(text.len(), |end| body + end + END.len());
        // A mention of the first line alone, in code or in a message, encloses nothing.
        if text.get(body..end).is_some_and(|body| body.len() > 60) {
            found.push((at..end, "private-key"));
        }
    }
}

fn addresses(text: &str, found: &mut Vec<Match>) {
    for (at, separator) in text.match_indices("://") {
        let from = at + separator.len();
        let Some(rest) = text.get(from..) else { continue };
        let ends = |c: char| c.is_whitespace() || "/\"'`<>\\?#".contains(c);
        let authority = rest.get(..rest.find(ends).unwrap_or(rest.len())).unwrap_or_default();
        let Some((user, host)) = authority.rsplit_once('@') else { continue };
        let Some((name, password)) = user.split_once(':') else { continue };
        let is_template = password.is_empty() || password.contains(['$', '{', '%', '[']) || is_placeholder(password);
        // What examples and local stores use says nothing of anybody.
        let is_common = ["password", "pass", "secret", "postgres", "root", "user", name].contains(&password);
        if !is_template && !is_common && !host.is_empty() {
            let start = from + name.len() + 1;
            found.push((start..start + password.len(), "connection-string"));
        }
    }
}

fn headers(text: &str, found: &mut Vec<Match>) {
    for scheme in ["Bearer ", "bearer ", "Basic "] {
        for (at, _) in text.match_indices(scheme) {
            let start = at + scheme.len();
            let rest = text.get(start..).unwrap_or_default();
            let is_part = |c: char| c.is_ascii_alphanumeric() || "-._~+/=".contains(c);
            let value = rest.get(..rest.find(|c| !is_part(c)).unwrap_or(rest.len())).unwrap_or_default();
            if value.len() >= 16 && is_random(value, 3.0) {
                found.push((start..start + value.len(), "authorization"));
            }
        }
    }
}
