//! Every key and channel of Redis. A key begins with its hash tag `{pNN}`, made by the server from a hash and never
//! from client text, so that all keys of one script live in one slot.

use std::net::IpAddr;

use domain::{OrgId, SessionId, SessionRef};
use ring::hmac;
use sha2::{Digest, Sha256};
use uuid::Uuid;

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
        Self::of(&[digest.0.as_bytes()])
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
}

/// The keys of one session, all in its partition.
#[derive(Debug, Clone)]
pub struct SessionKeys {
    partition: Partition,
    name: String,
}

impl SessionKeys {
    /// The keys of `session`.
    #[must_use]
    pub fn of(session: &SessionRef) -> Self {
        Self { partition: Partition::of_session(session), name: session.to_string() }
    }

    /// Its partition.
    #[must_use]
    pub fn partition(&self) -> Partition {
        self.partition
    }

    fn key(&self, what: &str) -> String {
        self.partition.key(format_args!("{what}:{}", self.name))
    }

    /// Hash: the session's record, an entity.
    #[must_use]
    pub fn record(&self) -> String {
        self.key("s")
    }

    /// Hash: `seq`, `flushed` and the sums of the signals.
    #[must_use]
    pub fn sums(&self) -> String {
        self.key("n")
    }

    /// Set: ids of events that were recorded, 16 bytes each.
    #[must_use]
    pub fn seen(&self) -> String {
        self.key("d")
    }

    /// Set: hashes of the files touched, 16 bytes each.
    #[must_use]
    pub fn files(&self) -> String {
        self.key("f")
    }

    /// Sorted set: the stream entries that hold this session's newest events, by the seq before their first.
    #[must_use]
    pub fn tail(&self) -> String {
        self.key("t")
    }

    /// Hash: how many watch, by node.
    #[must_use]
    pub fn watchers(&self) -> String {
        self.key("p")
    }

    /// String: present when the session was erased.
    #[must_use]
    pub fn tombstone(&self) -> String {
        self.key("x")
    }

    /// Hash: the bundles that were uploaded, by object; an entity.
    #[must_use]
    pub fn uploads(&self) -> String {
        self.key("u")
    }

    /// Hash: the newest submission, an entity.
    #[must_use]
    pub fn submission(&self) -> String {
        self.key("b")
    }

    /// Hash: the rolling-window counts of one quarter of an hour.
    #[must_use]
    pub fn window(&self, block: i64) -> String {
        self.partition.key(format_args!("w:{block}:{}", self.name))
    }
}

/// What is stored and looked up instead of a secret: its SHA-256 in lower-case hex, or behind `h1-` its HMAC-SHA-256 with
/// a pepper.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SecretDigest(String);

impl SecretDigest {
    /// The digest of a text without a pepper: of what is no secret, and of secrets of installations that have none.
    #[must_use]
    pub fn of(secret: &str) -> Self {
        Self(hex("", &Sha256::digest(secret.as_bytes())))
    }

    /// The digest of a secret with a pepper.
    pub(crate) fn peppered(pepper: &hmac::Key, secret: &str) -> Self {
        Self(hex("h1-", hmac::sign(pepper, secret.as_bytes()).as_ref()))
    }

    /// A digest that was stored.
    pub(crate) fn stored(hex: &str) -> Self {
        Self(hex.to_owned())
    }

    /// The digest as hex.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The partition of its look-up keys.
    #[must_use]
    pub fn partition(&self) -> Partition {
        Partition::of_digest(self)
    }

    /// The look-up key of this secret for one `purpose` (`api`, `candidate`, `token`, `ticket`, `upload`).
    #[must_use]
    pub fn key(&self, purpose: &str) -> String {
        Partition::of_digest(self).key(format_args!("{purpose}:{}", self.0))
    }
}

fn hex(prefix: &str, bytes: &[u8]) -> String {
    bytes.iter().fold(prefix.to_owned(), |hex, byte| format!("{hex}{byte:02x}"))
}

/// The key of a budget, in a partition that follows from whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BudgetKey {
    partition: Partition,
    key: String,
}

impl BudgetKey {
    /// The budget of somebody with an id, for one `purpose`.
    #[must_use]
    pub fn of_id(purpose: &str, id: Uuid) -> Self {
        let partition = Partition::of(&[id.as_bytes()]);
        Self { partition, key: partition.key(format_args!("budget:{purpose}:{id}")) }
    }

    /// The budget of an address, which is kept as a hash.
    #[must_use]
    pub fn of_address(purpose: &str, address: IpAddr) -> Self {
        let mut hash = SecretDigest::of(&address.to_string()).0;
        hash.truncate(32);
        let partition = Partition::of(&[hash.as_bytes()]);
        Self { partition, key: partition.key(format_args!("budget:{purpose}:{hash}")) }
    }

    /// The budget that everybody shares.
    #[must_use]
    pub fn of_all(purpose: &str) -> Self {
        let partition = Partition::of(&[purpose.as_bytes()]);
        Self { partition, key: partition.key(format_args!("budget:{purpose}")) }
    }

    /// Its partition.
    #[must_use]
    pub fn partition(&self) -> Partition {
        self.partition
    }

    /// Hash: how much is used, and what nodes hold.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.key
    }
}

/// The keys of one organisation, all in its partition.
#[derive(Debug, Clone, Copy)]
pub struct OrgKeys {
    org: OrgId,
    partition: Partition,
}

impl OrgKeys {
    /// The keys of `org`.
    #[must_use]
    pub fn of(org: OrgId) -> Self {
        Self { org, partition: Partition::of_org(org) }
    }

    /// Its partition.
    #[must_use]
    pub fn partition(&self) -> Partition {
        self.partition
    }

    /// Hash: one entity of the organisation.
    #[must_use]
    pub fn entity(&self, kind: &str, id: impl std::fmt::Display) -> String {
        self.partition.key(format_args!("o:{}:{kind}:{id}", self.org))
    }

    /// Sorted set: an index over entities, e.g. `assessments`, or `keys:<assessment>`.
    #[must_use]
    pub fn index(&self, name: impl std::fmt::Display) -> String {
        self.partition.key(format_args!("o:{}:index:{name}", self.org))
    }

    /// Sorted set: sessions by start, all of them or those that `filter` names.
    #[must_use]
    pub fn sessions(&self, filter: SessionFilter<'_>) -> String {
        match filter {
            SessionFilter::All => self.index("sessions"),
            SessionFilter::Assessment(id) => self.index(format_args!("sessions:a:{id}")),
            SessionFilter::Status(status) => self.index(format_args!("sessions:t:{status}")),
            SessionFilter::Source(source) => {
                self.index(format_args!("sessions:s:{}", SecretDigest::of(source).as_str()))
            }
        }
    }

    /// Hash: the status under which each session is indexed.
    #[must_use]
    pub fn session_statuses(&self) -> String {
        self.index("sessions:status")
    }

    /// Sorted set: `<assessment>:<session>` of sessions that ended and whose results are not derived yet.
    #[must_use]
    pub fn unsettled(&self) -> String {
        self.index("sessions:unsettled")
    }
}

/// One index over an organisation's sessions.
#[derive(Debug, Clone, Copy)]
pub enum SessionFilter<'a> {
    /// All sessions.
    All,
    /// Those of an assessment.
    Assessment(Uuid),
    /// Those with a status: `pending`, `active`, `ended`.
    Status(&'a str),
    /// Those that came from a source service.
    Source(&'a str),
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
