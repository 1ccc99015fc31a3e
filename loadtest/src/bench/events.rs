//! Events for the bench: texts made beforehand, so that the generator costs next to nothing while it is timed. Each use
//! gets an id of its own.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use uuid::Uuid;

use crate::generate::Generator;

/// What every text begins with.
const HEAD: &str = r#"{"id":""#;
/// Characters of an id.
const ID: usize = 36;
/// Different texts.
const TEXTS: usize = 256;

/// The texts of one session's events.
#[derive(Debug, Clone)]
pub(crate) struct Events(Arc<[String]>);

impl Events {
    /// Events of `session`: 0.5 to 2 KiB, as most of real ones.
    pub(crate) fn of(seed: u64, session: &str) -> Result<Self, String> {
        let mut generator = Generator::new(seed, session, chrono::Utc::now().timestamp_millis()).small(seed);
        let made: Result<Vec<String>, String> =
            (0..TEXTS).map(|_| generator.event(false).map(|sent| sent.text.to_string())).collect();
        Ok(Self(made?.into()))
    }

    /// Writes the text with that number, under a new id.
    pub(crate) fn write(&self, number: usize, out: &mut BytesMut) {
        let Some(text) = self.0.get(number % self.0.len()) else { return };
        let mut id = [0; ID];
        let id = Uuid::from_u128(rand::random()).hyphenated().encode_lower(&mut id);
        out.put_slice(HEAD.as_bytes());
        out.put_slice(id.as_bytes());
        out.put_slice(text.as_bytes().get(HEAD.len() + ID..).unwrap_or_default());
    }

    /// One event.
    pub(crate) fn one(&self, number: usize) -> Bytes {
        let mut out = BytesMut::with_capacity(2048);
        self.write(number, &mut out);
        out.freeze()
    }

    /// `n` events between `before` and `after`, separated by commas.
    pub(crate) fn many(&self, number: usize, n: usize, before: &str, after: &str) -> BytesMut {
        let mut out = BytesMut::with_capacity(2048 * n);
        out.put_slice(before.as_bytes());
        for place in 0..n {
            if place > 0 {
                out.put_u8(b',');
            }
            self.write(number + place, &mut out);
        }
        out.put_slice(after.as_bytes());
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{Event, Limits, Timestamp};
    use std::collections::HashSet;

    #[test]
    fn every_use_is_an_event_with_an_id_of_its_own() {
        let events = Events::of(1, "s-1").unwrap();
        let limits = Limits { now: Timestamp::from_millis(i64::MAX), strict_kinds: false };
        let ids: HashSet<Uuid> =
            (0..2 * TEXTS).map(|number| Event::parse(events.one(number), &limits).unwrap().id).collect();
        assert_eq!(ids.len(), 2 * TEXTS);
        let mean = (0..TEXTS).map(|number| events.one(number).len()).sum::<usize>() / TEXTS;
        assert!((500..2048).contains(&mean), "{mean}");
        let many = events.many(0, 3, "[", "]");
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&many).unwrap().as_array().unwrap().len(), 3);
    }
}
