//! Sends an invitation, once.
//!
//! Mail has no way to ask whether something arrived. So it is noted right before the last bytes go (`handing`), and when the
//! server took them (`sent`). A node that dies before the first note sent nothing; one that dies after it had given its
//! bytes to the kernel, which delivers them: the invitation counts as sent, since none is sent twice.

use std::time::Duration;

use domain::OrgId;
use redis_scripts::{CandidateKey, Invitation, InviteStep, Redis};
use uuid::Uuid;

use super::{
    Mail, MailError, Mailer,
    invitation::{self, Inviting},
};
use crate::{
    App, clock,
    outbox::{Next, later},
};

/// When a mail that could not leave is tried again, as multiples of the first wait, which is a minute if nothing else is
/// said: then after five minutes, half an hour, and up to a day. After the last of these it is given up.
const RETRY_AFTER: [u32; 7] = [1, 5, 30, 120, 360, 720, 1_440];

/// Sends the invitation of a key, if it is still to be sent.
///
/// # Errors
/// When Redis gives no usable answer.
pub async fn invite(app: &App, org: OrgId, id: Uuid) -> Result<Next, redis_scripts::Error> {
    // Another node may know a way.
    let Some(mailer) = &app.mailer else { return Ok(Next::Others) };
    let redis = &app.redis;
    let Some(key) = redis.candidate_key(org, id).await? else { return Ok(Next::Done) };
    let Some(invitation) = key.invitation else { return Ok(Next::Done) };
    let turn = Turn { redis, org, id, tries: invitation.tries, first_wait: mailer.settings.retry_after };
    match invitation.step {
        InviteStep::Queued => {}
        InviteStep::Handing => {
            tracing::warn!(key.id = %id, "a node died while it handed an invitation over: it counts as sent");
            turn.make(InviteStep::Handing, InviteStep::Sent).await?;
            return Ok(Next::Done);
        }
        InviteStep::Sent | InviteStep::Failed => return Ok(Next::Done),
    }
    let Some(mail) = compose(app, mailer, &key).await? else {
        turn.make(InviteStep::Queued, InviteStep::Failed).await?;
        return Ok(Next::Done);
    };
    let may_go = async || {
        turn.make(InviteStep::Queued, InviteStep::Handing)
            .await
            .map_err(|error| MailError::Temporary(format!("it could not be noted: {error}")))
    };
    match mailer.send(&mail, may_go).await {
        Ok(()) => {
            turn.make(InviteStep::Handing, InviteStep::Sent).await?;
            count("sent");
            Ok(Next::Done)
        }
        Err(MailError::NotOurs) => Ok(Next::Others),
        Err(error) => turn.not_sent(&error).await,
    }
}

/// The invitation; `None` when there is nothing to invite to any more, or no address.
async fn compose(app: &App, mailer: &Mailer, key: &CandidateKey) -> Result<Option<Mail>, redis_scripts::Error> {
    let now = clock::now();
    let Some(assessment) = app.redis.assessment(key.org, key.assessment).await? else { return Ok(None) };
    if !key.authenticates(now) {
        return Ok(None);
    }
    let org_name = match &key.org_name {
        Some(name) => name.clone(),
        None => app.redis.org(key.org).await?.map(|org| org.name).unwrap_or_default(),
    };
    let inviting = Inviting { key, assessment: &assessment, org_name: &org_name, server: &app.settings.public_url };
    let written = invitation::write(&mailer.settings, &inviting, now);
    Ok(written.inspect_err(|error| tracing::warn!(key.id = %key.id, %error, "no invitation")).ok())
}

/// Makes the steps of one invitation.
struct Turn<'a> {
    redis: &'a Redis,
    org: OrgId,
    id: Uuid,
    tries: u32,
    first_wait: Duration,
}

impl Turn<'_> {
    async fn make(&self, from: InviteStep, step: InviteStep) -> Result<bool, redis_scripts::Error> {
        self.redis.turn_invitation(self.org, self.id, from, Invitation { step, tries: self.tries }).await
    }

    /// Back into the queue, or given up.
    async fn not_sent(&self, error: &MailError) -> Result<Next, redis_scripts::Error> {
        let again = RETRY_AFTER.get(usize::try_from(self.tries).unwrap_or(usize::MAX));
        let again = again.filter(|_| matches!(error, MailError::Temporary(_))).map(|times| self.first_wait * *times);
        let step = if again.is_some() { InviteStep::Queued } else { InviteStep::Failed };
        let to = Invitation { step, tries: self.tries + 1 };
        // It failed before its last bytes or after them.
        if !self.redis.turn_invitation(self.org, self.id, InviteStep::Handing, to).await? {
            self.redis.turn_invitation(self.org, self.id, InviteStep::Queued, to).await?;
        }
        match again {
            Some(wait) => {
                tracing::warn!(key.id = %self.id, %error, ?wait, "an invitation was not sent; it is tried again");
                count("retried");
                Ok(Next::At(later(wait)))
            }
            None => {
                tracing::warn!(key.id = %self.id, %error, "an invitation was given up");
                count("failed");
                Ok(Next::Done)
            }
        }
    }
}

fn count(outcome: &'static str) {
    metrics::counter!("promptster_invitations_total", "outcome" => outcome).increment(1);
}
