//! The tables of ClickHouse, from the command line.

use anyhow::ensure;
use clickhouse_schema::EventLog;

use crate::config::MigrateOptions;

/// Brings the tables up to date, or tells whether they are.
///
/// # Errors
/// When ClickHouse does not answer; with `--check` also when a migration is missing.
pub async fn run(options: &MigrateOptions) -> anyhow::Result<()> {
    let log = EventLog::new(&options.stores.clickhouse()?);
    if options.check {
        let missing = log.missing_migrations().await?;
        ensure!(missing.is_empty(), "missing: {}", missing.join(", "));
        println!("The tables are up to date.");
        return Ok(());
    }
    let applied = log.migrate().await?;
    println!("Migrations applied: {applied}. The tables are up to date.");
    Ok(())
}
