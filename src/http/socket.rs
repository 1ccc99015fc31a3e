//! What both WebSockets have in common: signs of life, whole messages out of fragments, close codes.

use std::time::{Duration, Instant};

use actix_http::ws::Item;
use actix_web::web::{Bytes, BytesMut};
use actix_web_actors::ws::{CloseCode, CloseReason};

/// How often the server asks for a sign of life.
pub(super) const PING_EVERY: Duration = Duration::from_secs(15);

/// After how long without one the peer is held for gone.
const SILENT_FOR: Duration = Duration::from_secs(45);

/// The credential expired or was revoked.
pub(super) const CREDENTIAL_GONE: u16 = 4001;

/// The session was deleted.
pub(super) const SESSION_DELETED: u16 = 4002;

/// When a peer was last heard.
#[derive(Debug)]
pub(super) struct Life(Instant);

impl Life {
    pub(super) fn begins() -> Self {
        Self(Instant::now())
    }

    pub(super) fn sign(&mut self) {
        self.0 = Instant::now();
    }

    pub(super) fn is_gone(&self) -> bool {
        self.0.elapsed() > SILENT_FOR
    }
}

/// A close frame with a code of the contract.
pub(super) fn close(code: u16, reason: &str) -> CloseReason {
    CloseReason { code: CloseCode::from(code), description: Some(reason.to_owned()) }
}

/// Puts a message together that came in fragments.
#[derive(Debug, Default)]
pub(super) struct Fragments {
    text: Option<BytesMut>,
}

/// What a fragment made of the message.
pub(super) enum Fragment {
    /// More is to come.
    Partial,
    /// The message is whole.
    Whole(Bytes),
    /// It is larger than allowed.
    TooLarge,
    /// It is not a text message, or out of order.
    Unsupported,
}

impl Fragments {
    pub(super) fn take(&mut self, item: Item, max_bytes: usize) -> Fragment {
        let (bytes, is_last) = match item {
            Item::FirstText(bytes) => {
                self.text = Some(BytesMut::new());
                (bytes, false)
            }
            Item::FirstBinary(_) => return Fragment::Unsupported,
            Item::Continue(bytes) => (bytes, false),
            Item::Last(bytes) => (bytes, true),
        };
        let Some(text) = &mut self.text else { return Fragment::Unsupported };
        if text.len() + bytes.len() > max_bytes {
            self.text = None;
            return Fragment::TooLarge;
        }
        text.extend_from_slice(&bytes);
        if !is_last {
            return Fragment::Partial;
        }
        Fragment::Whole(self.text.take().unwrap_or_default().freeze())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fragments_become_one_message_within_the_limit() {
        let mut fragments = Fragments::default();
        assert!(matches!(fragments.take(Item::FirstText("ab".into()), 4), Fragment::Partial));
        assert!(matches!(fragments.take(Item::Continue("c".into()), 4), Fragment::Partial));
        let Fragment::Whole(whole) = fragments.take(Item::Last("d".into()), 4) else { panic!("whole") };
        assert_eq!(whole, "abcd");
        assert!(matches!(fragments.take(Item::FirstText("abcde".into()), 4), Fragment::TooLarge));
        assert!(matches!(fragments.take(Item::Last("x".into()), 4), Fragment::Unsupported));
        assert!(matches!(fragments.take(Item::FirstBinary("x".into()), 4), Fragment::Unsupported));
    }
}
