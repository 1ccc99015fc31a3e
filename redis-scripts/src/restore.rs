//! Putting back what the log holds, into a Redis that lost it. Every step may be repeated and interrupted: an entity is
//! set only over an older state of itself, what follows from one is read from what stands here then, and the sums of a
//! session, by which it counts as restored, come last. Nothing here writes a stream entry for what comes from the log.

use domain::{OrgId, SessionRef, Timestamp};

use crate::{
    Due, EntityChange, Error, Fields, Redis, assessments, belongs_to_session,
    keys::{OrgKeys, Partition, SecretDigest, SessionKeys},
    orgs::EXTERNAL,
    scripts,
    secrets::{Owner, Purpose},
    stored::{instant, required, required_instant, words},
};

/// What restoring an entity did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Restored {
    /// It is here, with all that finds it.
    Here {
        /// Secrets of it that belong to somebody else here, and stay so.
        conflicts: Vec<Purpose>,
    },
    /// Its session was erased; nothing was written.
    Erased,
    /// Its session was given up before it had begun; nothing was written.
    Released,
}

impl Redis {
    /// Puts an entity back, unless this state of it or a newer one is here, and what is looked up by it: secrets, indexes,
    /// what is due. The assessments of candidate keys have to be here before.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer, or the entity is not what this version writes.
    pub async fn restore_entity(&self, change: &EntityChange) -> Result<Restored, Error> {
        let session = session_of(change)?;
        if change.fields.contains_key("released") {
            return Ok(Restored::Released);
        }
        let key = match (&session, change.kind.as_str()) {
            (Some(session), "session") => SessionKeys::of(session).record(),
            (Some(session), "submission") => SessionKeys::of(session).submission(),
            (Some(session), "scores") => SessionKeys::of(session).scores(),
            (Some(session), _) => SessionKeys::of(session).uploads(),
            (None, kind) => OrgKeys::of(change.org).entity(kind, &change.id),
        };
        let partition = session.as_ref().map_or_else(|| Partition::of_org(change.org), Partition::of_session);
        let mut invocation = scripts::restore_entity().prepare_invoke();
        invocation.key(&key);
        if let Some(session) = &session {
            invocation.key(SessionKeys::of(session).tombstone());
        }
        for (field, value) in &change.fields {
            invocation.arg(field).arg(value);
        }
        let outcome: i64 = {
            let mut connection = self.writer(partition).await?;
            invocation.invoke_async(&mut connection).await?
        };
        if outcome == -1 {
            return Ok(Restored::Erased);
        }
        // As it stands here, which may be newer than what the log holds.
        let fields = self.read_fields(partition, &key).await?.unwrap_or_default();
        let conflicts = match (change.kind.as_str(), &session) {
            ("org", _) => self.find_org_by(change.org, &fields).await?,
            ("api_key", _) => self.find_api_key_by(change, &fields).await?,
            ("candidate_key", _) => self.find_candidate_key_by(change, &fields).await?,
            ("assessment" | "issue" | "rubric", _) => {
                self.enter(change, &[format!("{}s", change.kind)], required_instant(&fields, "created")?).await?;
                Vec::new()
            }
            ("webhook", _) => {
                self.enter(change, &["webhooks".to_owned()], required_instant(&fields, "created")?).await?;
                Vec::new()
            }
            ("member", _) => {
                if self.find_member_by(change.org, &change.id, &fields).await? {
                    self.enter(change, &["members".to_owned()], required_instant(&fields, "created")?).await?;
                }
                Vec::new()
            }
            ("session", Some(session)) => {
                if let (Some(deadline), None) = (instant(&fields, "deadline")?, instant(&fields, "ended")?) {
                    self.schedule_once(&Due::Deadline(session.clone()), deadline).await?;
                }
                Vec::new()
            }
            _ => Vec::new(),
        };
        Ok(Restored::Here { conflicts })
    }

    /// Puts back that a session was erased; an erasure that is under way here stays so.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn restore_tombstone(&self, session: &SessionRef) -> Result<(), Error> {
        let mut connection = self.writer(Partition::of_session(session)).await?;
        let stone = SessionKeys::of(session).tombstone();
        let _: Option<String> = redis::cmd("SET").arg(stone).arg("").arg("NX").query_async(&mut connection).await?;
        Ok(())
    }

    /// Puts a candidate key right whose session was erased, if it still names it.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn forget_erased_session(&self, session: &SessionRef, record: &Fields) -> Result<(), Error> {
        let Some(id) = crate::stored::number(record, "key")? else { return Ok(()) };
        let key = self.candidate_key(session.org, id).await?;
        if key.is_some_and(|key| key.session.as_ref() == Some(&session.session)) {
            let entity = crate::candidate_keys::entity(session.org, id);
            self.write_entity(&entity, Some(true), &[], &["session"]).await?;
        }
        Ok(())
    }

    async fn find_org_by(&self, org: OrgId, fields: &Fields) -> Result<Vec<Purpose>, Error> {
        let mut conflicts = Vec::new();
        for digest in fields.keys().filter_map(|field| field.strip_prefix(EXTERNAL)) {
            let owner = Owner { org, id: org.uuid() };
            conflicts.extend(self.find_by(Purpose::ExternalOrg, digest, owner, None).await?);
        }
        Ok(conflicts)
    }

    async fn find_api_key_by(&self, change: &EntityChange, fields: &Fields) -> Result<Vec<Purpose>, Error> {
        let owner = Owner { org: change.org, id: id_of(change)? };
        let digest: String = required(fields, "digest")?;
        let conflict = self.find_by(Purpose::Api, &digest, owner, None).await?;
        self.enter(change, &["api_keys".to_owned()], required_instant(fields, "created")?).await?;
        Ok(conflict.into_iter().collect())
    }

    async fn find_candidate_key_by(&self, change: &EntityChange, fields: &Fields) -> Result<Vec<Purpose>, Error> {
        let id = id_of(change)?;
        let key = crate::candidate_keys::candidate_key_of(change.org, id, fields)?;
        let owner = Owner { org: change.org, id };
        let mut conflicts = Vec::new();
        let digest = self.digest(&key.key);
        conflicts.extend(self.find_by(Purpose::Candidate, digest.as_str(), owner, None).await?);
        for (digest, until) in words(fields, "tokens").filter_map(|word| word.split_once(':')) {
            let until = until.parse().map_err(|_| Error::corrupt("the end of a token"))?;
            let until = Some(Timestamp::from_millis(until));
            conflicts.extend(self.find_by(Purpose::Token, digest, owner, until).await?);
        }
        let mut indexes = vec![format!("keys:{}", key.assessment)];
        let assessment = self.read_entity(&assessments::entity(change.org, key.assessment)).await?;
        let has_assessment = assessment.is_some_and(|fields| !fields.contains_key("deleted"));
        if key.revoked_at.is_none() && has_assessment {
            indexes.push("keys".to_owned());
        }
        self.enter(change, &indexes, key.created_at).await?;
        if key.completed_at.is_none() && key.expired_at.is_none() {
            self.schedule_once(&Due::KeyExpiry { org: change.org, key: id }, key.expires_at).await?;
        }
        self.post_again(change.org, id, key.invitation, key.created_at).await?;
        Ok(conflicts)
    }

    /// Says whose a secret is; answers the purpose when it is somebody else's.
    async fn find_by(
        &self,
        purpose: Purpose,
        digest: &str,
        owner: Owner,
        until: Option<Timestamp>,
    ) -> Result<Option<Purpose>, Error> {
        let digest = SecretDigest::stored(digest);
        if self.claim_secret(purpose, &digest, owner, until).await? {
            return Ok(None);
        }
        // Nobody's: its time passed in between.
        let holder = self.owner_of(purpose, &digest).await?;
        Ok(holder.filter(|holder| *holder != owner).map(|_| purpose))
    }

    /// Enters an entity in indexes of its organisation.
    async fn enter(&self, change: &EntityChange, indexes: &[String], created_at: Timestamp) -> Result<(), Error> {
        let mut pipeline = redis::pipe();
        for index in indexes {
            let index = OrgKeys::of(change.org).index(index);
            pipeline.cmd("ZADD").arg(index).arg(created_at.millis()).arg(&change.id).ignore();
        }
        let mut connection = self.writer(Partition::of_org(change.org)).await?;
        Ok(pipeline.query_async(&mut connection).await?)
    }
}

fn id_of(change: &EntityChange) -> Result<uuid::Uuid, Error> {
    change.id.parse().map_err(|_| Error::corrupt(format!("{} {:?}", change.kind, change.id)))
}

fn session_of(change: &EntityChange) -> Result<Option<SessionRef>, Error> {
    if !belongs_to_session(&change.kind) {
        return Ok(None);
    }
    let session = change.id.parse().map_err(|_| Error::corrupt(format!("session {:?}", change.id)))?;
    Ok(Some(SessionRef::new(change.org, session)))
}
