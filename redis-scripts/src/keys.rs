//! Every key and channel of Redis. A key begins with its hash tag `{pNN}`, made by the server from a hash and never
//! from client text, so that all keys of one script live in one slot.

mod org;
mod secret;
mod session;

use domain::{OrgId, SessionId, SessionRef};
use uuid::Uuid;

pub use org::{OrgKeys, SessionFilter};
pub use secret::{BudgetKey, SecretDigest};
pub use session::SessionKeys;

/// Number of partitions. Changing it is a migration: it decides where every key lives.
pub const PARTITIONS: u16 = 64;

/// One of the [`PARTITIONS`] slots, printed as its tag `{pNN}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Partition(u16);

impl Partition {
    /// All partitions in order.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..PARTITIONS).map(Self)
    }

    /// The partition of a session: of its events, counters and record.
    #[must_use]
    pub fn of_session(session: &SessionRef) -> Self {
        Self::of(&[session.org.as_bytes(), session.session.as_str().as_bytes()])
    }

    /// The partition of an organisation: of its entities and indexes.
    #[must_use]
    pub fn of_org(org: OrgId) -> Self {
        Self::of(&[org.as_bytes()])
    }

    /// The partition of a secret's look-up key.
    #[must_use]
    pub fn of_digest(digest: &SecretDigest) -> Self {
        Self::of(&[digest.as_str().as_bytes()])
    }

    /// The partition of [`Self::log_turn`].
    pub const LOG_TURN: Self = Self(0);

    /// The partition of a writer's sign of life.
    #[must_use]
    pub fn of_writer(writer: Uuid) -> Self {
        Self::of(&[writer.as_bytes()])
    }

    /// Which of the 16,384 slots of a Redis Cluster its keys are in: the CRC16 (XMODEM) of what stands between the
    /// braces.
    #[must_use]
    pub fn slot(self) -> u16 {
        let step = |crc: u16, byte: u8| {
            (0..8).fold(crc ^ (u16::from(byte) << 8), |crc, _| (crc << 1) ^ if crc & 0x8000 == 0 { 0 } else { 0x1021 })
        };
        format!("p{:02}", self.0).bytes().fold(0, step) % 16_384
    }

    /// Its number.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// FNV-1a, 64 bits: fixed for ever, unlike the hashers of the standard library.
    fn of(parts: &[&[u8]]) -> Self {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for byte in parts.iter().copied().flatten() {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        let folded = (hash ^ (hash >> 32)) % u64::from(PARTITIONS);
        Self(u16::try_from(folded).unwrap_or_default())
    }

    fn key(self, rest: impl std::fmt::Display) -> String {
        format!("{{p{:02}}}:{rest}", self.0)
    }

    /// The write-ahead stream: commits of events and changes of entities.
    #[must_use]
    pub fn stream(self) -> String {
        self.key("log")
    }

    /// The node whose log writer drains the stream.
    #[must_use]
    pub fn writer_lease(self) -> String {
        self.key("log:writer")
    }

    /// How often everything that is in the streams was to be written anew.
    #[must_use]
    pub fn log_turn() -> String {
        Self::LOG_TURN.key("log:turn")
    }

    /// String: present while ClickHouse may lack what it confirmed; the last entry that it may lack, or `+`.
    #[must_use]
    pub fn doubted(self) -> String {
        self.key("log:doubted")
    }

    /// Present while it is not time yet to compare the stream with ClickHouse.
    #[must_use]
    pub fn compared(self) -> String {
        self.key("log:compared")
    }

    /// Where the next comparison begins.
    #[must_use]
    pub fn compare_from(self) -> String {
        self.key("log:compare-from")
    }

    /// The sign of life of a node's log writer. It says for all partitions whether that node's leases still count.
    #[must_use]
    pub fn writer_alive(writer: Uuid) -> String {
        Self::of_writer(writer).key(format_args!("log:alive:{writer}"))
    }

    /// The last commit of one committer, with its answer, so that a repeated call answers as the first did.
    #[must_use]
    pub fn last_commit(self, committer: Uuid) -> String {
        self.key(format_args!("commit:{committer}"))
    }

    /// Sorted set: what is to be done, by time.
    #[must_use]
    pub fn due(self) -> String {
        self.key("due")
    }

    /// Sorted set: what is to be sent, by time.
    #[must_use]
    pub fn outbox(self) -> String {
        self.key("outbox")
    }

    /// Sorted set: sessions whose erasure has begun, by the time at which somebody is to see whether it came to its end.
    #[must_use]
    pub fn erasures(self) -> String {
        self.key("erasures")
    }

    /// String: present while the append-only file may hold what was erased; another one after each erasure.
    #[must_use]
    pub fn removal(self) -> String {
        self.key("log:removal")
    }

    /// String: `whole` when the partition holds all that was ever written to it; `rebuilding` while it is restored.
    #[must_use]
    pub fn whole(self) -> String {
        self.key("whole")
    }

    /// String: written after something that replicas have to have, so that the wait for them covers it.
    #[must_use]
    pub fn confirmed(self) -> String {
        self.key("confirmed")
    }

    /// The channel on which a commit wakes those who watch its sessions.
    #[must_use]
    pub fn wake_channel(self) -> String {
        self.key("wake")
    }

    /// The channel on which a commit sends the events of watched sessions along.
    #[must_use]
    pub fn broadcast_channel(self) -> String {
        self.key("events")
    }
}

/// What a wake-up says of one session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Woken {
    /// Which session may have changed.
    pub session: SessionRef,
    /// Whether it started or ended, and not only went on.
    pub turned: bool,
}

/// What a wake-up says, one session a line, as `record_events.lua` and the others publish it. A line that begins with `!`
/// speaks of a session that started or ended.
pub fn parse_wake(payload: &str) -> impl Iterator<Item = Woken> {
    payload.lines().filter_map(|line| {
        let name = line.strip_prefix('!');
        let (org, session) = name.unwrap_or(line).split_once(':')?;
        let session = SessionRef::new(OrgId::trusted(org.parse().ok()?), session.parse::<SessionId>().ok()?);
        Some(Woken { session, turned: name.is_some() })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_lies_in_the_slot_that_redis_says() {
        // As `CLUSTER KEYSLOT {p00}:log` and so on answer.
        let slots: Vec<u16> = [0, 1, 48, 63].map(|number| Partition(number).slot()).into();
        assert_eq!(slots, [11_214, 15_343, 9_730, 12_555]);
    }

    #[test]
    fn keys_of_a_session_share_the_tag_of_its_partition_and_stay_where_they_are() {
        let session = SessionRef::new(OrgId::sample(Uuid::nil()), "s-1".parse().unwrap());
        let keys = SessionKeys::of(&session);
        let tag = format!("{{p{:02}}}:", keys.partition().index());
        for key in [keys.record(), keys.sums(), keys.seen(), keys.files(), keys.tail(), keys.window(1)] {
            assert!(key.starts_with(&tag), "{key}");
        }
        assert_eq!(keys.record(), "{p48}:s:00000000-0000-0000-0000-000000000000:s-1");
    }
}
