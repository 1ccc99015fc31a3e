//! How the log keeps the events of a commit: the exact bytes that were received, with what the server added, in one
//! stream entry. All numbers are little-endian.
//!
//! An entry has one field for each session. Its name is `<base> <createdAt> <org>:<session>`: the seq before the
//! first event, the creation time of the session's record in milliseconds, and whose events they are. Its value:
//!
//! | bytes | what |
//! |---|---|
//! | 1 | version of this layout, 1 |
//! | 8 | when they were received, milliseconds |
//! | 4 | number of events |
//! | then for each: 1 | signature: 0 none, 1 does not hold, 2 holds |
//! | 4 | number of bytes |
//! | … | the event |

use bytes::{Buf, BufMut, Bytes};
use domain::{Event, Limits, OrgId, SessionRef, StoredEvent, Timestamp};

use crate::Error;

const LAYOUT: u8 = 1;

/// The events of one session in one stream entry.
#[derive(Debug, Clone)]
pub struct LoggedEvents {
    /// Whose they are.
    pub session: SessionRef,
    /// The seq before the first of them.
    pub base: u64,
    /// When the session's record was made.
    pub session_created_at: Timestamp,
    /// The events by seq.
    pub events: Vec<StoredEvent>,
}

impl LoggedEvents {
    /// Reads a field of a stream entry: its name and its value.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when it is not what a commit writes.
    pub fn decode(name: &str, value: Bytes) -> Result<Self, Error> {
        decode(name, value)
    }

    /// The seq of the last of them.
    #[must_use]
    pub fn last_seq(&self) -> u64 {
        self.events.last().map_or(self.base, |stored| stored.seq)
    }
}

/// Writes the value of a field.
pub(crate) fn encode(received_at: Timestamp, events: &[Event]) -> Vec<u8> {
    let size: usize = events.iter().map(|event| event.raw().len() + 5).sum();
    let mut out = Vec::with_capacity(13 + size);
    out.put_u8(LAYOUT);
    out.put_i64_le(received_at.millis());
    out.put_u32_le(u32::try_from(events.len()).unwrap_or(u32::MAX));
    for event in events {
        out.put_u8(event.sig_verified.map_or(0, |holds| 1 + u8::from(holds)));
        out.put_u32_le(u32::try_from(event.raw().len()).unwrap_or(u32::MAX));
        out.put_slice(event.raw());
    }
    out
}

/// Reads a field of an entry.
///
/// # Errors
/// [`Error::Corrupt`] when it is not what [`encode`] writes.
pub(crate) fn decode(name: &str, value: Bytes) -> Result<LoggedEvents, Error> {
    let corrupt = |what: &str| Error::corrupt(format!("stream field {name:?}: {what}"));
    let (session, base, session_created_at) = decode_name(name).ok_or_else(|| corrupt("its name"))?;
    let mut rest = value;
    let layout = rest.try_get_u8().map_err(|_| corrupt("empty"))?;
    if layout != LAYOUT {
        return Err(corrupt("an unknown layout"));
    }
    let received_at = rest.try_get_i64_le().map(Timestamp::from_millis).map_err(|_| corrupt("cut short"))?;
    let n_events = rest.try_get_u32_le().map_err(|_| corrupt("cut short"))?;
    let mut events = Vec::new();
    // What was valid when it was taken stays valid: no rule that depends on time or configuration is asked again.
    let limits = Limits { now: Timestamp::from_millis(i64::MAX), strict_kinds: false };
    if base.checked_add(u64::from(n_events)).is_none() {
        return Err(corrupt("more events than can be counted"));
    }
    for seq in (1..=u64::from(n_events)).map(|place| base + place) {
        let signature = rest.try_get_u8().map_err(|_| corrupt("cut short"))?;
        let length = rest.try_get_u32_le().map_err(|_| corrupt("cut short"))?;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if rest.len() < length {
            return Err(corrupt("cut short"));
        }
        let mut event = Event::parse(rest.split_to(length), &limits).map_err(|error| corrupt(&error.to_string()))?;
        event.sig_verified = match signature {
            0 => None,
            verdict => Some(verdict == 2),
        };
        events.push(StoredEvent { event, org: session.org, seq, received_at });
    }
    Ok(LoggedEvents { session, base, session_created_at, events })
}

/// Whose events a field of an entry holds, by its name alone.
pub(crate) fn session_of(name: &str) -> Option<SessionRef> {
    decode_name(name).map(|(session, ..)| session)
}

fn decode_name(name: &str) -> Option<(SessionRef, u64, Timestamp)> {
    let mut words = name.splitn(3, ' ');
    let base = words.next()?.parse().ok()?;
    let created = Timestamp::from_millis(words.next()?.parse().ok()?);
    let (org, session) = words.next()?.split_once(':')?;
    Some((SessionRef::new(OrgId::trusted(org.parse().ok()?), session.parse().ok()?), base, created))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_that_no_commit_wrote_is_corrupt_and_nothing_worse() {
        let name = |base: u64| format!("{base} 7 00000000-0000-0000-0000-000000000001:s");
        let value = |n_events: u32| {
            let mut value = encode(Timestamp::from_millis(7), &[]);
            value.splice(9..13, n_events.to_le_bytes());
            Bytes::from(value)
        };
        assert_eq!(decode(&name(u64::MAX), value(0)).unwrap().last_seq(), u64::MAX);
        for (base, n_events) in [(u64::MAX, 1), (u64::MAX - 3, 4), (0, 1), (0, u32::MAX)] {
            assert!(matches!(decode(&name(base), value(n_events)), Err(Error::Corrupt(_))), "{base} {n_events}");
        }
        assert!(decode("no name", value(0)).is_err() && decode(&name(0), Bytes::new()).is_err());
    }
}
