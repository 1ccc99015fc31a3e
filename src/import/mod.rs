//! `promptster-server import`: sessions that were exported as NDJSON, from this server or another, into an organisation of this one.
//! Their events take the way of all events: they are numbered, summed up, watched and logged as if they came in now.
//! Nothing is written before the whole file was read and found whole, and what broke off is repeated: events that are
//! there are not there twice.

mod file;

use std::path::Path;
use std::sync::Arc;

use actors::{History, Receipt, Sessions, settle_record};
use anyhow::{Context, bail, ensure};
use clickhouse_schema::EventLog;
use domain::{Event, OrgId, SessionRef};
use redis_scripts::{Close, NewSession, Redis};

use self::file::{Export, Head};
use crate::{clock, config::ImportOptions, dev::files};

/// Events that are recorded at once.
const AT_ONCE: usize = 200;

/// Imports the files of the options, one after the other.
///
/// # Errors
/// When a file is not whole, or cannot be imported into this organisation; those before it are imported.
#[expect(clippy::disallowed_methods, reason = "the operator says which organisation it is")]
pub async fn run(options: &ImportOptions) -> anyhow::Result<()> {
    let mut stores = options.stores.clone();
    files::adopt(&mut stores, &options.data_dir)?;
    let redis = Redis::new(&stores.redis()?)?;
    let history = History::new(redis.clone(), EventLog::new(&stores.clickhouse()?));
    let org = OrgId::trusted(options.org);
    ensure!(redis.org(org).await?.is_some(), "there is no organisation {org}");
    if let Some(assessment) = options.assessment {
        let known = redis.assessment(org, assessment).await?;
        ensure!(known.is_some(), "there is no assessment {assessment} in the organisation");
    }
    let importer = Importer { sessions: Sessions::alone(redis.clone()), history, redis, org, options };
    for path in &options.files {
        let said = importer.file(path).await.with_context(|| path.display().to_string())?;
        println!("{}: {said}", path.display());
    }
    println!("The nodes write them into the log and derive what follows from them.");
    Ok(())
}

struct Importer<'a> {
    sessions: Sessions,
    history: History,
    redis: Redis,
    org: OrgId,
    options: &'a ImportOptions,
}

impl Importer<'_> {
    async fn file(&self, path: &Path) -> anyhow::Result<String> {
        let export = Export::check(path)?;
        let head = &export.head;
        let name = SessionRef::new(self.org, head.id.clone());
        self.refuse_another(&export, &name).await?;
        let new = Arc::new(NewSession {
            assessment: self.options.assessment,
            candidate_name: head.candidate_name.clone(),
            source_service: head.source_service.clone(),
            metadata: head.metadata.clone(),
            ..NewSession::default()
        });
        if export.n_events == 0 {
            self.redis.create_session(&name, &new, clock::now()).await?;
        }
        let (mut recorded, mut repeated) = (0, 0);
        let mut events = export.events()?;
        loop {
            let batch: Vec<Event> = events.by_ref().take(AT_ONCE).collect::<Result<_, _>>()?;
            if batch.is_empty() {
                break;
            }
            for receipt in self.sessions.record(&name, new.clone(), batch).await? {
                match receipt {
                    Receipt::Recorded(_) => recorded += 1,
                    Receipt::Repeated => repeated += 1,
                    Receipt::Refused(refusal) => bail!("session {name} takes no events: {refusal:?}"),
                }
            }
        }
        self.close(&name, head).await?;
        settle_record(&self.redis, &name).await?;
        Ok(format!("session {}: {recorded} events imported, {repeated} were there", head.id))
    }

    /// A session of the same name that is there is the same, as far as it was imported, or another one, whose events would
    /// be mixed with these.
    async fn refuse_another(&self, export: &Export, name: &SessionRef) -> anyhow::Result<()> {
        let Some(held) = self.redis.session(name).await? else { return Ok(()) };
        let known = self.history.collect(name, |stored| Some(stored.event.id)).await?;
        let mut events = export.events()?;
        let mut is_same = held.record.candidate_key.is_none();
        for id in known {
            let next = events.next().transpose()?;
            is_same &= next.is_some_and(|event| event.id == id);
        }
        ensure!(is_same, "there is a session {} in the organisation, and it is another one", export.head.id);
        Ok(())
    }

    /// As it ended where it came from, whatever its own events say.
    async fn close(&self, name: &SessionRef, head: &Head) -> anyhow::Result<()> {
        let Some(ended_at) = head.ended_at else { return Ok(()) };
        let close = Close { ended_at, now: clock::now(), reason: "patched", overwrite: true };
        self.redis.close_session(name, &close).await?;
        Ok(())
    }
}
