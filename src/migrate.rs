//! The tables of ClickHouse, from the command line.

use clickhouse_schema::EventLog;

use crate::config::MigrateOptions;

/// Brings the tables up to date, or tells whether they are.
///
/// # Errors
/// When ClickHouse does not answer; with `--check` also when a migration is missing.
pub async fn run(options: &MigrateOptions) -> anyhow::Result<()> {
    let log = EventLog::new(&options.stores.clickhouse()?);
    let applied = log.migrate().await?;
    println!("{applied} migrations applied; the tables are up to date.");
    Ok(())
}
