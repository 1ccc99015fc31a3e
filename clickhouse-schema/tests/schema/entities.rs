//! Everything is read back page by page: of each entity the newest state, of each session that it has events.

use clickhouse_schema::{EntityRow, LoggedSession};
use domain::OrgId;
use domain::testing::START_MILLIS;
use uuid::Uuid;

use crate::store::{ORG, OTHER_ORG, Store, at, logged, prompt};

fn entity(org: OrgId, kind: &str, id: &str, version: u64) -> EntityRow {
    let fields = vec![("v".to_owned(), version.to_string()), ("text".to_owned(), "\"ünïcode\"\n\t'\\".to_owned())];
    EntityRow { org, kind: kind.into(), id: id.into(), version, deleted: false, fields, written_at: at(7) }
}

async fn all_entities(store: &Store, org: OrgId, limit: usize) -> Vec<EntityRow> {
    let mut all: Vec<EntityRow> = Vec::new();
    loop {
        let after = all.last().map_or(("", ""), |last| (last.kind.as_str(), last.id.as_str()));
        let page = store.log.list_entities(org, after, limit).await.unwrap();
        assert!(page.len() <= limit);
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

#[tokio::test]
async fn the_newest_state_of_every_entity_comes_once_whatever_the_pages() {
    let store = Store::start().await;
    let newest: Vec<EntityRow> = [("assessment", "b", 3), ("candidate_key", "a", 2), ("candidate_key", "c", 1)]
        .into_iter()
        .chain([("session", "a", 1), ("session", "a:b", 1)])
        .map(|(kind, id, version)| entity(ORG, kind, id, version))
        .collect();
    // Newer states before older ones, in inserts of their own, so that nothing but their versions tells them apart.
    for row in &newest {
        for version in (1..=row.version).rev() {
            store.log.append_entities(&[entity(ORG, &row.kind, &row.id, version)]).await.unwrap();
        }
    }
    store.log.append_entities(&[entity(OTHER_ORG, "candidate_key", "b", 1)]).await.unwrap();
    for limit in [1, 2, 3, 100] {
        assert_eq!(all_entities(&store, ORG, limit).await, newest, "{limit}");
    }
    assert_eq!(all_entities(&store, OTHER_ORG, 9).await.len(), 1);
}

#[tokio::test]
async fn every_organisation_comes_once() {
    let store = Store::start().await;
    assert_eq!(store.log.list_orgs(None, 10).await.unwrap(), []);
    let mut orgs: Vec<OrgId> = (0..7).map(|_| OrgId::sample(Uuid::now_v7())).collect();
    for org in &orgs {
        let kinds = ["api_key", "org", "session"];
        store.log.append_entities(&kinds.map(|kind| entity(*org, kind, "x", 1))).await.unwrap();
    }
    let mut found: Vec<OrgId> = Vec::new();
    loop {
        let page = store.log.list_orgs(found.last().copied(), 3).await.unwrap();
        if page.is_empty() {
            break;
        }
        found.extend(page);
    }
    found.sort_unstable();
    orgs.sort_unstable();
    assert_eq!(found, orgs);
}

#[tokio::test]
async fn every_session_with_events_comes_once() {
    let store = Store::start().await;
    let names = ["a", "a-b", "b", "c:1"];
    for name in names {
        for part in [[prompt(name, 1), prompt(name, 2)], [prompt(name, 3), prompt(name, 4)]] {
            store.log.append_events(&logged(ORG, &part)).await.unwrap();
        }
    }
    store.log.append_events(&logged(OTHER_ORG, &[prompt("a1", 1)])).await.unwrap();
    let mut found: Vec<LoggedSession> = Vec::new();
    loop {
        let after = found.last().map(|last| last.session.clone());
        let page = store.log.list_logged_sessions(ORG, after.as_ref(), 3).await.unwrap();
        if page.is_empty() {
            break;
        }
        found.extend(page);
    }
    assert!(found.iter().all(|session| session.created_at == at(START_MILLIS)));
    assert_eq!(found.iter().map(|session| session.session.as_str()).collect::<Vec<_>>(), names);
}
