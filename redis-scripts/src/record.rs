//! The commit: `record_events.lua` and its only caller.

use bytes::Bytes;
use domain::{BUCKET_MS, Contribution, Event, SessionRef, Timestamp, WindowCounts, Windows};
use redis::{Cmd, FromRedisValue, Value};
use tracing::Instrument;
use uuid::Uuid;

use crate::{
    CommitLine, Error, NewSession, commit,
    commit_line::Failure,
    keys::{Partition, SessionKeys},
    pack::Packer,
    scripts,
    sessions::PROMOTED,
};

/// The most events that one commit takes: the script's work is bounded, and so is the wait of everybody else.
pub const MAX_COMMIT_EVENTS: usize = 512;

/// Larger commits of a watched session are not broadcast: who watches reads them back.
const MAX_BROADCAST_BYTES: usize = 64 * 1024;

/// Buckets in a block of window counts: a quarter of an hour.
pub(crate) const BLOCK_BUCKETS: i64 = Windows::WIDEST_MS / BUCKET_MS;

/// The events of one session within a commit, packed for the script.
#[derive(Debug, Clone)]
pub struct CommitPart {
    session: SessionRef,
    n_events: usize,
    /// The block of window counts that the places in `packed` are relative to.
    block: i64,
    packed: Vec<u8>,
}

/// Why none of a session's events was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The session was erased.
    Deleted,
    /// The session ended, and the grace for late events is over.
    Ended,
    /// The session belongs to another candidate key.
    Mismatch,
}

/// What became of the events of one session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// All are recorded, with the seqs from `base + 1` on.
    Recorded {
        /// The seq before the first of them.
        base: u64,
        /// Whether they made the session.
        created: bool,
        /// Whether one of them closed it.
        closed: bool,
    },
    /// Nothing was applied: these (by place) are recorded already. To be sent again without them.
    Repeated(Vec<bool>),
    /// Nothing was applied.
    Refused(Refusal),
}

impl CommitPart {
    /// Packs `events` of one session, all received at `received_at`, with the sum of their contributions. `new` is
    /// what the session's record is made of if there is none yet. No two events may have the same id.
    #[must_use]
    pub fn new(
        session: &SessionRef,
        new: &NewSession,
        events: &[Event],
        contribution: &Contribution,
        received_at: Timestamp,
    ) -> Self {
        let mut pack = Packer::list(14);
        pack.count(events.len());
        pack.bytes(&events.iter().flat_map(|event| event.id.into_bytes()).collect::<Vec<u8>>());
        pack.texts(new.fields(received_at).iter().flat_map(|(field, value)| [*field, value.as_str()]));
        pack.text(&new.candidate_key.map(|key| key.to_string()).unwrap_or_default());
        let close = events.iter().find(|event| event.closes_session());
        pack.integer(close.map_or(0, |event| event.ts.millis()));
        let promoted: Vec<(String, String)> =
            events.iter().flat_map(Event::promoted).map(|(name, value)| (format!("{PROMOTED}{name}"), value)).collect();
        pack.texts(promoted.iter().flat_map(|(field, value)| [field.as_str(), value.as_str()]));
        pack_contribution(&mut pack, contribution, received_at);
        pack.text(source_service(events));
        pack.bytes(&commit::encode(received_at, events));
        Self { session: session.clone(), n_events: events.len(), block: block_of(received_at), packed: pack.finish() }
    }

    /// How many events it holds.
    #[must_use]
    pub fn n_events(&self) -> usize {
        self.n_events
    }

    /// How many bytes the script gets.
    #[must_use]
    pub fn n_bytes(&self) -> usize {
        self.packed.len()
    }

    /// Whose events they are.
    #[must_use]
    pub fn session(&self) -> &SessionRef {
        &self.session
    }
}

/// The parts 7 to 12 of what the script gets.
fn pack_contribution(pack: &mut Packer, contribution: &Contribution, received_at: Timestamp) {
    let sums: Vec<(&str, u64)> = domain::Counts::FIELDS
        .iter()
        .copied()
        .zip(contribution.counts.values())
        .filter(|(_, amount)| *amount > 0)
        .collect();
    pack.pairs(sums.iter().map(|(field, amount)| (*field, i64::try_from(*amount).unwrap_or(i64::MAX))));
    let earliest = [
        ("first_ts", contribution.first_ts),
        ("first_start_ts", contribution.first_start_ts),
        ("first_change_ts", contribution.first_change_ts),
    ];
    let earliest: Vec<_> = earliest.iter().filter_map(|(field, ts)| ts.map(|ts| (*field, ts.millis()))).collect();
    pack.pairs(earliest.into_iter());
    pack.integer(contribution.last_ts.map_or(0, Timestamp::millis));
    match contribution.last_test {
        None => pack.begin_list(0),
        Some(test) => {
            pack.begin_list(3);
            pack.integer(test.ts.millis());
            pack.integer(i64::try_from(test.order).unwrap_or(i64::MAX));
            pack.integer(i64::from(test.passed));
        }
    }
    pack.begin_list(contribution.paths.len());
    for path in &contribution.paths {
        pack.bytes(path);
    }
    let block = block_of(received_at);
    let mut windows = Vec::new();
    for (bucket, counts) in &contribution.windows.0 {
        for (field, amount) in WindowCounts::FIELDS.iter().zip(counts.values()) {
            let age = block - bucket.div_euclid(BLOCK_BUCKETS);
            if amount > 0 && (0..=1).contains(&age) {
                windows.push((age, format!("{bucket}:{field}"), i64::try_from(amount).unwrap_or(i64::MAX)));
            }
        }
    }
    pack.begin_list(windows.len() * 3);
    for (age, field, amount) in windows {
        pack.integer(age);
        pack.text(&field);
        pack.integer(amount);
    }
}

/// The block of window counts that an instant falls into.
pub(crate) fn block_of(at: Timestamp) -> i64 {
    domain::bucket_of(at).div_euclid(BLOCK_BUCKETS)
}

/// The tool that a session's events come from: the first that is more than the assessment's own tooling.
fn source_service(events: &[Event]) -> &str {
    let own = |name: &&str| !matches!(*name, "unknown" | "cli" | "terminal" | "hook" | "promptster");
    events.iter().map(|event| &*event.source.integration).find(own).unwrap_or_default()
}

/// One committer's way into one partition: commits one after the other.
#[derive(Debug, Clone, Copy)]
pub struct Commit<'a> {
    /// The partition of all its sessions.
    pub partition: Partition,
    /// Who commits.
    pub committer: Uuid,
    /// Names this call: a repetition with the same nonce answers what the first one answered.
    pub nonce: u64,
    /// The events.
    pub parts: &'a [CommitPart],
    /// The server's time.
    pub now: Timestamp,
    /// How long events are taken after a session was closed, in milliseconds.
    pub grace_ms: i64,
}

/// How often a call is sent again that is known to have done nothing: partitions move, and scripts are forgotten.
const SENT_AGAIN: usize = 3;

impl Commit<'_> {
    /// `EVALSHA` with the keys and arguments that the script asks for.
    fn command(&self) -> Cmd {
        let partition = self.partition;
        let mut command = redis::cmd("EVALSHA");
        command.arg(scripts::record_events().get_hash()).arg(3 + 9 * self.parts.len());
        command.arg(partition.stream()).arg(partition.last_commit(self.committer)).arg(partition.whole());
        for part in self.parts {
            let keys = SessionKeys::of(&part.session);
            command
                .arg(keys.record())
                .arg(keys.sums())
                .arg(keys.seen())
                .arg(keys.files())
                .arg(keys.tail())
                .arg(keys.tombstone())
                .arg(keys.watched())
                .arg(keys.window(part.block))
                .arg(keys.window(part.block - 1));
        }
        command.arg(self.nonce).arg(self.now.millis()).arg(self.grace_ms);
        command.arg(partition.wake_channel()).arg(partition.broadcast_channel()).arg(MAX_BROADCAST_BYTES);
        for part in self.parts {
            command.arg(part.session.org.to_string()).arg(part.session.session.as_str()).arg(part.packed.as_slice());
        }
        command
    }

    fn outcomes(&self, answer: &Value) -> Result<Vec<Outcome>, Error> {
        let Value::Array(answers) = answer else {
            return Err(Error::corrupt(format!("record_events answered {answer:?}")));
        };
        if answers.len() != self.parts.len() {
            return Err(Error::corrupt("record_events answered for another number of sessions"));
        }
        answers.iter().zip(self.parts).map(|(answer, part)| outcome_of(answer, part)).collect()
    }
}

impl CommitLine {
    /// Commits, together with what others commit on this line at the same time. The answer is durable as far as Redis is
    /// configured to be.
    ///
    /// # Errors
    /// [`Error::Unavailable`]: whether it took effect is not known, and the same call may be repeated to learn it.
    /// [`Error::Refused`]: nothing was written, e.g. because the partition is not whole.
    pub async fn commit(&self, commit: &Commit<'_>) -> Result<Vec<Outcome>, Error> {
        let span = tracing::debug_span!("ask redis", otel.kind = "client", db.system.name = "redis", commands = 1);
        commit.outcomes(&self.sent(commit).instrument(span).await?)
    }

    async fn sent(&self, commit: &Commit<'_>) -> Result<Value, Error> {
        let (redis, partition) = (self.redis(), commit.partition);
        for _ in 0..SENT_AGAIN {
            let node = redis.node(partition).await?;
            match self.send(&node, partition, commit.command()).await {
                Ok(answer) => return Ok(answer),
                Err(Failure::Moved(address)) => redis.routes().follow(partition, &address, &node),
                Err(Failure::NoScript) => {
                    let mut connection = redis.connection(partition).await?;
                    scripts::record_events().load_async(&mut connection).await?;
                }
                Err(Failure::Other { error, tells_of_change }) => {
                    if tells_of_change {
                        redis.routes().doubt();
                    }
                    return Err(error);
                }
            }
        }
        Err(Error::Unavailable(format!("no server says that it has partition {}", partition.index())))
    }
}

fn outcome_of(answer: &Value, part: &CommitPart) -> Result<Outcome, Error> {
    let unexpected = || Error::corrupt(format!("record_events answered {answer:?}"));
    let Value::Array(items) = answer else { return Err(unexpected()) };
    match items.as_slice() {
        [Value::Int(0), base, made, closed, ..] => Ok(Outcome::Recorded {
            base: u64::from_redis_value_ref(base).map_err(|_| unexpected())?,
            created: *made == Value::Int(1),
            closed: *closed == Value::Int(1),
        }),
        [Value::Int(1), mask] => {
            let mask = Bytes::from_redis_value_ref(mask).map_err(|_| unexpected())?;
            if mask.len() != part.n_events {
                return Err(unexpected());
            }
            Ok(Outcome::Repeated(mask.iter().map(|seen| *seen == b'1').collect()))
        }
        [Value::Int(2), reason] => match String::from_redis_value_ref(reason).as_deref() {
            Ok("deleted") => Ok(Outcome::Refused(Refusal::Deleted)),
            Ok("ended") => Ok(Outcome::Refused(Refusal::Ended)),
            Ok("mismatch") => Ok(Outcome::Refused(Refusal::Mismatch)),
            _ => Err(unexpected()),
        },
        _ => Err(unexpected()),
    }
}
