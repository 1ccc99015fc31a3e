//! What the log holds is enough: a Redis that was filled from it holds what the first one held, key by key.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod store;
mod sums;

use std::collections::BTreeMap;

use domain::{OrgId, SessionRef};
use redis_scripts::{
    AssessmentTerms, Bound, Bundle, CandidateKey, Close, Consent, Entity, IssueTerms, KeyEnd, Member, NewCandidateKey,
    NewScore, Outgoing, Purpose, Redis, Restored, RubricTerms, Scopes, Submission,
    keys::{OrgKeys, Partition, SecretDigest, SessionKeys},
};
use serde_json::json;
use uuid::Uuid;

use crate::{
    store::{Store, assert_same, now},
    sums::stored,
};

fn terms() -> AssessmentTerms {
    AssessmentTerms {
        title: "Backend".into(),
        role: "Engineer".into(),
        task_brief: Some("\"quoted\" ünïcode".into()),
        repo_url: None,
        repo_commit: None,
        repo_subdir: None,
        setup_instructions: None,
        time_limit_minutes: Some(90),
        expires_in_days: 7,
        issue: None,
        rubric: None,
        token_budget_usd: Some(2.5),
        allowed_tools: vec!["claude".into()],
    }
}

/// An organisation with everything, as routes make it.
async fn fill(redis: &Redis) -> OrgId {
    let now = now();
    let (org, _) = redis.create_org("Acme", now).await.unwrap();
    assert!(redis.name_org(org, "org_2x").await.unwrap());
    let (revoked, _) = redis.new_api_key(org, "old", Scopes::ALL, now).await.unwrap();
    redis.revoke_api_key(org, revoked.id, now).await.unwrap();
    let (used, _) = redis.new_api_key(org, "used", Scopes { read: true, write: false }, now).await.unwrap();
    redis.touch_api_key(org, used.id, now).await.unwrap();

    for (email, is_removed) in [("Wren@example.org", false), ("plover@example.org", true)] {
        let id = Uuid::now_v7();
        let scopes = Scopes { read: true, write: is_removed };
        let (created_by, last_sign_in_at) = (Some(used.id), None);
        let email = email.to_owned();
        let member = Member { id, org, email, scopes, created_at: now, created_by, last_sign_in_at };
        assert!(redis.create_member(&member).await.unwrap());
        redis.touch_member(org, id, now).await.unwrap();
        if is_removed {
            assert!(redis.remove_member(org, id, now).await.unwrap());
        }
    }

    let issue = IssueTerms { title: "a".into(), skill_tags: vec!["two words".into()], ..IssueTerms::default() };
    let issue = redis.create_issue(org, Uuid::now_v7(), issue, now).await.unwrap();
    redis.change_issue(org, &issue, &IssueTerms { number: Some(7), ..issue.terms.clone() }, now).await.unwrap();
    let rubric = redis.create_rubric(org, Uuid::now_v7(), RubricTerms::default(), now).await.unwrap();
    redis.delete_rubric(org, rubric.id, now).await.unwrap();

    let new = NewCandidateKey { email: Some("a@example.org".into()), name: None, org_name: None, invite: true };
    let mut keys: Vec<CandidateKey> = Vec::new();
    for is_deleted in [false, true] {
        let assessment = redis.create_assessment(org, Uuid::now_v7(), terms(), now).await.unwrap();
        let until = now.plus_millis(1_000_000);
        keys.extend(redis.create_candidate_keys(org, assessment.id, &vec![new.clone(); 6], until, now).await.unwrap());
        if is_deleted {
            redis.delete_assessment(org, assessment.id, now).await.unwrap();
        }
    }
    redis.revoke_candidate_key(org, keys[1].id, now).await.unwrap();
    for (number, key) in keys.iter().enumerate().skip(2).take(4) {
        let consent = Consent { at: now, version: "1".into(), hash: "h".into() };
        redis.record_consent(org, key.id, &consent).await.unwrap();
        let id = format!("s-{number}").parse().unwrap();
        let Bound::Own(key) = redis.bind_session(key, &id, false, now).await.unwrap() else { panic!("not bound") };
        // What webhooks were still to be told is not told after a loss.
        redis.is_seen_to(&Outgoing::Redeemed { org, key: key.id }).await.unwrap();
        redis.issue_token(&key, now.plus_millis(500_000), now).await.unwrap();
        redis.issue_token(&key, now.plus_millis(600_000), now).await.unwrap();
        let name = SessionRef::new(org, id);
        let bundle = Bundle { sha256: "ab".into(), size: 3, at: now };
        redis.note_upload(&name, Uuid::now_v7(), &bundle, 0).await.unwrap();
        let forgotten = Uuid::now_v7();
        redis.note_upload(&name, forgotten, &bundle, 0).await.unwrap();
        redis.forget_uploads(&name, &[forgotten]).await.unwrap();
        let submission = Submission {
            at: now,
            object: Uuid::nil(),
            sha256: "ab".into(),
            size: 3,
            repo_url: String::new(),
            base_sha: "abc1234".into(),
            document: "d.json".into(),
            diff_bytes: 7,
            n_files: 2,
        };
        redis.save_submission(&name, &submission, 0).await.unwrap();
        for score in [2, 5] {
            let given = NewScore { dimension: "clarity: \"ü\"".into(), score, notes: Some("so so".into()) };
            redis.save_scores(&name, Uuid::nil(), vec![given], now).await.unwrap();
        }
        if number >= 4 {
            let close = Close { ended_at: now, now, reason: "complete", overwrite: false };
            redis.close_session(&name, &close).await.unwrap();
            redis.finish_key(org, key.id, KeyEnd::Completed, now).await.unwrap();
            redis.mark_hired(org, key.id, Some(now)).await.unwrap();
        }
        redis.reindex_session(&name).await.unwrap();
    }
    org
}

/// What is due for what has come to its end: nothing will be done about it.
fn without_what_is_over(mut content: BTreeMap<String, Vec<String>>, over: &[String]) -> BTreeMap<String, Vec<String>> {
    for (_, values) in content.iter_mut().filter(|(name, _)| name.ends_with(":due")) {
        values.retain(|value| !over.iter().any(|id| value.contains(id)));
    }
    content.retain(|_, values| !values.is_empty());
    content
}

/// Fails with the first key that differs, and not with all of both.
#[track_caller]
#[tokio::test]
async fn an_organisation_is_restored_key_by_key_and_restoring_it_again_changes_nothing() {
    let (before, after) = (Store::start().await, Store::start().await);
    let org = fill(&before.redis).await;
    let (entities, _) = before.drain().await;
    let mut over = vec!["s-4".to_owned(), "s-5".to_owned()];
    over.extend(entities.values().filter(|change| change.fields.contains_key("completed")).map(|key| key.id.clone()));
    assert_eq!(over.len(), 4);

    after.redis.begin_rebuild().await.unwrap();
    // Interrupted in the middle, then from the beginning.
    let some: BTreeMap<_, _> = entities.clone().into_iter().take(entities.len() / 2).collect();
    after.restore_entities(&some).await;
    after.restore_entities(&entities).await;
    for session in ["s-2", "s-3", "s-4", "s-5"] {
        after.redis.reindex_session(&SessionRef::new(org, session.parse().unwrap())).await.unwrap();
    }
    after.redis.finish_rebuild().await.unwrap();
    let expected = without_what_is_over(before.content().await, &over);
    assert_same(&after.content().await, &expected);
    assert!(expected.len() > 64 + 40, "{}", expected.len());
    let all: Vec<Partition> = Partition::all().collect();
    assert!(after.redis.read_new(&all, 10).await.unwrap().is_empty(), "nothing is logged again");

    after.restore_entities(&entities).await;
    assert_same(&after.content().await, &expected);
    let external = after.redis.owner_of(Purpose::ExternalOrg, &SecretDigest::of("org_2x")).await.unwrap();
    assert_eq!(external.unwrap().org, org);
}

#[tokio::test]
async fn what_changed_meanwhile_is_newer_than_the_log_and_stays() {
    let store = Store::start().await;
    let org = fill(&store.redis).await;
    let (entities, _) = store.drain().await;
    let (_, key) = entities.iter().find(|((kind, _), key)| kind == "candidate_key" && key.version == 1).unwrap();
    store.redis.revoke_candidate_key(org, key.id.parse().unwrap(), now()).await.unwrap();
    let before = store.content().await;
    store.restore_entities(&entities).await;
    assert_same(&store.content().await, &before);
}

#[tokio::test]
async fn of_an_erased_session_nothing_is_restored() {
    let store = Store::start().await;
    fill(&store.redis).await;
    let (entities, _) = store.drain().await;
    let after = Store::start().await;
    let record = &entities[&("session".to_owned(), "s-3".to_owned())];
    let name = SessionRef::new(record.org, "s-3".parse().unwrap());
    after.redis.restore_tombstone(&name).await.unwrap();
    for kind in ["session", "submission", "uploads", "scores"] {
        let change = &entities[&(kind.to_owned(), "s-3".to_owned())];
        assert_eq!(after.redis.restore_entity(change).await.unwrap(), Restored::Erased);
    }
    let mut sums = after.redis.begin_sums(&name, None, now());
    sums.add(&[stored(&name, 1, "prompt", json!({}))]).await.unwrap();
    assert!(!sums.finish().await.unwrap());
    let content = after.content().await;
    let left: Vec<_> = content.keys().filter(|key| key.contains("s-3")).collect();
    assert_eq!(left, [&SessionKeys::of(&name).tombstone()]);

    let key = &entities[&("candidate_key".to_owned(), record.fields["key"].clone())];
    after.redis.restore_entity(key).await.unwrap();
    after.redis.forget_erased_session(&name, &record.fields).await.unwrap();
    let key = after.redis.candidate_key(name.org, key.id.parse().unwrap()).await.unwrap().unwrap();
    assert!(key.lost_its_session());
}

#[tokio::test]
async fn a_secret_that_somebody_else_has_is_not_taken_away_and_is_named() {
    let (before, after) = (Store::start().await, Store::start().await);
    let org = fill(&before.redis).await;
    let (entities, _) = before.drain().await;
    let (thief, _) = after.redis.create_org("Other", now()).await.unwrap();
    after.redis.name_org(thief, "org_2x").await.unwrap();
    let restored = after.redis.restore_entity(&entities[&("org".to_owned(), org.to_string())]).await.unwrap();
    assert_eq!(restored, Restored::Here { conflicts: vec![Purpose::ExternalOrg] });
    let owner = after.redis.owner_of(Purpose::ExternalOrg, &SecretDigest::of("org_2x")).await.unwrap();
    assert_eq!(owner.unwrap().org, thief);
}

#[tokio::test]
async fn a_key_notes_its_newest_tokens_that_still_count() {
    let store = Store::start().await;
    let org = fill(&store.redis).await;
    let keys = store.redis.page_candidate_keys(org, 1, 0).await.unwrap().0;
    let (id, partition) = (keys[0].id, Partition::of_org(org));
    let (key, id) = (OrgKeys::of(org).entity("candidate_key", id), id.to_string());
    let entity = Entity { org, kind: "candidate_key", id, key, partition };
    let tokens = async || {
        let fields = store.redis.read_entity(&entity).await.unwrap().unwrap();
        fields.get("tokens").map_or(0, |tokens| tokens.split(' ').count())
    };
    let before = tokens().await;
    let mut newest = String::new();
    for _ in 0..40 {
        newest = store.redis.issue_token(&keys[0], now().plus_millis(60_000), now()).await.unwrap();
    }
    assert!(before < 32);
    assert_eq!(tokens().await, 32);
    let later = now().plus_millis(60_001);
    store.redis.issue_token(&keys[0], later.plus_millis(60_000), later).await.unwrap();
    let expected = 1 + before;
    assert!(tokens().await <= expected, "the expired ones are gone");
    let owner = store.redis.owner_of(Purpose::Token, &SecretDigest::of(&newest)).await.unwrap();
    assert_eq!(owner.unwrap().id, keys[0].id);
}
