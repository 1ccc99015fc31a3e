//! `promptster-server derive`: the artifacts of sessions that have ended, anew from their events, whatever is kept of them. May
//! be interrupted and repeated: the same events give the same bytes. With `--judge` the prompts of those that a language model
//! has not judged are judged as well.

mod judged;

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actors::{Analyst, Derived, Deriver, Judging};
use anyhow::{Context, bail, ensure};
use clickhouse_schema::EventLog;
use domain::{OrgId, Session, SessionRef, Timestamp};
use futures_util::{StreamExt, stream};
use redis_scripts::{Redis, Wholeness};

use crate::{clock, config::DeriveOptions, dev::files, judge::ChatJudge, whole};
use judged::Judged;

/// Sessions that are looked up at once.
const AT_ONCE: usize = 200;

/// Sessions that are derived at the same time: two fill a core of ours and one of ClickHouse.
const TOGETHER: usize = 4;

/// How often a line is printed.
const EVERY: Duration = Duration::from_secs(2);

/// Derives what the options say.
///
/// # Errors
/// When a store cannot be found, or a session could not be derived; the others are.
pub async fn run(options: &DeriveOptions) -> anyhow::Result<()> {
    let mut stores = options.stores.clone();
    files::adopt(&mut stores, &options.data_dir)?;
    let redis = Redis::new(&stores.redis()?)?;
    let log = EventLog::new(&stores.clickhouse()?);
    let missing = log.missing_migrations().await.context("cannot ask ClickHouse")?;
    ensure!(missing.is_empty(), "ClickHouse lacks {}; run `promptster-server migrate` first", missing.join(", "));
    ensure!(redis.wholeness().await? == Wholeness::Whole, "{}", whole::REMEDY);
    let since = options.since.map_or(Timestamp::from_millis(0), |since| since.of(clock::now()));
    let (deriver, _) = Deriver::new(redis.clone(), log.clone());
    let judged = analyst(options, &redis, &log)?.map(Judged::new);
    let work = Work { redis, log, deriver, judged, since, counts: Counts::begin() };
    #[expect(clippy::disallowed_methods, reason = "whoever may run commands beside the stores says which")]
    let org = options.org.map(OrgId::trusted);
    match (org, options.session.as_ref()) {
        (Some(org), Some(session)) => {
            let name = SessionRef::new(org, session.parse().context("--session")?);
            let session = work.redis.session(&name).await?.with_context(|| format!("there is no session {name}"))?;
            ensure!(session.record.ended_at.is_some(), "the session runs; its artifacts are made when it ends");
            work.session(session).await;
        }
        (Some(org), None) => work.org(org).await?,
        (None, _) => work.all().await?,
    }
    let derived = work.counts.finish();
    derived.and(work.judged.as_ref().map_or(Ok(()), Judged::finish))
}

/// Who has prompts judged, if that is wanted.
fn analyst(options: &DeriveOptions, redis: &Redis, log: &EventLog) -> anyhow::Result<Option<Analyst>> {
    let settings = options.judging.settings()?.filter(|_| options.judge);
    let judge = settings.as_ref().map(ChatJudge::new).transpose()?;
    let judging = judge.map(|judge| Judging { judge: Arc::new(judge), requires_consent: options.require_consent });
    Ok(judging.map(|judging| Analyst::new(redis.clone(), log.clone(), judging).0))
}

struct Work {
    redis: Redis,
    log: EventLog,
    deriver: Deriver,
    judged: Option<Judged>,
    since: Timestamp,
    counts: Counts,
}

impl Work {
    async fn all(&self) -> anyhow::Result<()> {
        let mut last = None;
        loop {
            let orgs = self.log.list_orgs(last, AT_ONCE).await?;
            let Some(newest) = orgs.last() else { return Ok(()) };
            last = Some(*newest);
            for org in orgs {
                self.org(org).await?;
            }
        }
    }

    async fn org(&self, org: OrgId) -> anyhow::Result<()> {
        let mut last = None;
        loop {
            let ended = self.redis.ended_sessions_after(org, last.as_ref(), AT_ONCE).await?;
            let Some(newest) = ended.last() else { return Ok(()) };
            last = Some(newest.clone());
            let names: Vec<SessionRef> = ended.into_iter().map(|ended| SessionRef::new(org, ended.session)).collect();
            let sessions = self.redis.sessions(&names).await?.into_iter().flatten();
            // From when the server knew of the end: the end itself may be said by the client, and lie anywhere.
            let is_new = |session: &Session| session.record.closed_at.is_some_and(|closed| closed >= self.since);
            let due: Vec<_> = sessions.filter(is_new).map(|session| self.session(session)).collect();
            stream::iter(due).buffer_unordered(TOGETHER).collect::<()>().await;
        }
    }

    async fn session(&self, session: Session) {
        let name = session.name.clone();
        self.counts.add(match self.deriver.derive_and_keep(&session).await {
            Ok(Derived::New) => &self.counts.new,
            Ok(Derived::Unchanged) => &self.counts.unchanged,
            Ok(Derived::Changed) => {
                eprintln!("{name}: other than before, from the same events");
                &self.counts.changed
            }
            Err(error) => {
                eprintln!("{name}: {error}");
                &self.counts.failed
            }
        });
        if let Some(judged) = &self.judged {
            judged.judge(&session).await;
        }
    }
}

/// What came of it so far, said now and then.
struct Counts {
    began: Instant,
    said: Cell<Instant>,
    new: Cell<u64>,
    unchanged: Cell<u64>,
    changed: Cell<u64>,
    failed: Cell<u64>,
}

impl Counts {
    fn begin() -> Self {
        let now = Instant::now();
        let none = || Cell::new(0);
        Self { began: now, said: Cell::new(now), new: none(), unchanged: none(), changed: none(), failed: none() }
    }

    fn add(&self, counter: &Cell<u64>) {
        counter.set(counter.get() + 1);
        if self.said.get().elapsed() >= EVERY {
            self.said.set(Instant::now());
            println!("{}", self.shown());
        }
    }

    fn shown(&self) -> String {
        let [new, unchanged, changed, failed] =
            [&self.new, &self.unchanged, &self.changed, &self.failed].map(Cell::get);
        let (sessions, seconds) = (new + unchanged + changed + failed, self.began.elapsed().as_secs_f32());
        format!(
            "sessions {sessions}: new {new}, unchanged {unchanged}, changed {changed}, failed {failed}; seconds {seconds:.1}"
        )
    }

    fn finish(&self) -> anyhow::Result<()> {
        println!("Derived. {}", self.shown());
        match self.failed.get() {
            0 => Ok(()),
            n => bail!("{n} sessions could not be derived; run the command again"),
        }
    }
}
