//! The organisation's indexes over its sessions: a projection of their records, written by whoever changes one and
//! again by the log writer, so that a crash in between leaves nothing stale for long.

use domain::{OrgId, Session, SessionId, Status, Timestamp};
use uuid::Uuid;

use crate::{
    Error, Redis,
    keys::{OrgKeys, Partition, SessionFilter, SessionKeys},
    scripts,
};

/// Which sessions of an organisation are asked for.
#[derive(Debug, Clone, Default)]
pub struct SessionQuery {
    /// Those of one assessment.
    pub assessment: Option<Uuid>,
    /// Those from one source service.
    pub source_service: Option<String>,
    /// Those with one status.
    pub status: Option<Status>,
    /// How many to skip.
    pub offset: u64,
    /// How many to give.
    pub limit: u64,
}

/// A session that ended and whose results are not derived yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsettledSession {
    /// The assessment that waits for it.
    pub assessment: Uuid,
    /// The session.
    pub session: SessionId,
}

/// A session that has ended, and where it stands among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedSession {
    /// When it began.
    pub started_at: Timestamp,
    /// The session.
    pub session: SessionId,
}

impl EndedSession {
    /// As Redis orders the members of a sorted set: by score, then by their bytes.
    fn place(&self) -> (i64, &str) {
        (self.started_at.millis(), self.session.as_str())
    }
}

impl Redis {
    /// Writes where `session` stands in its organisation's indexes, and wakes those who watch when its status is another.
    /// A status never goes back, whatever the order in which two of these arrive.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn index_session(&self, session: &Session) -> Result<(), Error> {
        let keys = OrgKeys::of(session.name.org);
        let record = &session.record;
        let assessment = record.assessment.map(SessionFilter::Assessment);
        let source = record.source_service.as_deref().map(SessionFilter::Source);
        let mut invocation = scripts::index_session().prepare_invoke();
        invocation.key(keys.session_statuses()).key(keys.unsettled());
        for status in [Status::Pending, Status::Active, Status::Ended] {
            invocation.key(keys.sessions(SessionFilter::Status(status.as_str())));
        }
        invocation.key(keys.sessions(SessionFilter::All));
        for filter in assessment.into_iter().chain(source) {
            invocation.key(keys.sessions(filter));
        }
        let rank = match session.status() {
            Status::Pending => 1,
            Status::Active => 2,
            Status::Ended => 3,
        };
        invocation
            .arg(session.name.session.as_str())
            .arg(session.started_at().millis())
            .arg(rank)
            .arg(record.assessment.map(|id| id.to_string()).unwrap_or_default())
            .arg(record.closed_at.map_or(0, Timestamp::millis));
        let turned: i64 = {
            let mut connection = self.writer(keys.partition()).await?;
            invocation.invoke_async(&mut connection).await?
        };
        // Erased or released since it was read: whichever of the two comes last takes it out again.
        let is_there: bool = {
            let partition = Partition::of_session(&session.name);
            let mut connection = self.connection(partition).await?;
            if turned == 1 {
                let wake = format!("!{}", session.name);
                let () =
                    redis::cmd("PUBLISH").arg(partition.wake_channel()).arg(wake).query_async(&mut connection).await?;
            }
            let record = SessionKeys::of(&session.name).record();
            redis::cmd("EXISTS").arg(record).query_async(&mut connection).await?
        };
        if !is_there {
            self.unindex_session(&session.name, record.assessment, record.source_service.as_deref()).await?;
        }
        Ok(())
    }

    /// A page of an organisation's sessions, latest start first, and how many there are in all.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn list_sessions(&self, org: OrgId, query: &SessionQuery) -> Result<(Vec<SessionId>, u64), Error> {
        let keys = OrgKeys::of(org);
        let mut filters = Vec::new();
        filters.extend(query.assessment.map(|id| keys.sessions(SessionFilter::Assessment(id))));
        filters.extend(query.source_service.as_deref().map(|source| keys.sessions(SessionFilter::Source(source))));
        filters.extend(query.status.map(|status| keys.sessions(SessionFilter::Status(status.as_str()))));
        if filters.is_empty() {
            filters.push(keys.sessions(SessionFilter::All));
        }
        let mut invocation = scripts::list_sessions().prepare_invoke();
        invocation.key(keys.index("sessions:page"));
        for filter in filters {
            invocation.key(filter);
        }
        // Redis counts in 64 bits, Lua in doubles: an offset that neither overflows is beyond any list.
        invocation.arg(query.offset.min(u64::from(u32::MAX))).arg(query.limit);
        let mut connection = self.connection(keys.partition()).await?;
        let (total, names): (u64, Vec<String>) = invocation.invoke_async(&mut connection).await?;
        let parse = |name: String| name.parse().map_err(|_| Error::corrupt(format!("session name {name:?}")));
        Ok((names.into_iter().map(parse).collect::<Result<_, _>>()?, total))
    }

    /// Sessions of an organisation that have ended, by their start and then by name, from behind `last` on: whatever ends or
    /// is erased meanwhile, none that was there all the time is passed over. Empty when there are no more.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn ended_sessions_after(
        &self,
        org: OrgId,
        last: Option<&EndedSession>,
        limit: usize,
    ) -> Result<Vec<EndedSession>, Error> {
        let index = OrgKeys::of(org).sessions(SessionFilter::Status(Status::Ended.as_str()));
        let mut connection = self.connection(Partition::of_org(org)).await?;
        let from = last.map_or_else(|| "-inf".to_owned(), |last| last.started_at.millis().to_string());
        let mut asked = limit;
        loop {
            let mut command = redis::cmd("ZRANGE");
            command.arg(&index).arg(&from).arg("+inf").arg("BYSCORE").arg("LIMIT").arg(0).arg(asked).arg("WITHSCORES");
            let found: Vec<(String, i64)> = command.query_async(&mut connection).await?;
            let is_all = found.len() < asked;
            let parse = |(name, started): (String, i64)| {
                let session = name.parse().map_err(|_| Error::corrupt(format!("session name {name:?}")))?;
                Ok(EndedSession { started_at: Timestamp::from_millis(started), session })
            };
            let mut page = found.into_iter().map(parse).collect::<Result<Vec<_>, Error>>()?;
            page.retain(|session| last.is_none_or(|last| session.place() > last.place()));
            if is_all || !page.is_empty() {
                return Ok(page);
            }
            // As many as were asked for began in the very millisecond of the last, and were there before.
            asked *= 2;
        }
    }

    /// The ended sessions of an organisation whose results are not derived yet.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn unsettled_sessions(&self, org: OrgId) -> Result<Vec<UnsettledSession>, Error> {
        let mut connection = self.connection(Partition::of_org(org)).await?;
        let members: Vec<String> =
            redis::cmd("ZRANGE").arg(OrgKeys::of(org).unsettled()).arg(0).arg(-1).query_async(&mut connection).await?;
        let parse = |member: &str| {
            let (assessment, session) = member.split_once(':')?;
            Some(UnsettledSession { assessment: assessment.parse().ok()?, session: session.parse().ok()? })
        };
        members.iter().map(|member| parse(member).ok_or_else(|| Error::corrupt(member.clone()))).collect()
    }

    /// Notes that a session's results are derived.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn settle_session(&self, org: OrgId, settled: &UnsettledSession) -> Result<(), Error> {
        let mut connection = self.writer(Partition::of_org(org)).await?;
        let member = format!("{}:{}", settled.assessment, settled.session);
        Ok(redis::cmd("ZREM").arg(OrgKeys::of(org).unsettled()).arg(member).query_async(&mut connection).await?)
    }
}
