//! The keys of an organisation.

use domain::OrgId;
use uuid::Uuid;

use super::{Partition, SecretDigest};

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

    /// Hash: the members of the organisation by the digests of their addresses.
    #[must_use]
    pub fn members_by_email(&self) -> String {
        self.index("members:email")
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
