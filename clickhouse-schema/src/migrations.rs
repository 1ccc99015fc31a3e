//! The migrations: numbered files, rendered for a single server or a cluster from one source, applied once each.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use chrono::Utc;
use clickhouse::Row;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::{Config, Error, EventLog, event_log};

/// One numbered file.
#[derive(Debug, Clone, Copy)]
struct Migration {
    number: u32,
    name: &'static str,
    sql: &'static str,
}

macro_rules! migrations {
    ($($number:literal $name:literal),+ $(,)?) => {
        &[$(Migration { number: $number, name: $name, sql: include_str!(concat!("../migrations/", $name, ".sql")) }),+]
    };
}

/// All migrations in order. A file that was ever released is never changed: a change is a new file.
const MIGRATIONS: &[Migration] = migrations![
    1 "0001_create_events",
    2 "0002_create_entities",
    3 "0003_create_session_results",
    4 "0004_create_dead_letters",
    5 "0005_extend_dead_letters",
    6 "0006_create_artifacts",
];

/// All tables that hold rows.
pub(crate) const TABLES: &[&str] =
    &["events", "entities", "session_results", "artifacts", "dead_letters", "schema_migrations"];

/// `ON CLUSTER` waits for every replica.
pub(crate) const STATEMENT_TIMEOUT: Duration = Duration::from_secs(190);

#[derive(Row, Deserialize)]
struct Applied {
    number: u32,
    checksum: String,
}

impl EventLog {
    /// Creates the database and applies the migrations that are missing; tells how many. Repeatable, also by several
    /// nodes at once: every statement is.
    ///
    /// # Errors
    /// When the server does not answer or refuses, or when a migration that was applied differs from the one here.
    pub async fn migrate(&self) -> Result<usize, Error> {
        let run = async |sql: &str| {
            for statement in statements(&render(sql, &self.config)) {
                event_log::execute(self.server.query_raw(&statement), STATEMENT_TIMEOUT).await?;
            }
            Ok::<(), Error>(())
        };
        run(include_str!("../queries/create_database.sql")).await?;
        run(include_str!("../queries/create_migrations.sql")).await?;
        let query = self.question(include_str!("../queries/list_migrations.sql"));
        let applied: Vec<Applied> = event_log::all(query).await?;
        let missing = missing(MIGRATIONS, &applied)?;
        for migration in &missing {
            run(migration.sql).await?;
            self.record(migration).await?;
        }
        self.keep_settings().await?;
        self.client.clear_cached_metadata().await;
        Ok(missing.len())
    }

    /// Names the migrations that were not applied yet, and changes nothing.
    ///
    /// # Errors
    /// As of [`Self::migrate`].
    pub async fn missing_migrations(&self) -> Result<Vec<&'static str>, Error> {
        let query = self.question(include_str!("../queries/list_migrations.sql"));
        let applied = match event_log::all(query).await {
            // UNKNOWN_TABLE and UNKNOWN_DATABASE: nothing was ever applied.
            Err(Error::Refused { code: 60 | 81, .. }) => Vec::new(),
            applied => applied?,
        };
        Ok(missing(MIGRATIONS, &applied)?.iter().map(|migration| migration.name).collect())
    }

    async fn record(&self, migration: &Migration) -> Result<(), Error> {
        let query = self
            .question(include_str!("../queries/record_migration.sql"))
            .param("number", migration.number)
            .param("name", migration.name)
            .param("checksum", checksum(migration.sql))
            .param("applied_ms", Utc::now().timestamp_millis())
            .with_setting("async_insert", "0");
        event_log::execute(query, STATEMENT_TIMEOUT).await
    }
}

/// Those that were not applied yet.
fn missing(all: &[Migration], applied: &[Applied]) -> Result<Vec<Migration>, Error> {
    let applied: BTreeMap<u32, &str> = applied.iter().map(|row| (row.number, row.checksum.as_str())).collect();
    let mut missing = Vec::new();
    for migration in all {
        match applied.get(&migration.number) {
            None => missing.push(*migration),
            Some(known) if *known == checksum(migration.sql) => {}
            Some(_) => return Err(Error::Drifted(migration.name.to_owned())),
        }
    }
    Ok(missing)
}

fn checksum(sql: &str) -> String {
    Sha256::digest(sql.as_bytes()).iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a string does not fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Parts that were set aside as damaged stay for a day, for people to look at: they may hold what was erased meanwhile.
const CLEANUP: &str = "merge_tree_enable_clear_old_broken_detached = 1, \
                       merge_tree_clear_old_broken_detached_parts_ttl_timeout_seconds = 86400";

/// Fills in what differs between a single server and a cluster.
pub(crate) fn render(sql: &str, config: &Config) -> String {
    let on_cluster = config.cluster.as_deref().map(|name| format!("ON CLUSTER {}", identifier(name)));
    let window = match config.cluster {
        Some(_) => "replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800",
        None => "non_replicated_deduplication_window = 10000",
    };
    let settings = kept_settings(config);
    sql.replace("{database}", &identifier(&config.database))
        .replace("{on_cluster}", &on_cluster.unwrap_or_default())
        .replace("{engine_prefix}", if config.cluster.is_some() { "Replicated" } else { "" })
        .replace("{table_settings}", &format!("{window}, {settings}"))
        .replace("{kept_settings}", &settings)
}

/// The settings that tables have even if they were made with others.
pub(crate) fn kept_settings(config: &Config) -> String {
    let durability = u8::from(config.durable_inserts);
    // Merges and mutations too: the stream has long let go of what they write anew.
    format!(
        "fsync_after_insert = {durability}, fsync_part_directory = {durability}, \
         min_rows_to_fsync_after_merge = {durability}, min_compressed_bytes_to_fsync_after_merge = {durability}, \
         min_compressed_bytes_to_fsync_after_fetch = {durability}, {CLEANUP}"
    )
}

/// A name as statements have it.
pub(crate) fn identifier(name: &str) -> String {
    format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`"))
}

/// The statements of a file: each ends with a semicolon at the end of a line.
pub(crate) fn statements(sql: &str) -> Vec<String> {
    sql.split(";\n").map(str::trim).filter(|statement| !statement.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_migration_renders_for_one_server_and_for_a_cluster() {
        let single = Config { database: "a`b".to_owned(), ..Config::default() };
        let cluster = Config { cluster: Some("main".to_owned()), ..Config::default() };
        for migration in MIGRATIONS {
            for statement in statements(&render(migration.sql, &single)) {
                assert!(statement.contains("IF NOT EXISTS") && statement.contains("`a\\`b`."), "{statement}");
                assert!(!statement.contains("ON CLUSTER") && !statement.contains("Replicated"), "{statement}");
                assert!(!statement.contains(['{', '}', ';']), "{statement}");
            }
            for statement in statements(&render(migration.sql, &cluster)) {
                assert!(statement.contains("ON CLUSTER `main`"), "{statement}");
                let creates_table = statement.contains("CREATE TABLE");
                assert_eq!(creates_table, statement.contains("ENGINE = ReplicatedReplacingMergeTree"), "{statement}");
                assert_eq!(
                    creates_table,
                    statement.contains(" replicated_deduplication_window = 10000"),
                    "{statement}"
                );
                assert!(!statement.contains(['{', '}', ';']), "{statement}");
            }
        }
    }

    #[test]
    fn durability_is_said_by_every_table() {
        for durable_inserts in [true, false] {
            let config = Config { durable_inserts, ..Config::default() };
            let rendered = MIGRATIONS.iter().map(|migration| render(migration.sql, &config)).collect::<String>();
            for setting in ["fsync_after_insert", "min_rows_to_fsync_after_merge"] {
                let said = format!("{setting} = {}", u8::from(durable_inserts));
                assert_eq!(rendered.matches("CREATE TABLE").count(), rendered.matches(&said).count());
            }
        }
    }

    #[test]
    fn numbers_ascend_and_names_begin_with_them() {
        for (index, migration) in MIGRATIONS.iter().enumerate() {
            assert_eq!(usize::try_from(migration.number), Ok(index + 1));
            assert!(migration.name.starts_with(&format!("{:04}_", migration.number)), "{}", migration.name);
        }
    }

    #[test]
    fn a_changed_migration_is_refused_and_an_unknown_one_is_left_alone() {
        let row = |number, sql: &str| Applied { number, checksum: checksum(sql) };
        let all: Vec<Applied> = MIGRATIONS.iter().map(|migration| row(migration.number, migration.sql)).collect();
        assert_eq!(missing(MIGRATIONS, &[]).unwrap().len(), MIGRATIONS.len());
        assert_eq!(missing(MIGRATIONS, &all[..2]).unwrap().len(), MIGRATIONS.len() - 2);
        assert!(missing(MIGRATIONS, &[row(1, "something else")]).is_err());
        let newer = [row(9_999, "of a newer version")];
        assert_eq!(missing(MIGRATIONS, &newer).unwrap().len(), MIGRATIONS.len());
    }
}
