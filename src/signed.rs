//! Signatures of events as they come in: checked against the public keys of the candidate. A signature that does not
//! hold refuses nothing; the verdict is kept with the event.

use actix_web::web;
use domain::{Event, signature::PublicKey};
use tokio::sync::Semaphore;

use crate::{App, http::auth::Candidate};

/// The most signatures that are checked where the request is handled; one takes some 50 µs for each key.
const FEW_CHECKS: usize = 16;

/// The most bytes that are hashed where the request is handled.
const FEW_BYTES: usize = 256 * 1024;

/// More at once would only take turns on the processor, and keep others from it.
static AT_ONCE: Semaphore = Semaphore::const_new(4);

/// The events, each with the verdict on its signature.
pub async fn check(app: &App, candidate: &Candidate, events: Vec<Event>) -> Vec<Event> {
    if !events.iter().any(|event| event.signed) {
        return events;
    }
    // Boxed: where nothing is signed it takes no room.
    Box::pin(check_signed(app, candidate, events)).await
}

async fn check_signed(app: &App, candidate: &Candidate, events: Vec<Event>) -> Vec<Event> {
    let known = &candidate.key.pubkeys;
    let events = check_with(known, events).await;
    if events.iter().all(|event| !event.signed || event.sig_verified == Some(true)) {
        return events;
    }
    // A socket that is open since before the last redeem does not know the newest key.
    match app.redis.candidate_key(candidate.org, candidate.key.id).await {
        Ok(Some(key)) if key.pubkeys != *known => check_with(&key.pubkeys, events).await,
        Ok(_) | Err(_) => events,
    }
}

async fn check_with(pubkeys: &[String], mut events: Vec<Event>) -> Vec<Event> {
    let keys: Vec<PublicKey> = pubkeys.iter().map(|key| PublicKey::of_base64(key)).collect();
    let signed = || events.iter().filter(|event| event.signed);
    let n_checks = signed().count() * keys.len();
    let n_bytes: usize = signed().map(|event| event.raw().len()).sum();
    if n_checks <= FEW_CHECKS && n_bytes <= FEW_BYTES {
        events.iter_mut().for_each(|event| event.check_signature(&keys));
        return events;
    }
    let _turn = AT_ONCE.acquire().await;
    let mut copies = events.clone();
    let checked = web::block(move || {
        copies.iter_mut().for_each(|event| event.check_signature(&keys));
        copies
    });
    checked.await.unwrap_or(events)
}
