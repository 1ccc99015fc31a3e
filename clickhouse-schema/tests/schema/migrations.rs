use std::time::Duration;

use clickhouse_schema::{Config, Error, EventLog};

use crate::store::Store;

/// How many migrations there are.
const N_MIGRATIONS: usize = 6;

#[tokio::test]
async fn migrating_again_changes_nothing_and_a_changed_migration_is_refused() {
    let store = Store::start().await;
    assert_eq!(store.log.migrate().await.unwrap(), 0);

    let durable = EventLog::new(&Config { durable_inserts: true, ..store.config.clone() });
    assert_eq!(durable.migrate().await.unwrap(), 0);
    let undurable = "SELECT count() FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree' \
         AND (create_table_query NOT LIKE '%fsync_after_insert = 1%' \
         OR create_table_query NOT LIKE '%min_rows_to_fsync_after_merge = 1%' \
         OR create_table_query NOT LIKE '%enable_clear_old_broken_detached = 1%')";
    assert_eq!(store.number(undurable).await, 0);

    // A database of another name is another world.
    let other = EventLog::new(&Config { database: "an-other `name`".to_owned(), ..store.config.clone() });
    assert_eq!(other.missing_migrations().await.unwrap().len(), N_MIGRATIONS);
    assert_eq!(other.migrate().await.unwrap(), N_MIGRATIONS);
    assert!(other.missing_migrations().await.unwrap().is_empty());

    // Two nodes that start at the same time.
    let twins = Config { database: "twins".to_owned(), ..store.config.clone() };
    let (one, other) = (EventLog::new(&twins), EventLog::new(&twins));
    let (one, other) = tokio::join!(one.migrate(), other.migrate());
    assert!((1..=N_MIGRATIONS).contains(&one.unwrap()) && other.unwrap() <= N_MIGRATIONS);
    let twins = EventLog::new(&twins);
    assert_eq!(twins.migrate().await.unwrap(), 0);

    // A migration that failed half way is taken up again.
    store.run("ALTER TABLE schema_migrations DELETE WHERE number >= 3 SETTINGS mutations_sync = 2").await;
    assert_eq!(store.log.migrate().await.unwrap(), N_MIGRATIONS - 2);

    store.run("ALTER TABLE schema_migrations UPDATE checksum = 'x' WHERE number = 2 SETTINGS mutations_sync = 2").await;
    let error = store.log.migrate().await.unwrap_err();
    assert!(matches!(&error, Error::Drifted(name) if name == "0002_create_entities"), "{error}");
}

/// To write a definition anew on a full disk may lose it, so a start must not do so without a reason.
#[tokio::test]
async fn a_table_whose_settings_are_right_is_not_altered() {
    let store = Store::start().await;
    let written =
        "SELECT toUInt64(max(metadata_modification_time)) FROM system.tables WHERE database = currentDatabase()";
    let before = store.number(written).await;
    // It counts in seconds.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(store.log.migrate().await.unwrap(), 0);
    assert_eq!(store.number(written).await, before);
    store.run("ALTER TABLE events MODIFY SETTING fsync_part_directory = 1").await;
    assert_ne!(store.number(written).await, before);
    store.log.migrate().await.unwrap();
    let right = "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'events' \
                 AND engine_full LIKE '%fsync_part_directory = 0%'";
    assert_eq!(store.number(right).await, 1);
}
