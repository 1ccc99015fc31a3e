//! Members, tickets of sign-ins and attempts to sign in, on a real Redis.
#![expect(clippy::unwrap_used, reason = "tests")]

use domain::{OrgId, Timestamp};
use futures_util::future::join_all;
use redis_scripts::{Attempt, Config, Holder, Issuer, Member, Redis, Scopes, SignIn, Standing, Ticket};
use uuid::Uuid;

static NOW: std::sync::LazyLock<Timestamp> = std::sync::LazyLock::new(|| Timestamp::from_millis(1_790_000_000_000));

async fn world() -> (test_support::Redis, Redis, [OrgId; 2]) {
    let server = test_support::Redis::start();
    let redis = Redis::new(&Config::new(server.url())).unwrap();
    let (one, _) = redis.create_org("Acme", *NOW).await.unwrap();
    let (other, _) = redis.create_org("Other", *NOW).await.unwrap();
    (server, redis, [one, other])
}

fn member(org: OrgId, email: &str) -> Member {
    Member {
        id: Uuid::now_v7(),
        org,
        email: email.to_owned(),
        scopes: Scopes { read: true, write: false },
        created_at: *NOW,
        created_by: None,
        last_sign_in_at: None,
    }
}

#[tokio::test]
async fn an_address_is_found_in_all_organisations_whatever_its_case_until_it_is_removed() {
    let (_server, redis, [one, other]) = world().await;
    let (wren, there) = (member(one, "Wren@Example.org"), member(other, "wren@example.org"));
    assert!(redis.create_member(&wren).await.unwrap() && redis.create_member(&there).await.unwrap());
    assert!(!redis.create_member(&member(one, "WREN@example.ORG")).await.unwrap());
    assert_eq!(redis.members_by_email(" wREN@example.org").await.unwrap(), [wren.clone(), there.clone()]);
    assert_eq!(redis.member(other, wren.id).await.unwrap(), None, "of another organisation");

    assert!(redis.change_member(one, wren.id, Scopes::ALL).await.unwrap());
    redis.touch_member(one, wren.id, NOW.plus_millis(5)).await.unwrap();
    let changed = Member { scopes: Scopes::ALL, last_sign_in_at: Some(NOW.plus_millis(5)), ..wren.clone() };
    assert_eq!(redis.list_members(one).await.unwrap(), [changed]);

    assert!(!redis.remove_member(other, wren.id, *NOW).await.unwrap());
    assert!(redis.remove_member(one, wren.id, *NOW).await.unwrap());
    assert!(!redis.remove_member(one, wren.id, *NOW).await.unwrap());
    assert!(!redis.change_member(one, wren.id, Scopes::ALL).await.unwrap());
    assert_eq!(redis.members_by_email("wren@example.org").await.unwrap(), [there]);
    assert_eq!(redis.list_members(one).await.unwrap(), []);
    let again = member(one, "wren@example.org");
    assert!(redis.create_member(&again).await.unwrap());
    assert_eq!(redis.members_by_email("wren@example.org").await.unwrap().len(), 2);
}

/// Whatever order it comes to: who is in the list is found by address, and nobody is there twice.
#[tokio::test]
async fn adding_and_removing_at_once_leaves_no_member_that_cannot_be_found() {
    let (_server, redis, [org, _]) = world().await;
    for _ in 0..20 {
        let before = member(org, "wren@example.org");
        redis.create_member(&before).await.unwrap();
        let added = join_all((0..4).map(|_| async {
            redis.create_member(&member(org, "Wren@example.org")).await.unwrap();
            false
        }));
        let removed = join_all((0..2).map(|_| async { redis.remove_member(org, before.id, *NOW).await.unwrap() }));
        let (_, removed) = futures_util::future::join(added, removed).await;
        assert_eq!(removed.iter().filter(|removed| **removed).count(), 1);
        let listed = redis.list_members(org).await.unwrap();
        assert!(listed.len() <= 1, "{listed:?}");
        assert_eq!(redis.members_by_email("wren@example.org").await.unwrap(), listed);
        for left in listed {
            redis.remove_member(org, left.id, *NOW).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_sign_in_is_changed_as_long_as_it_lasts_and_its_tickets_name_it() {
    let (_server, redis, [one, other]) = world().await;
    let later_ms = i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap() + 60_000;
    let standing = |org, holder| Standing { org, holder };
    let mine = standing(one, Holder::Member(Uuid::now_v7()));
    let mut sign_in = SignIn { standings: vec![mine], expires_at: Timestamp::from_millis(later_ms) };
    let secret = redis.begin_sign_in(&sign_in).await.unwrap();
    let digest = redis.digest(&secret);
    assert_eq!(redis.sign_in(&digest).await.unwrap(), Some(sign_in.clone()));
    sign_in.standings.push(standing(other, Holder::ApiKey(Uuid::now_v7())));
    assert!(redis.change_sign_in(&digest, &sign_in).await.unwrap());
    assert_eq!(redis.sign_in(&digest).await.unwrap(), Some(sign_in.clone()));

    let ticket = Ticket { org: one, issuer: Issuer::SignedIn { holder: mine.holder, sign_in: digest.clone() } };
    let shown = redis.issue_ticket(&ticket).await.unwrap();
    assert_eq!(redis.take_ticket(&shown).await.unwrap(), Some(ticket));
    assert_eq!(redis.take_ticket(&shown).await.unwrap(), None);

    redis.end_sign_in(&digest).await.unwrap();
    assert!(!redis.change_sign_in(&digest, &sign_in).await.unwrap(), "what has ended does not come back");
    assert_eq!(redis.sign_in(&digest).await.unwrap(), None);
}

#[tokio::test]
async fn an_attempt_is_taken_once() {
    let (_server, redis, _) = world().await;
    let browser = "b".repeat(64);
    let attempt = Attempt {
        browser: redis.digest(&browser).as_str().to_owned(),
        nonce: "n".into(),
        verifier: "v".into(),
        next: "/".into(),
        before: None,
    };
    let state = redis.begin_attempt(&attempt).await.unwrap();
    let taken = join_all((0..20).map(|_| redis.take_attempt(&state))).await;
    let taken: Vec<_> = taken.into_iter().filter_map(|taken| taken.unwrap()).collect();
    assert_eq!(taken, std::slice::from_ref(&attempt));
    assert!(redis.has_digest(&browser, &taken[0].browser) && !redis.has_digest("x", &taken[0].browser));
}
