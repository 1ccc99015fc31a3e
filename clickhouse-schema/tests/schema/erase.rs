//! Erasing a session leaves no row of it, and every row of others.

use clickhouse_schema::{EntityRow, ResultContext};
use domain::{OrgId, SessionRef};
use uuid::Uuid;

use crate::store::{ORG, OTHER_ORG, Store, at, letter, logged, prompt, session};

fn entity(org: OrgId, kind: &str, id: &str) -> EntityRow {
    let fields = vec![("v".to_owned(), "1".to_owned())];
    EntityRow { org, kind: kind.into(), id: id.into(), version: 1, deleted: false, fields, written_at: at(1) }
}

async fn fill(store: &Store, org: OrgId, id: &str) {
    let name = SessionRef::new(org, id.parse().unwrap());
    store.log.append_events(&logged(org, &[prompt(id, 1), prompt(id, 2)])).await.unwrap();
    store.log.append_dead_letters(&[letter(org, id, b"{}")]).await.unwrap();
    let kinds = ["session", "submission", "uploads", "scores", "tombstone", "assessment"];
    store.log.append_entities(&kinds.map(|kind| entity(org, kind, id))).await.unwrap();
    let context = ResultContext {
        assessment: Some(Uuid::nil()),
        candidate_key: None,
        created_at: at(1),
        ended_at: Some(at(2)),
        derived_at: at(3),
        version: 1,
    };
    store.log.derive_results(&name, &context).await.unwrap();
}

#[tokio::test]
async fn an_erased_session_leaves_its_tombstone_and_others_lose_nothing() {
    let store = Store::start().await;
    let kept = [(ORG, "other"), (OTHER_ORG, "gone"), (ORG, "gone-not")];
    for (org, id) in [(ORG, "gone")].into_iter().chain(kept) {
        fill(&store, org, id).await;
    }
    let rows = async |table: &str, org: OrgId, column: &str, id: &str| {
        let org = org.uuid();
        store.number(&format!("SELECT count() FROM {table} WHERE org_id = '{org}' AND {column} = '{id}'")).await
    };
    store.log.erase_session(&session("gone")).await.unwrap();
    store.log.erase_session(&session("gone")).await.unwrap();
    for table in ["events", "session_results", "dead_letters"] {
        assert_eq!(rows(table, ORG, "session_id", "gone").await, 0, "{table}");
        for (org, id) in kept {
            let expected = if table == "events" { 2 } else { 1 };
            assert_eq!(rows(table, org, "session_id", id).await, expected, "{table} {id}");
        }
    }
    assert_eq!(rows("entities", ORG, "id", "gone").await, 2, "its tombstone, and what is no session's");
    for (org, id) in kept {
        assert_eq!(rows("entities", org, "id", id).await, 6, "{id}");
    }
    // Not only hidden: what the active parts hold is what can be read.
    let held = "SELECT sum(rows) FROM system.parts WHERE active AND database = currentDatabase() AND table = 'events'";
    assert_eq!(store.number(held).await, store.number("SELECT count() FROM events").await);
    let masked = "SELECT countIf(has_lightweight_delete) FROM system.parts WHERE active";
    assert_eq!(store.number(masked).await, 0);
}
