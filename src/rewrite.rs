//! `promptster-server rewrite-log`: what the streams of Redis still hold, into a ClickHouse that may lack it.

use crate::{config::RewriteOptions, org};

/// Asks the nodes for it, those that run and those that will.
///
/// # Errors
/// When Redis does not answer.
pub async fn run(options: &RewriteOptions) -> anyhow::Result<()> {
    let n_entries = actors::rewrite_log(&org::redis(&options.store)?).await?;
    println!("Commits that the nodes write once more: {n_entries}. Until then timelines take them from Redis.");
    println!("`promptster_backlog_entries` in the metrics of a node says how many are left.");
    Ok(())
}
