//! What is to leave: claimed by one, found again when the claim is over, and each step of an invitation made once.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use domain::{OrgId, Timestamp};
use redis_scripts::{Config, Invitation, InviteStep, NewCandidateKey, Outgoing, Redis};
use uuid::Uuid;

const HOLD: Duration = Duration::from_secs(15);

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_790_000_000_000 + millis)
}

async fn key(redis: &Redis, invite: bool) -> (OrgId, Uuid) {
    let (org, _) = redis.create_org("Acme", at(0)).await.unwrap();
    let new = NewCandidateKey { email: Some("a@example.org".into()), name: None, org_name: None, invite };
    let keys = redis.create_candidate_keys(org, Uuid::new_v4(), &[new], at(1_000_000), at(0)).await.unwrap();
    (org, keys.first().unwrap().id)
}

#[tokio::test]
async fn an_invitation_is_claimed_by_one_until_the_claim_is_over_or_it_is_seen_to() {
    let server = test_support::Redis::start();
    let redis = Redis::new(&Config::new(server.url())).unwrap();
    redis.mark_new().await.unwrap();
    key(&redis, false).await;
    let (org, key) = key(&redis, true).await;
    let invitation = Outgoing::Invitation { org, key };
    let claim = async |now| redis.claim_outgoing(at(now), HOLD).await.unwrap();
    let it = std::slice::from_ref(&invitation);
    assert_eq!(claim(0).await, it, "not that of the key that nobody is invited with");
    assert_eq!(claim(14_999).await, []);
    assert_eq!(claim(15_000).await, it, "whoever had it is gone");
    redis.post(&invitation, at(60_000)).await.unwrap();
    assert_eq!(claim(59_999).await, []);
    assert_eq!(claim(60_000).await, it);
    redis.is_seen_to(&invitation).await.unwrap();
    assert_eq!(claim(1_000_000).await, []);
}

#[tokio::test]
async fn a_step_is_made_from_the_step_before_and_by_one() {
    let server = test_support::Redis::start();
    let redis = Redis::new(&Config::new(server.url())).unwrap();
    redis.mark_new().await.unwrap();
    let (org, id) = key(&redis, true).await;
    let turn =
        async |from, step, tries| redis.turn_invitation(org, id, from, Invitation { step, tries }).await.unwrap();
    let now = async || redis.candidate_key(org, id).await.unwrap().unwrap().invitation.unwrap();
    assert_eq!(now().await, Invitation { step: InviteStep::Queued, tries: 0 });
    assert!(turn(InviteStep::Queued, InviteStep::Handing, 0).await);
    assert!(!turn(InviteStep::Queued, InviteStep::Handing, 0).await, "another node was quicker");
    assert_eq!(Invitation::shown(Some(now().await)), "queued");
    assert!(turn(InviteStep::Handing, InviteStep::Queued, 1).await);
    assert_eq!(now().await, Invitation { step: InviteStep::Queued, tries: 1 });
    assert!(turn(InviteStep::Queued, InviteStep::Failed, 2).await);
    assert!(!turn(InviteStep::Handing, InviteStep::Sent, 2).await);
    let nobody = redis.turn_invitation(org, Uuid::new_v4(), InviteStep::Queued, now().await).await.unwrap();
    assert!(!nobody && Invitation::shown(None) == "none");
}
