//! Deduplication tokens: made of what the rows are, so that a different set of rows never carries the same one.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::{DeadLetter, EntityRow, LoggedEvent};

/// Raised when the columns of a row change their meaning.
const SCHEMA_VERSION: u8 = 1;

/// A row that can tell what it is.
pub(crate) trait Content {
    /// Feeds everything that makes this row differ from another.
    fn feed(&self, token: &mut Token);
}

/// A token in the making.
pub(crate) struct Token(Sha256);

impl Token {
    /// The token of these rows in this order.
    pub(crate) fn of<'a, T: Content + 'a>(table: &str, rows: impl IntoIterator<Item = &'a T>) -> String {
        let mut token = Self(Sha256::new());
        token.text(table);
        token.bytes(&[SCHEMA_VERSION]);
        for row in rows {
            row.feed(&mut token);
        }
        token.0.finalize().iter().fold(String::with_capacity(64), |mut hex, byte| {
            // Writing to a string does not fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// With the length first, so that two neighbours cannot be cut differently into the same bytes.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.0.update(bytes.len().to_le_bytes());
        self.0.update(bytes);
    }

    pub(crate) fn number(&mut self, number: u64) {
        self.0.update(number.to_le_bytes());
    }
}

impl Content for LoggedEvent {
    fn feed(&self, token: &mut Token) {
        let stored = &self.stored;
        token.bytes(stored.org.as_bytes());
        token.text(stored.event.session_id.as_str());
        token.bytes(stored.event.id.as_bytes());
        token.number(self.version);
        token.number(stored.seq);
        token.bytes(&stored.received_at.millis().to_le_bytes());
        token.bytes(&self.session_created_at.millis().to_le_bytes());
        token.bytes(&[stored.event.sig_verified.map_or(2, u8::from)]);
        token.bytes(stored.event.raw());
    }
}

impl Content for EntityRow {
    fn feed(&self, token: &mut Token) {
        token.bytes(self.org.as_bytes());
        token.text(&self.kind);
        token.text(&self.id);
        token.number(self.version);
        token.bytes(&[u8::from(self.deleted)]);
        token.bytes(&self.written_at.millis().to_le_bytes());
        token.bytes(&self.fields.len().to_le_bytes());
        for (name, value) in &self.fields {
            token.text(name);
            token.text(value);
        }
    }
}

impl Content for DeadLetter {
    fn feed(&self, token: &mut Token) {
        token.bytes(self.org.as_bytes());
        token.text(&self.session);
        token.bytes(self.event_id.as_bytes());
        token.bytes(&self.received_at.millis().to_le_bytes());
        token.text(&self.reason);
        token.bytes(&self.raw);
        token.bytes(&self.seq.to_le_bytes());
        token.bytes(&self.version.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use domain::{OrgId, Timestamp};
    use uuid::Uuid;

    use super::*;

    fn letter(session: &str, reason: &str) -> DeadLetter {
        DeadLetter {
            org: OrgId::sample(Uuid::nil()),
            session: session.to_owned(),
            event_id: Uuid::nil(),
            received_at: Timestamp::from_millis(0),
            reason: reason.to_owned(),
            raw: bytes::Bytes::new(),
            seq: 0,
            session_created_at: Timestamp::from_millis(0),
            sig_verified: None,
            version: 0,
        }
    }

    #[test]
    fn a_token_depends_on_the_table_the_rows_and_their_order() {
        let (one, two) = (letter("ab", "c"), letter("a", "bc"));
        let token = Token::of("t", [&one, &two]);
        assert_eq!(token.len(), 64);
        assert_eq!(token, Token::of("t", [&one, &two]));
        for other in [Token::of("u", [&one, &two]), Token::of("t", [&two, &one]), Token::of("t", [&one])] {
            assert_ne!(token, other);
        }
        assert_ne!(Token::of("t", [&one]), Token::of("t", [&two]));
    }
}
