//! Sees to it that what is to be sent is sent, once. What waits stands in Redis (`redis_scripts::Outgoing`), so that a node
//! that dies leaves it to the others.
//!
//! Mail has no way to ask whether something arrived. So it is noted right before the last bytes go (`handing`), and when the
//! server took them (`sent`). A node that dies before the first note sent nothing; one that dies after it had given its
//! bytes to the kernel, which delivers them: the invitation counts as sent, since none is sent twice.

use std::time::Duration;

use domain::{OrgId, Timestamp};
use futures_util::{StreamExt, stream::FuturesUnordered};
use redis_scripts::{CandidateKey, Invitation, InviteStep, Outgoing, Redis};
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::{
    Mail, MailError, Mailer,
    invitation::{self, Inviting},
};
use crate::{App, clock};

/// How often what is due is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How long a claim holds, and how often it is renewed meanwhile.
const HOLD: Duration = Duration::from_secs(15);
const RENEW_EVERY: Duration = Duration::from_secs(4);

/// Mails on their way at once: mail servers count connections.
const AT_ONCE: usize = 8;

/// Mails that a node has claimed at once; the others wait for it or for other nodes.
const MOST_CLAIMED: usize = 128;

/// When a mail that could not leave is tried again, as multiples of the first wait, which is a minute if nothing else is
/// said: then after five minutes, half an hour, and up to a day. After the last of these it is given up.
const RETRY_AFTER: [u32; 7] = [1, 5, 30, 120, 360, 720, 1_440];

/// Sends what is to be sent, for ever; nothing where no way is known for mail.
pub async fn keep(app: &App) {
    let Some(mailer) = &app.mailer else { return };
    let places = Semaphore::new(AT_ONCE);
    let mut claimed = FuturesUnordered::new();
    loop {
        // One that takes long holds up no other.
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            Some(()) = claimed.next() => continue,
        }
        if claimed.len() >= MOST_CLAIMED {
            continue;
        }
        match app.redis.claim_outgoing(clock::now(), HOLD).await {
            Ok(found) => claimed.extend(found.into_iter().map(|outgoing| see_to(app, mailer, &places, outgoing))),
            Err(error) => tracing::debug!(%error, "the outbox cannot be read"),
        }
    }
}

/// Sees to one, and renews the claim on it until that is done.
async fn see_to(app: &App, mailer: &Mailer, places: &Semaphore, outgoing: Outgoing) {
    let Outgoing::Invitation { org, key } = outgoing;
    let renew = async {
        loop {
            tokio::time::sleep(RENEW_EVERY).await;
            let hold_ms = i64::try_from(HOLD.as_millis()).unwrap_or(i64::MAX);
            app.redis.post(&outgoing, clock::now().plus_millis(hold_ms)).await.ok();
        }
    };
    let work = async {
        let _place = places.acquire().await;
        Box::pin(invite(app, mailer, org, key)).await
    };
    let done = tokio::select! {
        done = work => done,
        () = renew => return,
    };
    let noted = match done {
        Ok(Next::Done) => app.redis.is_seen_to(&outgoing).await,
        Ok(Next::At(at)) => app.redis.post(&outgoing, at).await,
        Ok(Next::Others) => return,
        Err(error) => return tracing::warn!(?outgoing, %error, "not sent yet; tried again when the claim is over"),
    };
    if let Err(error) = noted {
        tracing::warn!(?outgoing, %error, "seen to, but not noted; it will be looked at again");
    }
}

/// What is left to be done.
enum Next {
    /// Nothing.
    Done,
    /// It is to be tried again then.
    At(Timestamp),
    /// Somebody else sees to it.
    Others,
}

async fn invite(app: &App, mailer: &Mailer, org: OrgId, id: Uuid) -> Result<Next, redis_scripts::Error> {
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
                Ok(Next::At(clock::now().plus_millis(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX))))
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
