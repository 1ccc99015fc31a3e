//! Everything that is Redis: each Lua script beside its only caller, and every key in [`keys`].
//!
//! Invariants, stated as absences:
//! - No key is spelled outside `keys.rs`, and no client text stands before a key's hash tag.
//! - No script touches two hash tags; no script does arithmetic that Rust could do; no script writes before its `XADD`.
//! - Nothing here knows an actor, HTTP or ClickHouse.
//! - Nothing is retried behind a caller's back: an error means "not known", never "not written".

#![expect(clippy::disallowed_methods, reason = "the organisations read here are those that were written here")]

mod api_keys;
mod assessments;
mod attempts;
mod backlog;
mod broadcast;
mod budgets;
mod candidate_keys;
mod cluster_map;
mod commit;
mod commit_line;
mod confirmed;
mod connection;
mod costs;
mod deliveries;
mod due;
mod entity;
mod erasure;
mod error;
mod files;
mod forming;
mod indexed;
mod invitations;
mod issues;
pub mod keys;
mod known_keys;
mod lasting;
mod log_entry;
mod log_stream;
mod members;
mod memory;
mod orgs;
mod outbox;
mod pack;
mod pepper;
mod pool;
mod posture;
mod random;
mod record;
mod redeem;
mod remembered;
mod restore;
mod restore_sums;
mod routed;
mod routes;
mod rubrics;
mod scores;
mod scripts;
mod secrets;
mod session_index;
mod sessions;
mod shared;
mod sign_ins;
mod stored;
pub mod tail;
mod tickets;
mod uploads;
mod watchers;
mod webhooks;
mod whole;
mod windows;

pub use api_keys::{API_KEY_PREFIX, ApiKey, Scopes};
pub use assessments::{Assessment, AssessmentTerms};
pub use attempts::{ATTEMPT_LIFE, Attempt};
pub use backlog::Backlog;
pub use broadcast::Broadcast;
pub use budgets::{Draw, Drawn, HELD_FOR, Pace};
pub use candidate_keys::{CandidateKey, Consent, KeyEnd, KeyStatus, NewCandidateKey};
pub use commit::LoggedEvents;
pub use commit_line::CommitLine;
pub use confirmed::{Confirmed, Written};
pub use connection::{Config, Redis};
pub use deliveries::{Delivery, DeliveryStatus};
pub use due::Due;
pub use entity::{Entity, Fields, belongs_to_session};
pub use erasure::Erasure;
pub use error::Error;
pub use forming::{ClusterNode, form_cluster};
pub use invitations::{Invitation, InviteStep};
pub use issues::{Issue, IssueTerms};
pub use log_entry::{Content, EntityChange, Entry, Unreadable};
pub use members::Member;
pub use memory::Memory;
pub use orgs::Org;
pub use outbox::Outgoing;
pub use pepper::{NotPeppers, Peppers};
pub use posture::Posture;
pub use random::{parse_candidate_key, random_candidate_key, random_secret};
pub use record::{Commit, CommitPart, MAX_COMMIT_EVENTS, Outcome, Refusal};
pub use redeem::{Bound, Redeem, RedeemRefusal, Redeemed};
pub use restore::Restored;
pub use restore_sums::SumsInTheMaking;
pub use routed::Connection;
pub use rubrics::{Rubric, RubricTerms};
pub use scores::{NewScore, Score, ScoresKept};
pub use secrets::{Owner, Purpose};
pub use session_index::{EndedSession, SessionQuery, UnsettledSession};
pub use sessions::{Close, Closed, Made, NewSession};
pub use sign_ins::{Holder, SignIn, Standing};
pub use tickets::{Issuer, TICKET_LIFE, Ticket};
pub use uploads::{Bundle, Kept, Submission, UploadGrant};
pub use webhooks::Webhook;
pub use whole::Wholeness;
