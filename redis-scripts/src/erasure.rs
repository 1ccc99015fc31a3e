//! Erasing a session. The tombstone comes first: from then on the session does not exist, and no script records
//! anything of it. Until all is gone the tombstone holds what is needed to go on, so that an erasure which was
//! interrupted is finished by asking for it again.

use std::{collections::HashSet, time::Duration};

use domain::{OrgId, SessionId, SessionRef, Status, Timestamp};
use futures_util::future::try_join_all;
use serde::Deserialize;
use uuid::Uuid;

use crate::{
    Due, Error, Redis, candidate_keys,
    keys::{OrgKeys, Partition, SessionFilter, SessionKeys},
    log_stream::GROUP,
    record::block_of,
    scripts,
};

/// Entries of the stream that one call looks at: Redis does nothing else meanwhile, and an entry may be large.
const ENTRIES_AT_ONCE: usize = 32;

/// How far the clock of Redis, which numbers the entries, may be behind ours, which says when a session was made.
const CLOCKS_DIFFER_MS: i64 = 60 * 60 * 1000;

/// Blocks of window counts that may still be there, which outlive their last event by forty minutes.
const WINDOW_BLOCKS: i64 = 4;

/// An erasure under way.
#[derive(Debug, Clone)]
pub struct Erasure {
    session: SessionRef,
    stone: Stone,
}

/// What the tombstone holds until the erasure is finished.
#[derive(Debug, Clone, Deserialize)]
struct Stone {
    /// The entry of the stream after which nothing of the session can come.
    entry: String,
    created: String,
    key: Option<Uuid>,
    assessment: Option<Uuid>,
    source: Option<String>,
}

impl Redis {
    /// Notes, before it begins, that an erasure is to be seen to at a time, should it be interrupted.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn note_erasure(&self, session: &SessionRef, at: Timestamp) -> Result<(), Error> {
        let set = SessionKeys::of(session).partition().erasures();
        let mut connection = self.writer(Partition::of_session(session)).await?;
        Ok(redis::cmd("ZADD").arg(set).arg(at.millis()).arg(session.to_string()).query_async(&mut connection).await?)
    }

    /// Notes that there is nothing to see to any more.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn forget_erasure(&self, session: &SessionRef) -> Result<(), Error> {
        let set = SessionKeys::of(session).partition().erasures();
        let mut connection = self.writer(Partition::of_session(session)).await?;
        Ok(redis::cmd("ZREM").arg(set).arg(session.to_string()).query_async(&mut connection).await?)
    }

    /// Claims the erasures that did not come to their end by `now`: nobody else gets them for the time `hold`.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn claim_erasures(&self, now: Timestamp, hold: Duration) -> Result<Vec<SessionRef>, Error> {
        let members = self.claim(Partition::erasures, now, hold).await?;
        let parse = |member: &str| {
            let (org, session) = member.split_once(':')?;
            Some(SessionRef::new(OrgId::trusted(org.parse().ok()?), session.parse().ok()?))
        };
        let corrupt = |member: &String| Error::corrupt(format!("erasure {member:?}"));
        members.iter().map(|member| parse(member).ok_or_else(|| corrupt(member))).collect()
    }

    /// Begins to erase a session, or goes on; wakes those who watch it. `None` when there is no such session, or it is
    /// erased already.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn begin_erasure(&self, session: &SessionRef, now: Timestamp) -> Result<Option<Erasure>, Error> {
        let keys = SessionKeys::of(session);
        let mut invocation = scripts::begin_erasure().prepare_invoke();
        invocation.key(keys.partition().stream()).key(keys.record()).key(keys.tombstone());
        invocation.arg(session.org.to_string()).arg(session.session.as_str()).arg(now.millis());
        invocation.arg(keys.partition().wake_channel());
        let mut connection = self.writer(keys.partition()).await?;
        let stone: Option<String> = invocation.invoke_async(&mut connection).await?;
        let parse = |text: String| serde_json::from_str(&text).map_err(|_| Error::corrupt("a tombstone"));
        Ok(stone.map(parse).transpose()?.map(|stone| Erasure { session: session.clone(), stone }))
    }

    /// Removes what the stream holds of the session; `false` while the log does not hold all of it yet: ask again.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn erase_entries(&self, erasure: &Erasure) -> Result<bool, Error> {
        let partition = Partition::of_session(&erasure.session);
        let stream = partition.stream();
        let created_ms: i64 = erasure.stone.created.parse().map_err(|_| Error::corrupt("a tombstone"))?;
        let mut from = created_ms.saturating_sub(CLOCKS_DIFFER_MS).max(0).to_string();
        loop {
            let mut invocation = scripts::erase_entries().prepare_invoke();
            invocation.key(&stream).arg(GROUP).arg(&erasure.stone.entry).arg(&from).arg(ENTRIES_AT_ONCE);
            invocation.arg(erasure.session.org.to_string()).arg(erasure.session.session.as_str());
            let mut connection = self.writer(partition).await?;
            let next: String = invocation.invoke_async(&mut connection).await?;
            match next.as_str() {
                "wait" => return Ok(false),
                "" => return Ok(true),
                _ => from = next,
            }
        }
    }

    /// Removes every key of the session but the tombstone, takes it out of the indexes and off its candidate key.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn erase_keys(&self, erasure: &Erasure, now: Timestamp) -> Result<(), Error> {
        let Erasure { session, stone } = erasure;
        let keys = SessionKeys::of(session);
        let mut remove = redis::cmd("DEL");
        remove.arg(keys.record()).arg(keys.sums()).arg(keys.seen()).arg(keys.files()).arg(keys.tail());
        remove.arg(keys.uploads()).arg(keys.submission()).arg(keys.scores());
        // One more at either end, for clocks that differ.
        for block in (block_of(now) - WINDOW_BLOCKS)..=(block_of(now) + 1) {
            remove.arg(keys.window(block));
        }
        {
            let mut connection = self.writer(keys.partition()).await?;
            let () = remove.query_async(&mut connection).await?;
        }
        self.is_done(&Due::Deadline(session.clone())).await?;
        self.unindex_session(session, stone.assessment, stone.source.as_deref()).await?;
        if let Some(id) = stone.key
            && let Some(key) = self.candidate_key(session.org, id).await?
            && key.session.as_ref() == Some(&session.session)
        {
            self.write_entity(&candidate_keys::entity(session.org, id), Some(true), &[], &["session"]).await?;
        }
        Ok(())
    }

    /// Notes that nothing is left but in [the file](Redis::rewrite_files); the tombstone stays for ever.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn finish_erasure(&self, erasure: &Erasure) -> Result<(), Error> {
        let mut connection = self.writer(Partition::of_session(&erasure.session)).await?;
        let keys = SessionKeys::of(&erasure.session);
        let mut finish = redis::pipe();
        finish.set(keys.partition().removal(), Uuid::new_v4().to_string()).ignore();
        Ok(finish.set(keys.tombstone(), "").ignore().query_async(&mut connection).await?)
    }

    /// Those of the sessions that were erased, or are being erased.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn erased_among(
        &self,
        sessions: impl IntoIterator<Item = &SessionRef>,
    ) -> Result<HashSet<SessionRef>, Error> {
        let sessions: Vec<&SessionRef> = sessions.into_iter().collect();
        let connections = self.connections(sessions.iter().copied().map(Partition::of_session)).await;
        // One call each, all at once on one connection to each server: they share the round trip, and each stays in its
        // own slot.
        let found = try_join_all(sessions.into_iter().map(|session| {
            let connection = connections.to(Partition::of_session(session));
            async move {
                let mut connection = connection?;
                let stone = SessionKeys::of(session).tombstone();
                let erased: bool = redis::cmd("EXISTS").arg(stone).query_async(&mut connection).await?;
                Ok::<_, Error>(erased.then(|| session.clone()))
            }
        }))
        .await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Takes a session out of its organisation's indexes.
    pub(crate) async fn unindex_session(
        &self,
        session: &SessionRef,
        assessment: Option<Uuid>,
        source: Option<&str>,
    ) -> Result<(), Error> {
        let keys = OrgKeys::of(session.org);
        let id: &SessionId = &session.session;
        let statuses = [Status::Pending, Status::Active, Status::Ended].map(|status| status.as_str());
        let mut filters = vec![SessionFilter::All];
        filters.extend(statuses.map(SessionFilter::Status));
        filters.extend(assessment.map(SessionFilter::Assessment));
        filters.extend(source.map(SessionFilter::Source));
        let mut pipeline = redis::pipe();
        pipeline.cmd("HDEL").arg(keys.session_statuses()).arg(id.as_str()).ignore();
        for filter in filters {
            pipeline.cmd("ZREM").arg(keys.sessions(filter)).arg(id.as_str()).ignore();
        }
        if let Some(assessment) = assessment {
            pipeline.cmd("ZREM").arg(keys.unsettled()).arg(format!("{assessment}:{id}")).ignore();
        }
        let mut connection = self.writer(keys.partition()).await?;
        Ok(pipeline.query_async(&mut connection).await?)
    }
}
