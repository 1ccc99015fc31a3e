//! The keys of a session.

use domain::SessionRef;

use super::Partition;

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

    /// String: present while somebody watches, so that commits broadcast the events.
    #[must_use]
    pub fn watched(&self) -> String {
        self.key("o")
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

    /// Hash: what reviewers think of it, an entity.
    #[must_use]
    pub fn scores(&self) -> String {
        self.key("c")
    }

    /// Hash: the rolling-window counts of one quarter of an hour.
    #[must_use]
    pub fn window(&self, block: i64) -> String {
        self.partition.key(format_args!("w:{block}:{}", self.name))
    }
}
