//! How a candidate key gets its session.
//!
//! The key lives in its organisation's slot and the session in one of its own, so this takes two steps, each atomic and
//! each harmless when repeated. `redeem` decides on the key first (the server chose the session's id, nobody else can
//! have it); a crash before the session exists is repaired by the next `redeem`, which gets the same id. An event
//! chooses the session's id itself, so there the session is claimed first; a crash before the key knows it is repaired
//! by the event's repetition, which finds the session its own. A key that got another session meanwhile releases what
//! it claimed.

use domain::{OrgId, SessionId, SessionRef, Timestamp};
use uuid::Uuid;

use crate::random_secret;
use crate::{
    Assessment, CandidateKey, Due, Error, NewSession, Outgoing, Redis, assessments, candidate_keys,
    keys::{Partition, SessionKeys},
    scripts,
    secrets::{Owner, Purpose},
    sessions,
};

/// How many public keys a candidate key may have. Each redemption registers one; without a bound a candidate could
/// grow its record at will.
const MAX_PUBKEYS: usize = 256;

/// How many tokens a candidate key notes. Those before the newest count too, but do not survive the loss of Redis.
const MAX_TOKENS: usize = 32;

/// What redeeming is told.
#[derive(Debug, Clone)]
pub struct Redeem {
    /// The session to begin if there is none yet.
    pub session: SessionId,
    /// A public key that events may be signed with from now on.
    pub pubkey: Option<String>,
    /// The candidate's name, for a key that has none.
    pub name: Option<String>,
    /// Whether consent has to be recorded.
    pub require_consent: bool,
}

/// What redeeming did.
#[derive(Debug, Clone, PartialEq)]
pub enum Redeemed {
    /// The session begins now.
    Started(Box<CandidateKey>),
    /// It had begun before.
    Again(Box<CandidateKey>),
    /// Nothing, because.
    Refused(RedeemRefusal),
}

/// Why a key cannot be redeemed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedeemRefusal {
    /// There is no such key.
    Missing,
    /// It was revoked, or its assessment was deleted before it was used.
    Revoked,
    /// It was completed.
    Completed,
    /// Its time has passed.
    Expired,
    /// The candidate has not agreed to the disclosure.
    ConsentRequired,
    /// It was redeemed with too many different public keys.
    TooManyPubkeys,
}

/// What binding a key to the session of its first event did.
#[derive(Debug, Clone, PartialEq)]
pub enum Bound {
    /// The session is the key's.
    Own(Box<CandidateKey>),
    /// The key has another session, or the session another key.
    Mismatch,
    /// The session was erased.
    Deleted,
    /// The key cannot begin a session.
    Refused(RedeemRefusal),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Claim {
    Own,
    Foreign,
    Deleted,
}

impl Redis {
    /// Gives a key its session, once, and registers what the candidate brings. Call [`Redis::ensure_session`] next,
    /// whatever came before.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn redeem_key(&self, key: &CandidateKey, redeem: &Redeem, now: Timestamp) -> Result<Redeemed, Error> {
        let mut invocation = scripts::redeem_key().prepare_invoke();
        candidate_keys::entity(key.org, key.id).name_in(&mut invocation);
        invocation
            .key(assessments::entity(key.org, key.assessment).key)
            .key(Partition::of_org(key.org).outbox())
            .arg(now.millis())
            .arg(redeem.session.as_str())
            .arg(redeem.pubkey.as_deref().unwrap_or_default())
            .arg(redeem.name.as_deref().unwrap_or_default())
            .arg(i32::from(redeem.require_consent))
            .arg(MAX_PUBKEYS)
            .arg(Outgoing::Redeemed { org: key.org, key: key.id }.member());
        let outcome: String = {
            let mut connection = self.writer(Partition::of_org(key.org)).await?;
            invocation.invoke_async(&mut connection).await?
        };
        let refusal = match outcome.as_str() {
            "started" => return Ok(Redeemed::Started(Box::new(self.existing_key(key.org, key.id).await?))),
            "again" => return Ok(Redeemed::Again(Box::new(self.existing_key(key.org, key.id).await?))),
            "missing" => RedeemRefusal::Missing,
            "revoked" => RedeemRefusal::Revoked,
            "completed" => RedeemRefusal::Completed,
            "expired" => RedeemRefusal::Expired,
            "consent_required" => RedeemRefusal::ConsentRequired,
            "too_many_public_keys" => RedeemRefusal::TooManyPubkeys,
            other => return Err(Error::corrupt(format!("redeem_key answered {other:?}"))),
        };
        Ok(Redeemed::Refused(refusal))
    }

    /// Makes the session of a redeemed key if it does not exist yet, and indexes it. Answers whether the key has one:
    /// `None` when it was erased.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn ensure_session(
        &self,
        key: &CandidateKey,
        assessment: Option<&Assessment>,
        now: Timestamp,
    ) -> Result<Option<SessionRef>, Error> {
        let Some(session) = key.session.clone().map(|session| SessionRef::new(key.org, session)) else {
            return Ok(None);
        };
        let claim = self.claim_session(&session, key, assessment, key.redeemed_at.unwrap_or(now), now).await?;
        if claim != Claim::Own {
            return Ok(None);
        }
        self.reindex_session(&session).await?;
        Ok(Some(session))
    }

    /// Redeems a key by its first event: the session is the one that the event names.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn bind_session(
        &self,
        key: &CandidateKey,
        session: &SessionId,
        require_consent: bool,
        now: Timestamp,
    ) -> Result<Bound, Error> {
        if let Some(own) = &key.session {
            return Ok(if own == session { Bound::Own(Box::new(key.clone())) } else { Bound::Mismatch });
        }
        if key.lost_its_session() {
            return Ok(Bound::Deleted);
        }
        if require_consent && key.consent.is_none() {
            return Ok(Bound::Refused(RedeemRefusal::ConsentRequired));
        }
        let name = SessionRef::new(key.org, session.clone());
        let assessment = self.assessment_even_deleted(key.org, key.assessment).await?;
        match self.claim_session(&name, key, assessment.as_ref(), now, now).await? {
            Claim::Own => {}
            Claim::Foreign => return Ok(Bound::Mismatch),
            Claim::Deleted => return Ok(Bound::Deleted),
        }
        let redeem = Redeem { session: session.clone(), pubkey: None, name: None, require_consent };
        let key = match self.redeem_key(key, &redeem, now).await? {
            Redeemed::Started(key) | Redeemed::Again(key) => key,
            Redeemed::Refused(refusal) => {
                self.release_session(&name, key, now).await?;
                return Ok(Bound::Refused(refusal));
            }
        };
        if key.session.as_ref() != Some(session) {
            // Another session won the race for the key.
            self.release_session(&name, &key, now).await?;
            return Ok(Bound::Mismatch);
        }
        self.reindex_session(&name).await?;
        Ok(Bound::Own(key))
    }

    /// Takes back a claim of a key that has another session or none, so that nothing of it is left on any list.
    async fn release_session(&self, session: &SessionRef, key: &CandidateKey, now: Timestamp) -> Result<(), Error> {
        let mut invocation = scripts::release_session().prepare_invoke();
        sessions::entity(session).name_in(&mut invocation);
        invocation.key(SessionKeys::of(session).sums()).arg(key.id.to_string()).arg(now.millis());
        let outcome: String = {
            let mut connection = self.writer(Partition::of_session(session)).await?;
            invocation.invoke_async(&mut connection).await?
        };
        match outcome.as_str() {
            "gone" | "free" => {
                self.unindex_session(session, Some(key.assessment), None).await?;
                self.reindex_session(session).await
            }
            "kept" => Ok(()),
            other => Err(Error::corrupt(format!("release_session answered {other:?}"))),
        }
    }

    /// A new token for the session of a key, which is forgotten at `until`.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn issue_token(&self, key: &CandidateKey, until: Timestamp, now: Timestamp) -> Result<String, Error> {
        let token = random_secret("pst_")?;
        let digest = self.digest(&token);
        // Its key knows it before anybody has it, so that it can be restored.
        let mut invocation = scripts::note_token().prepare_invoke();
        candidate_keys::entity(key.org, key.id).name_in(&mut invocation);
        invocation.arg(digest.as_str()).arg(until.millis()).arg(now.millis()).arg(MAX_TOKENS);
        let noted: i64 = {
            let mut connection = self.writer(Partition::of_org(key.org)).await?;
            invocation.invoke_async(&mut connection).await?
        };
        if noted != 1 {
            return Err(Error::corrupt("a candidate key vanished"));
        }
        let owner = Owner { org: key.org, id: key.id };
        self.claim_secret(Purpose::Token, &digest, owner, Some(until)).await?;
        Ok(token)
    }

    /// Writes where a session stands in its organisation's indexes, from what is stored of it.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn reindex_session(&self, session: &SessionRef) -> Result<(), Error> {
        match self.session(session).await? {
            Some(session) => self.index_session(&session).await,
            None => Ok(()),
        }
    }

    async fn existing_key(&self, org: OrgId, id: Uuid) -> Result<CandidateKey, Error> {
        self.candidate_key(org, id).await?.ok_or_else(|| Error::corrupt("a candidate key vanished"))
    }

    async fn claim_session(
        &self,
        session: &SessionRef,
        key: &CandidateKey,
        assessment: Option<&Assessment>,
        begun: Timestamp,
        now: Timestamp,
    ) -> Result<Claim, Error> {
        let limit_minutes = assessment.and_then(|assessment| assessment.terms.time_limit_minutes);
        let new = NewSession {
            assessment: Some(key.assessment),
            candidate_key: Some(key.id),
            candidate_name: key.name.clone(),
            deadline: limit_minutes.map(|minutes| begun.plus_millis(minutes.saturating_mul(60_000))),
            ..NewSession::default()
        };
        if let Some(deadline) = new.deadline {
            // Before the session, which may be claimed already: a repeated call repairs what a crash left out.
            self.schedule(&Due::Deadline(session.clone()), deadline).await?;
        }
        let mut invocation = scripts::claim_session().prepare_invoke();
        sessions::entity(session).name_in(&mut invocation);
        invocation.key(SessionKeys::of(session).tombstone()).arg(key.id.to_string());
        for (field, value) in new.fields(now) {
            invocation.arg(field).arg(value);
        }
        let mut connection = self.writer(Partition::of_session(session)).await?;
        let outcome: String = invocation.invoke_async(&mut connection).await?;
        match outcome.as_str() {
            "claimed" | "own" => Ok(Claim::Own),
            "foreign" => Ok(Claim::Foreign),
            "deleted" => Ok(Claim::Deleted),
            other => Err(Error::corrupt(format!("claim_session answered {other:?}"))),
        }
    }
}
