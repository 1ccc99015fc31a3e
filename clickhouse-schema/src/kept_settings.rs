//! The settings of tables that are there already. A table whose settings are right is left alone: to alter one writes its
//! definition anew, and an engine whose disk is full may answer that it did and leave the file empty, with which the table
//! is gone (ClickHouse 26.7; found by `loadtest chaos`).

use crate::{
    Error, EventLog, event_log,
    migrations::{STATEMENT_TIMEOUT, TABLES, kept_settings, render, statements},
};

/// With less room than this on a disk, no definition is written: as much as the embedded engine leaves for itself.
const ROOM: u64 = 64 << 20;

impl EventLog {
    /// Brings the settings of all tables to what they are to be.
    ///
    /// # Errors
    /// When the server does not answer or refuses, or has too little room to change any safely.
    pub(crate) async fn keep_settings(&self) -> Result<(), Error> {
        let query = self.server.query_raw(include_str!("../queries/list_table_settings.sql"));
        let found: Vec<(String, String)> = event_log::all(query.param("database", &self.config.database)).await?;
        let wanted = kept_settings(&self.config);
        let is_right = |table: &str| {
            let settings = found.iter().find(|(name, _)| name == table).map(|(_, engine)| engine);
            settings.is_some_and(|engine| wanted.split(", ").all(|setting| has(engine, setting)))
        };
        let wrong: Vec<&str> = TABLES.iter().copied().filter(|table| !is_right(table)).collect();
        if !wrong.is_empty() {
            self.has_room().await?;
        }
        for table in wrong {
            let sql = include_str!("../queries/set_table_settings.sql").replace("{table}", table);
            for statement in statements(&render(&sql, &self.config)) {
                event_log::execute(self.server.query_raw(&statement), STATEMENT_TIMEOUT).await?;
            }
        }
        Ok(())
    }

    /// Whether there is room to write a definition. Who may not ask is not held up.
    async fn has_room(&self) -> Result<(), Error> {
        let asked = event_log::optional(self.server.query_raw(include_str!("../queries/find_free_space.sql"))).await;
        let free: u64 = match asked {
            Ok(free) => free.unwrap_or(u64::MAX),
            Err(Error::Refused { .. }) => u64::MAX,
            Err(error) => return Err(error),
        };
        if free >= ROOM {
            return Ok(());
        }
        Err(Error::Unavailable(format!("{free} bytes are free on a disk of ClickHouse: no table is altered there")))
    }
}

/// Whether a setting is among those of a table's definition, where they end with a comma or the end.
fn has(engine: &str, setting: &str) -> bool {
    engine.split_once("SETTINGS ").is_some_and(|(_, settings)| settings.split(", ").any(|one| one.trim() == setting))
}

#[cfg(test)]
mod tests {
    use super::has;

    #[test]
    fn a_setting_is_found_whole() {
        let engine = "ReplacingMergeTree(v) ORDER BY a SETTINGS index_granularity = 1024, fsync_after_insert = 1";
        assert!(has(engine, "fsync_after_insert = 1") && has(engine, "index_granularity = 1024"));
        assert!(!has(engine, "index_granularity = 102") && !has(engine, "fsync_after_insert = 0"));
        assert!(!has("ReplacingMergeTree(v) ORDER BY a", "a"));
    }
}
