//! The events that are on their way: which wait, which are sent, and what comes next. No I/O.

use crate::envelope::Envelope;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use uuid::Uuid;

/// Most events in one frame.
const FRAME_EVENTS: usize = 64;
/// Size at which a frame is full, in bytes.
const FRAME_BYTES: usize = 4 * 1024 * 1024;
/// What a frame holds besides its events, generously.
const FRAME_OVERHEAD: usize = 64;

/// The limits that the server sets in its `hello`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Events that may be sent and not acknowledged.
    pub(super) window: usize,
    /// Events in one frame.
    pub(super) batch: usize,
    /// Bytes of one frame.
    pub(super) frame_bytes: usize,
}

/// Events that are not acknowledged, in the order in which they were handed in.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    next: u64,
    waiting: BTreeMap<u64, Envelope>,
    by_id: HashMap<Uuid, u64>,
    unsent: BTreeSet<u64>,
}

/// What the outbox would send next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// One frame.
    Frame(String),
    /// An event that no frame can hold; it has been taken out.
    TooLarge(Uuid, usize),
    /// Nothing: all is sent, or the window is full.
    Nothing,
}

impl Outbox {
    /// Takes an event in; false when one of the same id is waiting already.
    pub(super) fn push(&mut self, envelope: Envelope) -> bool {
        if self.by_id.contains_key(&envelope.id) {
            return false;
        }
        self.by_id.insert(envelope.id, self.next);
        self.unsent.insert(self.next);
        self.waiting.insert(self.next, envelope);
        self.next += 1;
        true
    }

    /// Events not acknowledged, sent or not.
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether something could be sent within the window.
    pub(super) fn is_ready(&self, limits: Limits) -> bool {
        !self.unsent.is_empty() && self.in_flight() < limits.window
    }

    /// Events sent and not acknowledged.
    pub(super) fn in_flight(&self) -> usize {
        self.waiting.len().saturating_sub(self.unsent.len())
    }

    /// Builds the next frame and counts its events as sent.
    pub(super) fn next_frame(&mut self, limits: Limits) -> Next {
        let room = limits.window.saturating_sub(self.in_flight()).min(limits.batch).min(FRAME_EVENTS);
        let (mut frame, mut places) = (String::new(), Vec::new());
        for place in self.unsent.iter().take(room) {
            let Some(envelope) = self.waiting.get(place) else { continue };
            let size = envelope.text().len() + FRAME_OVERHEAD;
            if size > limits.frame_bytes && places.is_empty() {
                let id = envelope.id;
                self.settle(id);
                return Next::TooLarge(id, size);
            }
            if !places.is_empty() && frame.len() + size > FRAME_BYTES.min(limits.frame_bytes) {
                break;
            }
            if !places.is_empty() {
                frame.push(',');
            }
            frame.push_str(envelope.text());
            places.push(*place);
        }
        for place in &places {
            self.unsent.remove(place);
        }
        match places.len() {
            0 => Next::Nothing,
            1 => Next::Frame(format!(r#"{{"type":"event","event":{frame}}}"#)),
            _ => Next::Frame(format!(r#"{{"type":"batch","events":[{frame}]}}"#)),
        }
    }

    /// Takes an event out whose fate is known; false when it was not waiting.
    pub(super) fn settle(&mut self, id: Uuid) -> bool {
        let Some(place) = self.by_id.remove(&id) else { return false };
        self.unsent.remove(&place);
        self.waiting.remove(&place).is_some()
    }

    /// Puts an event back among the unsent, at its old place.
    pub(super) fn retry(&mut self, id: Uuid) -> bool {
        self.by_id.get(&id).is_some_and(|place| self.unsent.insert(*place))
    }

    /// Puts everything back among the unsent: the connection is gone.
    pub(super) fn retry_all(&mut self) {
        self.unsent.extend(self.waiting.keys());
    }
}

#[cfg(test)]
mod tests {
    use super::{Limits, Next, Outbox};
    use crate::envelope::{Author, Data, Draft, Envelope, Source};
    use serde_json::Value;

    const LIMITS: Limits = Limits { window: 5, batch: 3, frame_bytes: 10_000 };

    fn event(n: usize) -> Envelope {
        sized(n, 0)
    }

    fn sized(n: usize, bytes: usize) -> Envelope {
        let mut data = Data::new();
        data.insert("text".into(), "x".repeat(bytes).into());
        let ts = "2026-01-01T00:00:00Z".parse().unwrap();
        let (source, author) = (Source::TRANSCRIPT, Author::Human);
        Draft { ts, kind: "prompt", key: n.to_string(), source, author, data }.seal("s").unwrap()
    }

    fn ids(next: &Next) -> Vec<String> {
        let Next::Frame(frame) = next else { return Vec::new() };
        let frame: Value = serde_json::from_str(frame).unwrap();
        let id = |event: &Value| event["id"].as_str().unwrap().to_owned();
        frame["events"].as_array().map_or_else(|| vec![id(&frame["event"])], |all| all.iter().map(id).collect())
    }

    fn named(numbers: &[usize]) -> Vec<String> {
        numbers.iter().map(|n| event(*n).id.to_string()).collect()
    }

    fn filled(n: usize) -> Outbox {
        let mut outbox = Outbox::default();
        assert!((0..n).all(|n| outbox.push(event(n))));
        outbox
    }

    #[test]
    fn no_more_is_sent_than_the_window_and_the_batch_allow() {
        let mut outbox = filled(9);
        assert_eq!(ids(&outbox.next_frame(LIMITS)), named(&[0, 1, 2]));
        assert_eq!(ids(&outbox.next_frame(LIMITS)), named(&[3, 4]));
        assert!(!outbox.is_ready(LIMITS));
        assert_eq!(outbox.next_frame(LIMITS), Next::Nothing);
        assert!(outbox.settle(event(1).id));
        assert_eq!(ids(&outbox.next_frame(LIMITS)), named(&[5]));
        assert_eq!(outbox.len(), 8);
    }

    #[test]
    fn a_lost_connection_sends_again_what_was_not_acknowledged_in_order() {
        let mut outbox = filled(5);
        outbox.next_frame(LIMITS);
        outbox.settle(event(1).id);
        outbox.retry_all();
        assert_eq!(ids(&outbox.next_frame(LIMITS)), named(&[0, 2, 3]));
    }

    #[test]
    fn an_event_to_be_sent_again_keeps_its_place() {
        let mut outbox = filled(5);
        outbox.next_frame(LIMITS);
        assert!(outbox.retry(event(0).id));
        assert_eq!(ids(&outbox.next_frame(LIMITS)), named(&[0, 3, 4]));
        assert!(!outbox.retry(event(7).id));
    }

    #[test]
    fn an_event_waits_and_is_settled_once() {
        let mut outbox = filled(1);
        assert!(!outbox.push(event(0)));
        assert!(outbox.settle(event(0).id));
        assert!(!outbox.settle(event(0).id));
        assert_eq!(outbox.next_frame(LIMITS), Next::Nothing);
    }

    #[test]
    fn a_frame_has_a_size_and_an_event_that_exceeds_it_is_taken_out() {
        let mut outbox = Outbox::default();
        outbox.push(sized(0, 6_000));
        outbox.push(sized(1, 6_000));
        outbox.push(sized(2, 20_000));
        outbox.push(sized(3, 10));
        assert_eq!(ids(&outbox.next_frame(LIMITS)).len(), 1);
        assert_eq!(ids(&outbox.next_frame(LIMITS)).len(), 1);
        assert!(matches!(outbox.next_frame(LIMITS), Next::TooLarge(id, _) if id == sized(2, 20_000).id));
        assert_eq!(ids(&outbox.next_frame(LIMITS)), named(&[3]));
        assert_eq!(outbox.len(), 3);
    }
}
