//! The deriver: makes the artifacts of sessions that have ended and keeps them, so that whoever asks does not wait until all
//! events are read. Invariants, stated as absences:
//! - Nothing is shown of what it kept but what the session is still made of: the same newest event, the same end, the same
//!   rules. Otherwise it is derived anew.
//! - Nothing depends on its being quick, or on its being done at all: what it has no time for is derived when it is asked for.
//! - Nothing of a session that was erased stays, whichever of the two comes last.

use std::sync::Arc;

use clickhouse_schema::{EventLog, KeptArtifacts};
use domain::{
    Session, SessionRef,
    artifacts::{DERIVATION_V, Derivation},
};
use redis_scripts::Redis;
use tokio::sync::mpsc;

use crate::{History, HistoryError, clock};

/// Sessions that may wait to be derived.
const WAITING: usize = 1_024;

/// What came of deriving a session anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Derived {
    /// There was nothing yet, or something of other events or other rules.
    New,
    /// The same events give the same artifacts.
    Unchanged,
    /// The same events under the same version of the rules gave something else: the rules changed and their version did not.
    Changed,
}

/// Derives, keeps and reads artifacts; cheap to clone.
#[derive(Clone)]
pub struct Deriver(Arc<Inner>);

struct Inner {
    redis: Redis,
    log: EventLog,
    history: History,
    wanted: mpsc::Sender<SessionRef>,
}

impl Deriver {
    /// A deriver of these stores, and the sessions that [`Deriver::want`] is called for, which somebody has to
    /// [work](Deriver::work) on.
    #[must_use]
    pub fn new(redis: Redis, log: EventLog) -> (Self, mpsc::Receiver<SessionRef>) {
        let (wanted, waiting) = mpsc::channel(WAITING);
        let history = History::new(redis.clone(), log.clone());
        (Self(Arc::new(Inner { redis, log, history, wanted })), waiting)
    }

    /// Has the artifacts of a session made when there is time for it.
    pub fn want(&self, name: SessionRef) {
        if self.0.wanted.try_send(name).is_err() {
            metrics::counter!("promptster_artifacts_total", "outcome" => "put_off").increment(1);
        }
    }

    /// Makes what is wanted, one after the other, for ever.
    pub async fn work(&self, mut waiting: mpsc::Receiver<SessionRef>) {
        while let Some(name) = waiting.recv().await {
            let outcome = match self.make(&name).await {
                Ok(true) => "kept",
                Ok(false) => "known",
                Err(error) => {
                    tracing::warn!(session.id = %name.session, %error, "no artifacts kept; derived when they are asked for");
                    "failed"
                }
            };
            metrics::counter!("promptster_artifacts_total", "outcome" => outcome).increment(1);
        }
    }

    async fn make(&self, name: &SessionRef) -> Result<bool, HistoryError> {
        let Some(session) = self.0.redis.session(name).await? else { return Ok(false) };
        if session.record.ended_at.is_none() || self.current(&session).await?.is_some() {
            return Ok(false);
        }
        self.derive_and_keep(&session).await.map(|_| true)
    }

    /// The artifacts of a session, each kind with its data as JSON, in the order in which they are shown; none while it
    /// runs.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub async fn artifacts(&self, session: &Session) -> Result<Vec<(String, String)>, HistoryError> {
        if session.record.ended_at.is_none() {
            return Ok(Vec::new());
        }
        if let Some(kept) = self.current(session).await? {
            return Ok(kept.data);
        }
        self.want(session.name.clone());
        Ok(self.derive(session).await?.1)
    }

    /// Derives the artifacts of a session that has ended anew, whatever is kept, and keeps them.
    ///
    /// # Errors
    /// [`HistoryError`]; may be repeated. [`HistoryError::Gap`] while the log lacks an event of it, such as a dead letter:
    /// what is derived of the others is shown to whoever asks, and not kept.
    pub async fn derive_and_keep(&self, session: &Session) -> Result<Derived, HistoryError> {
        let Some(ended_at) = session.record.ended_at else { return Ok(Derived::Unchanged) };
        let (name, log) = (&session.name, &self.0.log);
        let known = self.current(session).await?;
        let (n_events, data) = self.derive(session).await?;
        if n_events < session.last_seq {
            return Err(HistoryError::Gap);
        }
        let derived = match known {
            Some(known) if known.data == data => return Ok(Derived::Unchanged),
            Some(_) => Derived::Changed,
            None => Derived::New,
        };
        let kept = KeptArtifacts { derivation_v: DERIVATION_V, last_seq: session.last_seq, ended_at, data };
        log.keep_artifacts(name, &kept, u64::try_from(clock::now().millis()).unwrap_or(0)).await?;
        if !self.0.redis.erased_among([name]).await?.is_empty() {
            log.erase_session(name).await?;
        }
        Ok(derived)
    }

    /// What is kept of a session, if it is what today's rules would make of it.
    async fn current(&self, session: &Session) -> Result<Option<KeptArtifacts>, HistoryError> {
        let kept = self.0.log.artifacts(&session.name).await?;
        Ok(kept.map(in_order).filter(|kept| {
            kept.derivation_v == DERIVATION_V
                && kept.last_seq == session.last_seq
                && Some(kept.ended_at) == session.record.ended_at
        }))
    }

    /// What follows from the events that there are, and how many those are.
    async fn derive(&self, session: &Session) -> Result<(u64, Vec<(String, String)>), HistoryError> {
        let mut derivation = Derivation::default();
        let n_events = self.0.history.each(&session.name, |stored| derivation.add(stored)).await?;
        let artifacts = derivation.finish(&session.signals()).into_iter();
        let data = artifacts.map(|one| (one.kind.as_str().to_owned(), one.data.to_string())).collect();
        Ok((n_events, data))
    }
}

/// As they are shown; the table has an order of its own.
fn in_order(mut kept: KeptArtifacts) -> KeptArtifacts {
    kept.data.sort_by_key(|(kind, _)| domain::artifacts::ArtifactKind::of_word(kind));
    kept
}
