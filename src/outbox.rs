//! Sees to what is to leave the server: invitations, and what webhooks are told. It stands in Redis
//! (`redis_scripts::Outgoing`), and any node may claim it; what a node that dies leaves behind is claimed by the next.

use std::time::Duration;

use domain::Timestamp;
use futures_util::{StreamExt, stream::FuturesUnordered};
use redis_scripts::Outgoing;
use tokio::sync::Semaphore;

use crate::{App, clock, mail, webhooks};

/// How often what is due is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How long a claim holds, and how often it is renewed meanwhile.
const HOLD: Duration = Duration::from_secs(15);
const RENEW_EVERY: Duration = Duration::from_secs(4);

/// What is on its way at once: mail servers and receivers count connections.
const AT_ONCE: usize = 8;

/// What a node has claimed at once; the rest waits for it or for other nodes.
const MOST_CLAIMED: usize = 128;

/// What is left to be done.
pub enum Next {
    /// Nothing.
    Done,
    /// It is to be tried again then.
    At(Timestamp),
    /// Somebody else sees to it.
    Others,
}

/// Sees to all of it, for ever.
pub async fn keep(app: &App) {
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
            Ok(found) => claimed.extend(found.into_iter().map(|outgoing| see_to(app, &places, outgoing))),
            Err(error) => tracing::debug!(%error, "the outbox cannot be read"),
        }
    }
}

/// Sees to one, and renews the claim on it until that is done.
async fn see_to(app: &App, places: &Semaphore, outgoing: Outgoing) {
    let renew = async {
        loop {
            tokio::time::sleep(RENEW_EVERY).await;
            app.redis.post(&outgoing, later(HOLD)).await.ok();
        }
    };
    let work = async {
        let _place = places.acquire().await;
        match &outgoing {
            Outgoing::Invitation { org, key } => Box::pin(mail::send::invite(app, *org, *key)).await,
            Outgoing::Redeemed { org, key } => webhooks::happenings::redeemed(app, *org, *key).await,
            Outgoing::Completed(session) => webhooks::happenings::completed(app, session).await,
            Outgoing::Delivery { org, id } => Box::pin(webhooks::deliver::attempt(app, *org, *id)).await,
        }
    };
    let done = tokio::select! {
        done = work => done,
        () = renew => return,
    };
    let noted = match done {
        Ok(Next::Done) => app.redis.is_seen_to(&outgoing).await,
        Ok(Next::At(at)) => app.redis.post(&outgoing, at).await,
        Ok(Next::Others) => return,
        Err(error) => return tracing::warn!(?outgoing, %error, "not done yet; tried again when the claim is over"),
    };
    if let Err(error) = noted {
        tracing::warn!(?outgoing, %error, "seen to, but not noted; it will be looked at again");
    }
}

/// The time so long from now.
#[must_use]
pub fn later(wait: Duration) -> Timestamp {
    clock::now().plus_millis(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX))
}
