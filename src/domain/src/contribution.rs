//! What an event adds to the signals of its session, as a value that can be summed in any order.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::{Attribution, Author, CommandClass, Event, Kind, Timestamp, WindowCounts, Windows, bucket_of};

#[cfg(test)]
mod tests;

/// A file's path as sixteen bytes, for counting distinct ones.
pub type PathHash = [u8; 16];

/// The namespace under which paths are hashed.
const PATHS: Uuid = Uuid::from_u128(0x8a2f_1c1e_6d0b_5b57_9d39_0f5c_5a6e_71d4);

macro_rules! counts {
    ($($(#[$doc:meta])* $field:ident),+ $(,)?) => {
        /// The plain sums of a session.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct Counts { $($(#[$doc])* pub $field: u64),+ }

        impl Counts {
            /// The names under which the counts are stored, in the order of [`Counts::values`].
            pub const FIELDS: &'static [&'static str] = &[$(stringify!($field)),+];

            /// The counts in the order of [`Counts::FIELDS`].
            #[must_use]
            pub fn values(&self) -> Vec<u64> {
                vec![$(self.$field),+]
            }

            /// Sets the count of that name; other names are ignored.
            pub fn set(&mut self, name: &str, value: u64) {
                match name { $(stringify!($field) => self.$field = value,)+ _ => {} }
            }

            /// Adds other counts to these.
            pub fn add(&mut self, other: &Self) {
                $(self.$field += other.$field;)+
            }
        }
    };
}

counts! {
    /// Number of events.
    events,
    /// Number of prompts.
    prompts,
    /// Number of commands.
    commands,
    /// Number of commands with an exit code that is known and not 0.
    command_failures,
    /// Number of verifications: test runs, build runs and commands that verify.
    verifications,
    /// Number of test runs and test commands.
    test_runs,
    /// Number of file changes.
    changes,
    /// Number of file changes made by hand.
    manual_changes,
    /// Number of recorded decisions.
    decisions,
    /// Number of file changes whose attribution counts.
    attributed_changes,
    /// Sum of the weights of those changes.
    attributed_weight,
    /// Sum of twice weight times the assistant's share (1, ½ or 0) of those changes: twice, so that halves stay whole.
    ai_weight_doubled,
}

/// What the last test of a session said. "Last" is by time, then by order of arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LastTest {
    /// When it ran.
    pub ts: Timestamp,
    /// Its order: the place within the batch (from 0) in a [`Contribution`], the `seq` in [`Totals`].
    pub order: u64,
    /// Whether it passed.
    pub passed: bool,
}

/// What one event, or a batch of them, adds to the signals. Merging is commutative and associative, but for the order
/// of arrival, which only breaks ties of equal time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contribution {
    /// The plain sums.
    pub counts: Counts,
    /// The smallest time of any event.
    pub first_ts: Option<Timestamp>,
    /// The greatest time of any event.
    pub last_ts: Option<Timestamp>,
    /// The smallest time of a `session_start`.
    pub first_start_ts: Option<Timestamp>,
    /// The smallest time of a file change.
    pub first_change_ts: Option<Timestamp>,
    /// The last test that says something.
    pub last_test: Option<LastTest>,
    /// The files touched.
    pub paths: BTreeSet<PathHash>,
    /// The counts by time, for the rolling windows.
    pub windows: Windows,
}

impl Contribution {
    /// What `event` adds. `order` is its place among the events that are summed; `received_at` the server's time.
    #[must_use]
    pub fn of(event: &Event, order: u64, received_at: Timestamp) -> Self {
        let mut counts = Counts { events: 1, ..Counts::default() };
        let mut contribution = Self { first_ts: Some(event.ts), last_ts: Some(event.ts), ..Self::default() };
        match &event.kind {
            Kind::Prompt => counts.prompts = 1,
            Kind::Command => {
                counts.commands = 1;
                counts.command_failures = u64::from(event.facts.exit_code.is_some_and(|code| code != 0));
                counts.verifications = u64::from(event.facts.command_class.is_some());
                counts.test_runs = u64::from(event.facts.command_class == Some(CommandClass::Test));
            }
            Kind::TestRun => {
                counts.verifications = 1;
                counts.test_runs = 1;
            }
            Kind::BuildRun => counts.verifications = 1,
            Kind::DecisionEvent => counts.decisions = 1,
            Kind::SessionStart => contribution.first_start_ts = Some(event.ts),
            kind if kind.is_file_change() => {
                add_change(&mut counts, event);
                contribution.first_change_ts = Some(event.ts);
                contribution.paths.extend(event.facts.path.as_deref().map(hash_of_path));
            }
            _ => {}
        }
        contribution.last_test = event.facts.test_verdict.map(|passed| LastTest { ts: event.ts, order, passed });
        let window = WindowCounts {
            prompts: counts.prompts,
            commands: counts.commands,
            command_failures: counts.command_failures,
            changes: counts.changes,
            verifications: counts.verifications,
        };
        if event.ts >= received_at.plus_millis(-Windows::WIDEST_MS) {
            contribution.windows.add(bucket_of(event.ts.min(received_at)), &window);
        }
        contribution.counts = counts;
        contribution
    }

    /// Adds another contribution to this one.
    pub fn add(&mut self, other: &Self) {
        self.counts.add(&other.counts);
        self.first_ts = earliest(self.first_ts, other.first_ts);
        self.last_ts = self.last_ts.max(other.last_ts);
        self.first_start_ts = earliest(self.first_start_ts, other.first_start_ts);
        self.first_change_ts = earliest(self.first_change_ts, other.first_change_ts);
        self.last_test = self.last_test.max(other.last_test);
        self.paths.extend(&other.paths);
        for (bucket, counts) in &other.windows.0 {
            self.windows.add(*bucket, counts);
        }
    }
}

/// A change counts by its lines, one at least; the assistant's share is 1, ½ or 0 by its attribution.
fn add_change(counts: &mut Counts, event: &Event) {
    counts.changes = 1;
    let attribution = event.provenance.attribution;
    let by_hand = attribution == Attribution::LikelyHuman
        || (attribution == Attribution::Unknown && event.author == Author::Human);
    counts.manual_changes = u64::from(by_hand);
    let weight = (u64::from(event.facts.lines_added) + u64::from(event.facts.lines_removed)).max(1);
    let doubled_share = match attribution {
        Attribution::LikelyAi => 2,
        Attribution::AiRevisedByHuman | Attribution::Mixed => 1,
        Attribution::LikelyHuman => 0,
        Attribution::SystemGenerated | Attribution::Unknown => return,
    };
    counts.attributed_changes = 1;
    counts.attributed_weight = weight;
    counts.ai_weight_doubled = weight * doubled_share;
}

fn hash_of_path(path: &str) -> PathHash {
    Uuid::new_v5(&PATHS, path.as_bytes()).into_bytes()
}

fn earliest(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// The sums of a whole session, from which its signals are computed. Redis, ClickHouse and a plain fold all arrive at
/// one of these; what is printed is computed from it in one place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    /// The plain sums.
    pub counts: Counts,
    /// The smallest time of any event.
    pub first_ts: Option<Timestamp>,
    /// The greatest time of any event.
    pub last_ts: Option<Timestamp>,
    /// The smallest time of a `session_start`.
    pub first_start_ts: Option<Timestamp>,
    /// The smallest time of a file change.
    pub first_change_ts: Option<Timestamp>,
    /// The last test that says something; `order` is its `seq`.
    pub last_test: Option<LastTest>,
    /// Number of distinct files touched.
    pub unique_paths: u64,
}

impl Totals {
    /// Folds a session's events, each with its `seq`: the plain definition that the stores are held to.
    #[must_use]
    pub fn fold<'a>(events: impl IntoIterator<Item = (u64, &'a Event)>) -> Self {
        let mut sum = Contribution::default();
        for (seq, event) in events {
            sum.add(&Contribution::of(event, seq, event.ts));
        }
        Self {
            counts: sum.counts,
            first_ts: sum.first_ts,
            last_ts: sum.last_ts,
            first_start_ts: sum.first_start_ts,
            first_change_ts: sum.first_change_ts,
            last_test: sum.last_test,
            unique_paths: u64::try_from(sum.paths.len()).unwrap_or(u64::MAX),
        }
    }

    /// When the session began: the smallest time of its `session_start` events, else of all its events, else its
    /// creation.
    #[must_use]
    pub fn started_at(&self, created_at: Timestamp) -> Timestamp {
        self.first_start_ts.or(self.first_ts).unwrap_or(created_at)
    }
}
