//! Organisations, API keys, assessments, candidate keys, tokens and tickets on a real Redis.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::collections::{BTreeMap, HashSet};

use domain::{OrgId, SessionId, SessionRef, Status, Timestamp};
use futures_util::future::join_all;
use redis_scripts::{
    Assessment, AssessmentTerms, Bound, CandidateKey, Close, Closed, Config, Consent, Fields, Issuer, KeyEnd,
    KeyStatus, Made, NewCandidateKey, NewSession, Purpose, Redeem, RedeemRefusal, Redeemed, Redis, Scopes,
    SessionQuery, Ticket,
    keys::{OrgKeys, Partition, SecretDigest, SessionKeys},
    parse_candidate_key,
};
use uuid::Uuid;

const HOUR_MS: i64 = 3_600_000;

static NOW: std::sync::LazyLock<Timestamp> = std::sync::LazyLock::new(|| Timestamp::from_millis(1_790_000_000_000));

/// A Redis with an organisation that has one assessment.
struct World {
    _server: test_support::Redis,
    redis: Redis,
    org: OrgId,
    assessment: Assessment,
}

impl World {
    async fn new() -> Self {
        let server = test_support::Redis::start();
        let redis = Redis::new(&Config::new(server.url())).unwrap();
        redis.load_scripts().await.unwrap();
        let (org, _) = redis.create_org("Acme", *NOW).await.unwrap();
        let assessment = redis.create_assessment(org, Uuid::now_v7(), terms(), *NOW).await.unwrap();
        Self { _server: server, redis, org, assessment }
    }

    async fn keys(&self, count: usize) -> Vec<CandidateKey> {
        let new = vec![NewCandidateKey { email: None, name: None, org_name: None, invite: false }; count];
        let expires_at = NOW.plus_millis(24 * HOUR_MS);
        self.redis.create_candidate_keys(self.org, self.assessment.id, &new, expires_at, *NOW).await.unwrap()
    }

    async fn key(&self) -> CandidateKey {
        self.keys(1).await.remove(0)
    }

    async fn reload(&self, key: &CandidateKey) -> CandidateKey {
        self.redis.candidate_key(key.org, key.id).await.unwrap().unwrap()
    }

    async fn redeem(&self, key: &CandidateKey, now: Timestamp) -> Redeemed {
        self.redis.redeem_key(key, &redemption(None), now).await.unwrap()
    }

    /// The newest change of an entity in its partition's stream.
    async fn logged(&self, partition: Partition, kind: &str, id: &str) -> Fields {
        let mut connection = self.redis.connection(partition).await.unwrap();
        let entries: Vec<(String, BTreeMap<String, String>)> = redis::cmd("XREVRANGE")
            .arg(partition.stream())
            .arg("+")
            .arg("-")
            .query_async(&mut connection)
            .await
            .unwrap();
        let entry = entries.into_iter().map(|(_, entry)| entry).find(|entry| {
            entry.get("kind").is_some_and(|found| found == kind) && entry.get("id").is_some_and(|found| found == id)
        });
        let flat: Vec<String> = serde_json::from_str(&entry.unwrap()["state"]).unwrap();
        flat.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect()
    }
}

fn terms() -> AssessmentTerms {
    AssessmentTerms {
        title: "Backend".into(),
        role: "Engineer".into(),
        task_brief: Some("# Do it\n\"quoted\" ünïcode".into()),
        repo_url: None,
        repo_commit: None,
        repo_subdir: None,
        setup_instructions: None,
        time_limit_minutes: Some(90),
        expires_in_days: 7,
        issue: None,
        rubric: None,
        token_budget_usd: Some(2.5),
        allowed_tools: vec!["claude".into(), "codex".into()],
    }
}

fn redemption(pubkey: Option<&str>) -> Redeem {
    Redeem {
        session: SessionId::from(Uuid::now_v7()),
        pubkey: pubkey.map(str::to_owned),
        name: None,
        require_consent: false,
    }
}

fn redeemed(outcome: Redeemed) -> CandidateKey {
    match outcome {
        Redeemed::Started(key) | Redeemed::Again(key) => *key,
        Redeemed::Refused(refusal) => panic!("refused: {refusal:?}"),
    }
}

fn session_of(key: &CandidateKey) -> SessionRef {
    SessionRef::new(key.org, key.session.clone().unwrap())
}

#[tokio::test]
async fn of_fifty_simultaneous_redemptions_one_starts_the_session() {
    let world = World::new().await;
    let key = world.key().await;
    let outcomes = join_all((0..50).map(|_| world.redeem(&key, *NOW))).await;
    let started = outcomes.iter().filter(|outcome| matches!(outcome, Redeemed::Started(_))).count();
    assert_eq!(started, 1);
    let sessions: HashSet<_> = outcomes.into_iter().map(|outcome| redeemed(outcome).session).collect();
    assert_eq!(sessions.len(), 1);
}

#[tokio::test]
async fn redeeming_again_gives_the_same_session_and_keeps_every_public_key() {
    let world = World::new().await;
    let key = world.key().await;
    let mut versions = Vec::new();
    for pubkey in ["first", "second", "first"] {
        let redeem = redemption(Some(pubkey));
        let again = redeemed(world.redis.redeem_key(&key, &redeem, *NOW).await.unwrap());
        let session = world.redis.ensure_session(&again, Some(&world.assessment), *NOW).await.unwrap().unwrap();
        assert_eq!(session, session_of(&again));
        versions.push(world.redis.session(&session).await.unwrap().unwrap().record.version);
    }
    let key = world.reload(&key).await;
    assert_eq!(key.pubkeys, ["first", "second"]);
    assert_eq!((key.status(*NOW), key.redeemed_at), (KeyStatus::Redeemed, Some(*NOW)));
    let session = world.redis.session(&session_of(&key)).await.unwrap().unwrap();
    assert_eq!(versions, [session.record.version; 3], "the session is made once");
    assert_eq!(session.record.candidate_key, Some(key.id));
    assert_eq!(session.record.deadline, Some(NOW.plus_millis(90 * 60_000)));
    let listed = world.redis.list_sessions(world.org, &SessionQuery { limit: 9, ..SessionQuery::default() }).await;
    assert_eq!(listed.unwrap(), (vec![session.name.session.clone()], 1));
}

#[tokio::test]
async fn a_crash_between_key_and_session_is_repaired_by_redeeming_again() {
    let world = World::new().await;
    let key = redeemed(world.redeem(&world.key().await, *NOW).await);
    assert!(world.redis.session(&session_of(&key)).await.unwrap().is_none());
    let again = redeemed(world.redeem(&key, NOW.plus_millis(HOUR_MS)).await);
    world.redis.ensure_session(&again, Some(&world.assessment), NOW.plus_millis(HOUR_MS)).await.unwrap().unwrap();
    let session = world.redis.session(&session_of(&key)).await.unwrap().unwrap();
    // The time limit runs from the redemption, not from the repair.
    assert_eq!(session.record.deadline, Some(NOW.plus_millis(90 * 60_000)));
}

#[tokio::test]
async fn keys_that_are_spent_say_why() {
    let world = World::new().await;
    let refused = |outcome| match outcome {
        Redeemed::Refused(refusal) => refusal,
        other => panic!("{other:?}"),
    };
    let keys = world.keys(5).await;
    let [expired, revoked, completed, unused, unknown] = keys.try_into().unwrap();
    assert_eq!(refused(world.redeem(&expired, expired.expires_at).await), RedeemRefusal::Expired);
    assert_eq!(expired.status(expired.expires_at), KeyStatus::Expired);

    assert!(world.redis.revoke_candidate_key(world.org, revoked.id, *NOW).await.unwrap());
    assert_eq!(refused(world.redeem(&revoked, *NOW).await), RedeemRefusal::Revoked);
    assert!(!world.reload(&revoked).await.authenticates(*NOW));

    redeemed(world.redeem(&completed, *NOW).await);
    world.redis.finish_key(world.org, completed.id, KeyEnd::Completed, *NOW).await.unwrap();
    assert_eq!(refused(world.redeem(&completed, *NOW).await), RedeemRefusal::Completed);
    let long_after = NOW.plus_millis(999 * HOUR_MS);
    assert_eq!(world.reload(&completed).await.status(long_after), KeyStatus::Completed);

    let consent = Redeem { require_consent: true, ..redemption(None) };
    let outcome = world.redis.redeem_key(&unused, &consent, *NOW).await.unwrap();
    assert_eq!(refused(outcome), RedeemRefusal::ConsentRequired);
    let given = Consent { at: *NOW, version: "1".into(), hash: "h".into() };
    assert!(world.redis.record_consent(world.org, unused.id, &given).await.unwrap());
    assert_eq!(world.reload(&unused).await.consent, Some(given));

    world.redis.delete_assessment(world.org, world.assessment.id, *NOW).await.unwrap();
    assert_eq!(refused(world.redeem(&unused, *NOW).await), RedeemRefusal::Revoked);

    let unknown = CandidateKey { id: Uuid::now_v7(), ..unknown };
    assert_eq!(refused(world.redeem(&unknown, *NOW).await), RedeemRefusal::Missing);
}

#[tokio::test]
async fn a_key_comes_to_its_end_once() {
    let world = World::new().await;
    let key = redeemed(world.redeem(&world.key().await, *NOW).await);
    let finish = |end, millis| world.redis.finish_key(key.org, key.id, end, NOW.plus_millis(millis));
    assert_eq!(finish(KeyEnd::Completed, 1).await.unwrap().unwrap().completed_at, Some(NOW.plus_millis(1)));
    assert_eq!(finish(KeyEnd::Completed, 2).await.unwrap().unwrap().completed_at, Some(NOW.plus_millis(1)));
    assert_eq!(finish(KeyEnd::Expired, 3).await.unwrap().unwrap().status(*NOW), KeyStatus::Completed);
    assert!(world.redis.finish_key(key.org, Uuid::now_v7(), KeyEnd::Expired, *NOW).await.unwrap().is_none());
    world.redis.mark_hired(key.org, key.id, Some(*NOW)).await.unwrap();
    assert_eq!(world.reload(&key).await.status(*NOW), KeyStatus::Hired);
    world.redis.mark_hired(key.org, key.id, None).await.unwrap();
    assert_eq!(world.reload(&key).await.status(*NOW), KeyStatus::Completed);
}

#[tokio::test]
async fn the_first_event_binds_the_session_that_it_names() {
    let world = World::new().await;
    let [first, second] = world.keys(2).await.try_into().unwrap();
    let name: SessionId = "run-1".parse().unwrap();
    let bind = |key: CandidateKey, name: SessionId| {
        let redis = world.redis.clone();
        async move { redis.bind_session(&key, &name, false, *NOW).await.unwrap() }
    };
    let Bound::Own(bound) = bind(first.clone(), name.clone()).await else { panic!("not bound") };
    assert_eq!((bound.session.as_ref(), bound.status(*NOW)), (Some(&name), KeyStatus::Redeemed));
    // The stale copy of a request that came at the same time, and the fresh one.
    assert!(matches!(bind(first.clone(), name.clone()).await, Bound::Own(_)));
    assert!(matches!(bind(*bound.clone(), name.clone()).await, Bound::Own(_)));
    assert_eq!(bind(*bound, "run-2".parse().unwrap()).await, Bound::Mismatch);
    assert_eq!(bind(first, "run-3".parse().unwrap()).await, Bound::Mismatch);
    // What was claimed on the way is not left behind.
    for lost in ["run-2", "run-3"] {
        let lost = SessionRef::new(world.org, lost.parse().unwrap());
        assert_eq!(world.redis.session(&lost).await.unwrap(), None);
    }
    let listed = SessionQuery { assessment: Some(world.assessment.id), limit: 9, ..SessionQuery::default() };
    assert_eq!(world.redis.list_sessions(world.org, &listed).await.unwrap(), (vec![name.clone()], 1));
    assert_eq!(bind(second.clone(), name).await, Bound::Mismatch);
    assert_eq!(world.reload(&second).await.session, None);
    let consent = world.redis.bind_session(&second, &"run-4".parse().unwrap(), true, *NOW).await.unwrap();
    assert_eq!(consent, Bound::Refused(RedeemRefusal::ConsentRequired));
}

#[tokio::test]
async fn a_session_made_for_nobody_is_taken_over_by_the_first_key_that_names_it() {
    let world = World::new().await;
    let [first, second] = world.keys(2).await.try_into().unwrap();
    let name = SessionRef::new(world.org, "made-before".parse().unwrap());
    let new = NewSession { source_service: Some("ci".into()), ..NewSession::default() };
    assert_eq!(world.redis.create_session(&name, &new, *NOW).await.unwrap(), Made::Now);
    let bound = world.redis.bind_session(&first, &name.session, false, *NOW).await.unwrap();
    assert!(matches!(bound, Bound::Own(_)));
    let session = world.redis.session(&name).await.unwrap().unwrap();
    assert_eq!(session.record.candidate_key, Some(first.id));
    assert_eq!(session.record.source_service.as_deref(), Some("ci"));
    assert_eq!(world.redis.bind_session(&second, &name.session, false, *NOW).await.unwrap(), Bound::Mismatch);
}

#[tokio::test]
async fn a_session_made_for_nobody_is_nobodys_again_when_the_key_got_another() {
    let world = World::new().await;
    let key = world.key().await;
    let name = SessionRef::new(world.org, "made-before".parse().unwrap());
    let new = NewSession { source_service: Some("ci".into()), ..NewSession::default() };
    world.redis.create_session(&name, &new, *NOW).await.unwrap();
    let before = world.redis.session(&name).await.unwrap().unwrap();
    redeemed(world.redeem(&key, *NOW).await);
    // The key as a request read it that came at the same time.
    assert_eq!(world.redis.bind_session(&key, &name.session, false, *NOW).await.unwrap(), Bound::Mismatch);
    let after = world.redis.session(&name).await.unwrap().unwrap();
    assert_eq!((after.record.candidate_key, after.record.assessment, after.record.deadline), (None, None, None));
    assert_eq!(after.to_json(), before.to_json());
    let of = |assessment| SessionQuery { assessment, limit: 9, ..SessionQuery::default() };
    assert_eq!(world.redis.list_sessions(world.org, &of(Some(world.assessment.id))).await.unwrap().1, 0);
    assert_eq!(world.redis.list_sessions(world.org, &of(None)).await.unwrap().1, 1);
    // Its turn comes with the next key.
    let bound = world.redis.bind_session(&world.key().await, &name.session, false, *NOW).await.unwrap();
    assert!(matches!(bound, Bound::Own(_)));
}

#[tokio::test]
async fn a_closed_session_and_its_key_agree() {
    let world = World::new().await;
    let key = redeemed(world.redeem(&world.key().await, *NOW).await);
    let session = world.redis.ensure_session(&key, Some(&world.assessment), *NOW).await.unwrap().unwrap();
    let close = Close { ended_at: *NOW, now: *NOW, reason: "complete", overwrite: false };
    assert_eq!(world.redis.close_session(&session, &close).await.unwrap(), Closed::Now(*NOW));
    world.redis.finish_key(key.org, key.id, KeyEnd::Completed, *NOW).await.unwrap();
    world.redis.reindex_session(&session).await.unwrap();
    let ended = SessionQuery { status: Some(Status::Ended), limit: 9, ..SessionQuery::default() };
    assert_eq!(world.redis.list_sessions(world.org, &ended).await.unwrap().1, 1);
    assert_eq!(world.redis.unsettled_sessions(world.org).await.unwrap().len(), 1);
}

#[tokio::test]
async fn every_change_of_an_entity_is_logged_with_all_its_fields() {
    let world = World::new().await;
    let partition = OrgKeys::of(world.org).partition();
    let org = world.logged(partition, "org", &world.org.to_string()).await;
    assert_eq!((org["name"].as_str(), org["v"].as_str()), ("Acme", "1"));
    let assessment = world.logged(partition, "assessment", &world.assessment.id.to_string()).await;
    assert_eq!(assessment["brief"], "# Do it\n\"quoted\" ünïcode");
    let key = redeemed(world.redeem(&world.key().await, *NOW).await);
    let logged = world.logged(partition, "candidate_key", &key.id.to_string()).await;
    assert_eq!((logged["key"].as_str(), logged["v"].as_str()), (key.key.as_str(), "2"));
    assert_eq!(logged["session"], key.session.as_ref().unwrap().as_str());
    world.redis.ensure_session(&key, Some(&world.assessment), *NOW).await.unwrap();
    let partition = SessionKeys::of(&session_of(&key)).partition();
    let session = world.logged(partition, "session", key.session.as_ref().unwrap().as_str()).await;
    assert_eq!(session["key"], key.id.to_string());
    for (_, value) in world.logged(OrgKeys::of(world.org).partition(), "api_key", &api_key(&world).await).await {
        assert!(!value.contains("psk_live_") || value.len() < 20, "a secret in the log: {value}");
    }
}

async fn api_key(world: &World) -> String {
    world.redis.list_api_keys(world.org).await.unwrap().remove(0).id.to_string()
}

#[tokio::test]
async fn keys_are_unique_listed_in_order_and_found_by_digest() {
    let world = World::new().await;
    let made = world.keys(50).await;
    let distinct: HashSet<_> = made.iter().map(|key| &key.key).collect();
    assert_eq!(distinct.len(), 50);
    assert_eq!(world.redis.list_candidate_keys(world.org, world.assessment.id).await.unwrap(), made);
    for key in &made {
        let digest = SecretDigest::of(&parse_candidate_key(&key.key.to_lowercase()).unwrap());
        let owner = world.redis.owner_of(Purpose::Candidate, &digest).await.unwrap().unwrap();
        assert_eq!((owner.org, owner.id), (world.org, key.id));
        assert_eq!(world.redis.owner_of(Purpose::Token, &digest).await.unwrap(), None);
    }
    world.redis.revoke_candidate_key(world.org, made[0].id, *NOW).await.unwrap();
    assert_eq!(world.redis.list_candidate_keys(world.org, world.assessment.id).await.unwrap(), made[1..]);
}

#[tokio::test]
async fn api_keys_are_found_by_digest_until_revoked() {
    let world = World::new().await;
    let scopes = Scopes { read: true, write: false };
    let (key, secret) = world.redis.new_api_key(world.org, "ci", scopes, *NOW).await.unwrap();
    assert!(secret.starts_with(&key.prefix) && key.prefix.len() < 20);
    let owner = world.redis.owner_of(Purpose::Api, &SecretDigest::of(&secret)).await.unwrap().unwrap();
    assert_eq!(world.redis.api_key(owner.org, owner.id).await.unwrap(), Some(key.clone()));
    assert_eq!(world.redis.list_api_keys(world.org).await.unwrap().len(), 2);
    assert!(world.redis.revoke_api_key(world.org, key.id, *NOW).await.unwrap());
    assert!(!world.redis.revoke_api_key(world.org, key.id, *NOW).await.unwrap());
    assert_eq!(world.redis.list_api_keys(world.org).await.unwrap().len(), 1);
    let other = OrgId::sample(Uuid::now_v7());
    assert!(!world.redis.revoke_api_key(other, owner.id, *NOW).await.unwrap());
}

#[tokio::test]
async fn assessments_are_changed_field_by_field_and_disappear_when_deleted() {
    let world = World::new().await;
    let before = world.redis.assessment(world.org, world.assessment.id).await.unwrap().unwrap();
    assert_eq!(before, world.assessment);
    let changed = AssessmentTerms { title: "Frontend".into(), time_limit_minutes: None, ..terms() };
    assert!(world.redis.change_assessment(&before, &changed, NOW.plus_millis(5)).await.unwrap());
    // Somebody who had read it before changes something else.
    let other = AssessmentTerms { role: "Lead".into(), ..terms() };
    assert!(world.redis.change_assessment(&before, &other, NOW.plus_millis(6)).await.unwrap());
    let after = world.redis.assessment(world.org, before.id).await.unwrap().unwrap();
    assert_eq!(after.terms, AssessmentTerms { role: "Lead".into(), ..changed });
    assert_eq!(after.updated_at, NOW.plus_millis(6));
    world.redis.delete_assessment(world.org, before.id, *NOW).await.unwrap();
    assert!(world.redis.assessment(world.org, before.id).await.unwrap().is_none());
    assert!(world.redis.assessment_even_deleted(world.org, before.id).await.unwrap().is_some());
    assert!(world.redis.list_assessments(world.org).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_token_opens_what_its_key_opens_and_a_ticket_opens_once() {
    let world = World::new().await;
    let key = redeemed(world.redeem(&world.key().await, *NOW).await);
    let until =
        Timestamp::from_millis(i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap() + HOUR_MS);
    let tokens = [
        world.redis.issue_token(&key, until, *NOW).await.unwrap(),
        world.redis.issue_token(&key, until, *NOW).await.unwrap(),
    ];
    assert_ne!(tokens[0], tokens[1]);
    for token in &tokens {
        let owner = world.redis.owner_of(Purpose::Token, &SecretDigest::of(token)).await.unwrap().unwrap();
        assert_eq!(owner.id, key.id);
    }
    let ticket = Ticket { org: world.org, issuer: Issuer::Candidate(key.id) };
    let secret = world.redis.issue_ticket(&ticket).await.unwrap();
    let taken = join_all((0..20).map(|_| world.redis.take_ticket(&secret))).await;
    let taken: Vec<_> = taken.into_iter().filter_map(|taken| taken.unwrap()).collect();
    assert_eq!(taken, [ticket]);
}
