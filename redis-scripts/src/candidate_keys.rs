//! Candidate keys: what one is, how it is made, read and finished. Redeeming stands in `redeem.rs`.

use domain::{OrgId, SessionId, Timestamp};
use futures_util::future::try_join_all;
use uuid::Uuid;

use crate::{
    Due, Entity, Error, Fields, Invitation, Outgoing, Redis,
    indexed::org_entity,
    keys::{OrgKeys, Partition},
    random_candidate_key, scripts,
    secrets::{Owner, Purpose},
    stored::{instant, millis, number, required, required_instant, words},
};

/// Until when an invitation waits for its key to be made, should the node die meanwhile: many times what that takes.
const POSTED_LATER_MS: i64 = 60_000;

/// How far a candidate key has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyStatus {
    /// Made, and still to be redeemed.
    Pending,
    /// Its session is running.
    Redeemed,
    /// Its session was submitted or closed by its time limit.
    Completed,
    /// Its time passed before completion.
    Expired,
    /// Completed, and marked by a reviewer.
    Hired,
}

impl KeyStatus {
    /// The word that is shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Redeemed => "redeemed",
            Self::Completed => "completed",
            Self::Expired => "expired",
            Self::Hired => "hired",
        }
    }
}

/// What the candidate agreed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    /// When.
    pub at: Timestamp,
    /// The version of the disclosure.
    pub version: String,
    /// Its hash.
    pub hash: String,
}

/// A candidate key.
#[derive(Debug, Clone, PartialEq)]
pub struct CandidateKey {
    /// Which one.
    pub id: Uuid,
    /// Whose.
    pub org: OrgId,
    /// The assessment it lets in to.
    pub assessment: Uuid,
    /// `PST-XXXX-XXXX`.
    pub key: String,
    /// The candidate's address.
    pub email: Option<String>,
    /// The candidate's name.
    pub name: Option<String>,
    /// Whom the candidate is told to work for, where it is not the organisation's name.
    pub org_name: Option<String>,
    /// Its session, once redeemed.
    pub session: Option<SessionId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it counts, unless completed.
    pub expires_at: Timestamp,
    /// When its session began.
    pub redeemed_at: Option<Timestamp>,
    /// When it was completed.
    pub completed_at: Option<Timestamp>,
    /// When its expiry closed it.
    pub expired_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// When a reviewer marked it.
    pub hired_at: Option<Timestamp>,
    /// What the candidate agreed to.
    pub consent: Option<Consent>,
    /// The public keys that its events may be signed with, newest last.
    pub pubkeys: Vec<String>,
    /// What model traffic cost so far, in US dollars.
    pub total_cost_usd: Option<f64>,
    /// The invitation that goes to its address; `None` when none was to be sent.
    pub invitation: Option<Invitation>,
}

impl CandidateKey {
    /// How far it has come.
    #[must_use]
    pub fn status(&self, now: Timestamp) -> KeyStatus {
        match (self.completed_at, self.hired_at, self.redeemed_at) {
            (Some(_), Some(_), _) => KeyStatus::Hired,
            (Some(_), None, _) => KeyStatus::Completed,
            (None, _, _) if self.expired_at.is_some() || self.expires_at <= now => KeyStatus::Expired,
            (None, _, Some(_)) => KeyStatus::Redeemed,
            (None, _, None) => KeyStatus::Pending,
        }
    }

    /// Whether it had a session that was erased. It never gets another one.
    #[must_use]
    pub fn lost_its_session(&self) -> bool {
        self.redeemed_at.is_some() && self.session.is_none()
    }

    /// Whether it still opens anything.
    #[must_use]
    pub fn authenticates(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.status(now) != KeyStatus::Expired
    }
}

/// What candidate keys are made of.
#[derive(Debug, Clone)]
pub struct NewCandidateKey {
    /// The candidate's address.
    pub email: Option<String>,
    /// The candidate's name.
    pub name: Option<String>,
    /// Whom the candidate is told to work for.
    pub org_name: Option<String>,
    /// Whether an invitation is to be sent to the address.
    pub invite: bool,
}

/// How a key comes to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyEnd {
    /// Its session was closed by the candidate, a reviewer or the time limit.
    Completed,
    /// Its time passed.
    Expired,
}

pub(crate) fn entity(org: OrgId, id: Uuid) -> Entity<'static> {
    org_entity(org, "candidate_key", id)
}

impl Redis {
    /// Makes candidate keys of an assessment, in order.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn create_candidate_keys(
        &self,
        org: OrgId,
        assessment: Uuid,
        new: &[NewCandidateKey],
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<CandidateKey>, Error> {
        // Ids that count up, so that the index keeps the order of keys made in the same millisecond.
        let ids: Vec<Uuid> = new.iter().map(|_| Uuid::now_v7()).collect();
        try_join_all(
            new.iter().zip(ids).map(|(new, id)| self.create_candidate_key(org, assessment, new, id, expires_at, now)),
        )
        .await
    }

    /// Whether no older pepper finds the key: keys are short enough for two of them to be the same.
    async fn is_new_candidate_key(&self, key: &str) -> Result<bool, Error> {
        for digest in self.digests(key).skip(1) {
            if self.owner_of(Purpose::Candidate, &digest).await?.is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn create_candidate_key(
        &self,
        org: OrgId,
        assessment: Uuid,
        new: &NewCandidateKey,
        id: Uuid,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<CandidateKey, Error> {
        // The look-up first: it makes the key unique, and without its record it opens nothing.
        let key = loop {
            let key = random_candidate_key()?;
            if self.is_new_candidate_key(&key).await?
                && self.claim_secret(Purpose::Candidate, &self.digest(&key), Owner { org, id }, None).await?
            {
                break key;
            }
        };
        let mut fields = vec![
            ("assessment", assessment.to_string()),
            ("key", key.clone()),
            ("created", millis(now)),
            ("expires", millis(expires_at)),
        ];
        let mut put = |field, value: &Option<String>| fields.extend(value.clone().map(|value| (field, value)));
        put("email", &new.email);
        put("name", &new.name);
        put("org_name", &new.org_name);
        fields.extend(new.invite.then(Invitation::queued));
        let keys = OrgKeys::of(org);
        let indexes = [keys.index(format_args!("keys:{assessment}")), keys.index("keys")];
        // Before the key: what is due for a key that does not exist is dropped, a key without it would never expire.
        self.schedule(&Due::KeyExpiry { org, key: id }, expires_at).await?;
        let invitation = Outgoing::Invitation { org, key: id };
        if new.invite {
            // So that a crash between the key and the post below does not lose it.
            self.post(&invitation, now.plus_millis(POSTED_LATER_MS)).await?;
        }
        self.create_entity(&entity(org, id), &fields, &indexes, now).await?;
        if new.invite {
            self.post(&invitation, now).await?;
        }
        let fields = fields.into_iter().map(|(field, value)| (field.to_owned(), value)).collect();
        candidate_key_of(org, id, &fields)
    }

    /// A candidate key, whatever its state.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn candidate_key(&self, org: OrgId, id: Uuid) -> Result<Option<CandidateKey>, Error> {
        let fields = self.read_entity(&entity(org, id)).await?;
        fields.map(|fields| candidate_key_of(org, id, &fields)).transpose()
    }

    /// The candidate keys of an assessment that are not revoked, oldest first.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn list_candidate_keys(&self, org: OrgId, assessment: Uuid) -> Result<Vec<CandidateKey>, Error> {
        let index = OrgKeys::of(org).index(format_args!("keys:{assessment}"));
        let found = self.read_index(org, "candidate_key", &index).await?;
        let keys =
            found.iter().map(|(id, fields)| candidate_key_of(org, *id, fields)).collect::<Result<Vec<_>, _>>()?;
        Ok(keys.into_iter().filter(|key| key.revoked_at.is_none()).collect())
    }

    /// A page of the candidate keys of an organisation, newest first, and how many there are in all: not those that
    /// were revoked, nor those of deleted assessments.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn page_candidate_keys(
        &self,
        org: OrgId,
        limit: u64,
        offset: u64,
    ) -> Result<(Vec<CandidateKey>, u64), Error> {
        let keys = OrgKeys::of(org);
        let index = keys.index("keys");
        let first = offset.min(u64::from(u32::MAX));
        let (ids, total): (Vec<String>, u64) = {
            let mut connection = self.connection(keys.partition()).await?;
            let mut pipeline = redis::pipe();
            pipeline.cmd("ZREVRANGE").arg(&index).arg(first).arg(first.saturating_add(limit).saturating_sub(1));
            pipeline.cmd("ZCARD").arg(&index).query_async(&mut connection).await?
        };
        let ids = ids.iter().map(|id| id.parse::<Uuid>().map_err(|_| Error::corrupt(format!("candidate key {id:?}"))));
        let ids = ids.collect::<Result<Vec<_>, _>>()?;
        let names: Vec<String> = ids.iter().map(|id| entity(org, *id).key).collect();
        let found = self.read_entities(keys.partition(), &names).await?;
        let page = ids.into_iter().zip(found).filter_map(|(id, fields)| Some(candidate_key_of(org, id, &fields?)));
        Ok((page.collect::<Result<_, _>>()?, total))
    }

    /// Takes the keys of an assessment off the list of the organisation's keys.
    pub(crate) async fn unlist_candidate_keys(&self, org: OrgId, assessment: Uuid) -> Result<(), Error> {
        let keys = OrgKeys::of(org);
        let mut connection = self.writer(keys.partition()).await?;
        let index = keys.index(format_args!("keys:{assessment}"));
        let ids: Vec<String> = redis::cmd("ZRANGE").arg(index).arg(0).arg(-1).query_async(&mut connection).await?;
        if ids.is_empty() {
            return Ok(());
        }
        Ok(redis::cmd("ZREM").arg(keys.index("keys")).arg(ids).query_async(&mut connection).await?)
    }

    /// Revokes a candidate key; `false` when there is none.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn revoke_candidate_key(&self, org: OrgId, id: Uuid, now: Timestamp) -> Result<bool, Error> {
        {
            // Off the list first: if it ends here, asking again does the rest.
            let mut connection = self.writer(Partition::of_org(org)).await?;
            let index = OrgKeys::of(org).index("keys");
            let () = redis::cmd("ZREM").arg(index).arg(id.to_string()).query_async(&mut connection).await?;
        }
        let entity = entity(org, id);
        let revoked = self.write_entity(&entity, Some(true), &[("revoked", millis(now))], &[]).await;
        self.forget_candidate_key(&entity).await;
        revoked
    }

    /// Marks a completed key as hired, or takes the mark back; `false` when there is no such key.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn mark_hired(&self, org: OrgId, id: Uuid, hired_at: Option<Timestamp>) -> Result<bool, Error> {
        match hired_at {
            Some(at) => self.write_entity(&entity(org, id), Some(true), &[("hired", millis(at))], &[]).await,
            None => self.write_entity(&entity(org, id), Some(true), &[], &["hired"]).await,
        }
    }

    /// Records what the candidate agreed to; `false` when there is no such key.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn record_consent(&self, org: OrgId, id: Uuid, consent: &Consent) -> Result<bool, Error> {
        let set = [
            ("consent_at", millis(consent.at)),
            ("consent_version", consent.version.clone()),
            ("consent_hash", consent.hash.clone()),
        ];
        self.write_entity(&entity(org, id), Some(true), &set, &[]).await
    }

    /// Brings a key to its end, once: who comes second changes nothing. Call it after the session is closed, so that
    /// a crash in between is repaired by calling both again. The key as it is then; `None` when there is none.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn finish_key(
        &self,
        org: OrgId,
        id: Uuid,
        end: KeyEnd,
        at: Timestamp,
    ) -> Result<Option<CandidateKey>, Error> {
        let mut invocation = scripts::finish_key().prepare_invoke();
        let entity = entity(org, id);
        entity.name_in(&mut invocation);
        invocation.arg(at.millis()).arg(match end {
            KeyEnd::Completed => "completed",
            KeyEnd::Expired => "expired",
        });
        {
            let mut connection = self.writer(Partition::of_org(org)).await?;
            let _: i64 = invocation.invoke_async(&mut connection).await?;
        }
        self.forget_candidate_key(&entity).await;
        self.candidate_key(org, id).await
    }
}

pub(crate) fn candidate_key_of(org: OrgId, id: Uuid, fields: &Fields) -> Result<CandidateKey, Error> {
    let text = |field: &str| fields.get(field).cloned();
    let consent = instant(fields, "consent_at")?.map(|at| Consent {
        at,
        version: text("consent_version").unwrap_or_default(),
        hash: text("consent_hash").unwrap_or_default(),
    });
    Ok(CandidateKey {
        id,
        org,
        assessment: required(fields, "assessment")?,
        key: required(fields, "key")?,
        email: text("email"),
        name: text("name"),
        org_name: text("org_name"),
        session: number(fields, "session")?,
        created_at: required_instant(fields, "created")?,
        expires_at: required_instant(fields, "expires")?,
        redeemed_at: instant(fields, "redeemed")?,
        completed_at: instant(fields, "completed")?,
        expired_at: instant(fields, "expired")?,
        revoked_at: instant(fields, "revoked")?,
        hired_at: instant(fields, "hired")?,
        consent,
        pubkeys: words(fields, "pubkeys").map(str::to_owned).collect(),
        total_cost_usd: number(fields, "cost")?,
        invitation: Invitation::of(fields)?,
    })
}
