//! One session: what its events add up to, where it stands in the indexes, and its results.

use actors::{settle_record, settle_results};
use domain::{Session, SessionRef, Timestamp};
use redis_scripts::UnsettledSession;

use super::org::Restorer;
use crate::clock;

/// Events of one page.
const EVENTS_AT_ONCE: usize = 500;

impl Restorer<'_> {
    /// Brings a session whose record is there up to what the log holds.
    pub(super) async fn session(&self, name: &SessionRef) -> anyhow::Result<()> {
        let Some(session) = self.redis.session(name).await? else { return Ok(()) };
        self.sums(name, session.last_seq, session.record.closed_at).await?;
        let Some(session) = settle_record(self.redis, name).await? else { return Ok(()) };
        if session.record.ended_at.is_some() {
            self.results(&session).await?;
        }
        Ok(())
    }

    async fn sums(&self, name: &SessionRef, held: u64, closed_at: Option<Timestamp>) -> anyhow::Result<()> {
        // Where Redis holds something, it is asked first whether it lacks anything.
        if held > 0 && self.log.read_after(name, held, 1).await?.is_empty() {
            return Ok(());
        }
        let mut sums = self.redis.begin_sums(name, closed_at, clock::now());
        loop {
            let page = self.log.read_after(name, sums.last_seq(), EVENTS_AT_ONCE).await?;
            sums.add(&page).await?;
            self.progress.events_done(page.len());
            if page.len() < EVENTS_AT_ONCE {
                break;
            }
        }
        if sums.last_seq() == 0 {
            return Ok(());
        }
        if sums.finish().await? {
            self.progress.session_done();
        }
        Ok(())
    }

    async fn results(&self, session: &Session) -> anyhow::Result<()> {
        let record = &session.record;
        let known = self.log.results(&session.name).await?;
        let is_current = known.is_some_and(|known| {
            known.signals.totals == session.totals
                && known.context.ended_at == record.ended_at
                && known.context.assessment == record.assessment
        });
        if !is_current {
            settle_results(self.redis, self.log, session).await?;
            self.progress.results_derived();
        } else if let Some(assessment) = record.assessment {
            let settled = UnsettledSession { assessment, session: session.name.session.clone() };
            self.redis.settle_session(session.name.org, &settled).await?;
        }
        Ok(())
    }
}
