//! The analyst: has a language model judge the prompts of sessions that have ended, where the operator chose one, and keeps
//! what it says. Invariants, stated as absences:
//! - Nothing waits for it: not an event, not the other artifacts, not whoever asks for an analysis that is not there yet.
//! - Nothing is asked of a candidate who was not told, nor of a session that was erased.
//! - Nothing is shown but what the same model said of the session as it is now.
//! - Nothing is asked twice in short order, however often somebody asks for it, and never more than two questions at once.
//! - Nothing of a session that was erased meanwhile stays.

use std::{sync::Arc, time::Instant};

use clickhouse_schema::{EventLog, KeptArtifacts};
use domain::{
    Session, SessionRef,
    artifacts::prompt_analysis::{self, DERIVATION_V, Disbelief, Prompts, Question},
};
use futures_util::{StreamExt, stream};
use redis_scripts::Redis;
use tokio::sync::{Semaphore, mpsc};

use crate::{History, HistoryError, clock, judge::Judging, judge::NoAnswer};
use tried::Tried;

mod tried;

/// Sessions that may wait for their analysis.
const WAITING: usize = 256;

/// Questions that are asked at the same time: a model answers for many, and takes a minute or not.
const TOGETHER: usize = 2;

/// How often in a row a session is looked at whose events went on coming meanwhile.
const LOOKS: usize = 3;

/// What came of having a session judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Analysed {
    /// The model was asked, or had judged the same prompts before, and what it said is kept.
    Kept,
    /// There was nothing to do: it is kept already, or the session runs or is gone.
    Known,
    /// Nobody prompted anything.
    NoPrompts,
    /// The candidate did not agree to this.
    NotTold,
    /// The session was erased meanwhile.
    Erased,
}

impl Analysed {
    /// Its name in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Known => "known",
            Self::NoPrompts => "no_prompts",
            Self::NotTold => "not_told",
            Self::Erased => "erased",
        }
    }
}

/// Why there is no analysis. Holds nothing that a candidate or a model wrote.
#[derive(Debug, thiserror::Error)]
pub enum AnalysisError {
    /// The session could not be read, or the analysis not be kept.
    #[error(transparent)]
    Stores(#[from] HistoryError),
    /// The model gave no answer.
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
    /// It gave one that cannot be believed.
    #[error(transparent)]
    Disbelieved(#[from] Disbelief),
}

impl AnalysisError {
    /// Its name in metrics.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Stores(_) => "stores",
            Self::NoAnswer(why) => why.name(),
            Self::Disbelieved(why) => why.name(),
        }
    }
}

/// Has sessions judged, keeps and reads what was said; cheap to clone.
#[derive(Clone)]
pub struct Analyst(Arc<Inner>);

struct Inner {
    redis: Redis,
    log: EventLog,
    history: History,
    judging: Judging,
    wanted: mpsc::Sender<SessionRef>,
    tried: Tried,
    turns: Semaphore,
}

impl Analyst {
    /// An analyst of these stores, and the sessions that [`Analyst::want`] is called for, which somebody has to
    /// [work](Analyst::work) on.
    #[must_use]
    pub fn new(redis: Redis, log: EventLog, judging: Judging) -> (Self, mpsc::Receiver<SessionRef>) {
        let (wanted, waiting) = mpsc::channel(WAITING);
        let history = History::new(redis.clone(), log.clone());
        let (tried, turns) = (Tried::default(), Semaphore::new(TOGETHER));
        (Self(Arc::new(Inner { redis, log, history, judging, wanted, tried, turns })), waiting)
    }

    /// Has a session judged when there is time for it; not again shortly after a try that failed.
    pub fn want(&self, name: &SessionRef) {
        if !self.0.tried.begin(name, Instant::now()) {
            return;
        }
        if self.0.wanted.try_send(name.clone()).is_err() {
            self.0.tried.forget(name);
            count("put_off");
        }
    }

    /// Has judged what is wanted, for ever.
    pub async fn work(&self, waiting: mpsc::Receiver<SessionRef>) {
        let sessions = stream::unfold(waiting, |mut waiting| async move { Some((waiting.recv().await?, waiting)) });
        sessions.for_each_concurrent(TOGETHER, |name| async move { self.have_judged(&name).await }).await;
    }

    async fn have_judged(&self, name: &SessionRef) {
        match self.look_and_judge(name).await {
            Ok(Analysed::Kept | Analysed::Known | Analysed::Erased) => self.0.tried.forget(name),
            Ok(Analysed::NoPrompts | Analysed::NotTold) => self.0.tried.failed(name, Instant::now()),
            Err(error) => {
                tracing::warn!(session.id = %name.session, reason = error.name(), %error, "no analysis of the prompts; tried again when it is asked for");
                self.0.tried.failed(name, Instant::now());
            }
        }
    }

    /// An event that came while the model was asked makes what it said that of an older session; if it was no prompt, the
    /// next look finds that out without asking.
    async fn look_and_judge(&self, name: &SessionRef) -> Result<Analysed, AnalysisError> {
        let mut last = Analysed::Known;
        for _ in 0..LOOKS {
            let Some(session) = self.0.redis.session(name).await.map_err(HistoryError::from)? else { break };
            match self.analyse_and_keep(&session).await? {
                Analysed::Kept => last = Analysed::Kept,
                Analysed::Known => break,
                other => return Ok(other),
            }
        }
        Ok(last)
    }

    /// What is kept of a session that has ended, as JSON, if the model said it of the session as it is now; otherwise it is
    /// [wanted](Analyst::want).
    ///
    /// # Errors
    /// When ClickHouse gives no usable answer.
    pub async fn analysis(&self, session: &Session) -> Result<Option<String>, HistoryError> {
        if session.record.ended_at.is_none() {
            return Ok(None);
        }
        let kept = self.kept(&session.name).await?.filter(|kept| self.is_current(kept, session));
        if kept.is_none() {
            self.want(&session.name);
        }
        Ok(kept.map(|kept| kept.data))
    }

    /// Has a session judged, unless it is, and keeps what is said.
    ///
    /// # Errors
    /// [`AnalysisError`]; may be repeated.
    pub async fn analyse_and_keep(&self, session: &Session) -> Result<Analysed, AnalysisError> {
        let outcome = Box::pin(self.analyse(session)).await;
        count(outcome.as_ref().map_or_else(AnalysisError::name, |analysed| analysed.name()));
        outcome
    }

    async fn analyse(&self, session: &Session) -> Result<Analysed, AnalysisError> {
        // Nobody closes it; and before the prompts are read, so that no more than these are in memory.
        let _turn = self.0.turns.acquire().await;
        let (name, model) = (&session.name, self.0.judging.judge.model());
        let Some(ended_at) = session.record.ended_at else { return Ok(Analysed::Known) };
        let kept = self.kept(name).await?;
        if kept.as_ref().is_some_and(|kept| self.is_current(kept, session)) {
            return Ok(Analysed::Known);
        }
        if !self.was_told(session).await? {
            return Ok(Analysed::NotTold);
        }
        let Some(question) = self.question(session).await? else { return Ok(Analysed::NoPrompts) };
        if self.is_erased(name).await? {
            return Ok(Analysed::Erased);
        }
        let same = kept.filter(|kept| kept.derivation_v == DERIVATION_V && question.is_answered_by(&kept.data, model));
        let data = match same {
            Some(kept) => kept.data,
            None => {
                let answer = self.0.judging.judge.ask(&question).await?;
                question.read(&answer)?.data(model, clock::now()).to_string()
            }
        };
        let data = vec![(prompt_analysis::KIND.to_owned(), data)];
        let kept = KeptArtifacts { derivation_v: DERIVATION_V, last_seq: session.last_seq, ended_at, data };
        let version = u64::try_from(clock::now().millis()).unwrap_or(0);
        self.0.log.keep_artifacts(name, &kept, version).await.map_err(HistoryError::from)?;
        if self.is_erased(name).await? {
            self.0.log.erase_session(name).await.map_err(HistoryError::from)?;
            return Ok(Analysed::Erased);
        }
        Ok(Analysed::Kept)
    }

    async fn question(&self, session: &Session) -> Result<Option<Question>, HistoryError> {
        let mut prompts = Prompts::default();
        let n_events = self.0.history.each(&session.name, |stored| prompts.add(stored)).await?;
        // Of a session that lacks an event, such as a dead letter, a prompt may be missing.
        if n_events < session.last_seq { Err(HistoryError::Gap) } else { Ok(prompts.question()) }
    }

    async fn was_told(&self, session: &Session) -> Result<bool, HistoryError> {
        let key = match session.record.candidate_key {
            Some(id) => self.0.redis.candidate_key(session.name.org, id).await?,
            None => None,
        };
        let agreed_to = key.as_ref().and_then(|key| key.consent.as_ref()).map(|consent| consent.version.as_str());
        Ok(prompt_analysis::was_told(agreed_to, self.0.judging.requires_consent))
    }

    async fn is_erased(&self, name: &SessionRef) -> Result<bool, HistoryError> {
        Ok(!self.0.redis.erased_among([name]).await?.is_empty())
    }

    async fn kept(&self, name: &SessionRef) -> Result<Option<Kept>, HistoryError> {
        let kept = self.0.log.artifact(name, prompt_analysis::KIND).await?;
        Ok(kept.and_then(|KeptArtifacts { derivation_v, last_seq, mut data, .. }| {
            Some(Kept { derivation_v, last_seq, data: data.pop()?.1 })
        }))
    }

    fn is_current(&self, kept: &Kept, session: &Session) -> bool {
        kept.derivation_v == DERIVATION_V
            && kept.last_seq == session.last_seq
            && prompt_analysis::model_of(&kept.data).as_deref() == Some(self.0.judging.judge.model())
    }
}

/// An analysis as it was kept.
struct Kept {
    derivation_v: u32,
    last_seq: u64,
    data: String,
}

fn count(outcome: &'static str) {
    metrics::counter!("promptster_prompt_analyses_total", "outcome" => outcome).increment(1);
}
