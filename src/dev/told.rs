//! `dev.json`: what is told to other programs while everything runs, and kept true.

use std::path::PathBuf;

use futures_util::future::select_all;
use tokio::sync::watch;

use super::child::Condition;
use super::files::{self, Credentials, DevFile, Pids};
use super::stores::Stores;

/// Children by name, and how they are.
pub(super) type Conditions = Vec<(&'static str, watch::Receiver<Condition>)>;

/// What is to be told.
pub(super) fn file(url: String, demo: Credentials, stores: &Stores, conditions: &Conditions) -> DevFile {
    let mut file = DevFile {
        url,
        org_id: demo.org_id,
        api_key: demo.api_key,
        redis_url: stores.redis.urls.join(","),
        clickhouse_url: with_credentials(&stores.clickhouse),
        pids: Pids { server: std::process::id(), children: Default::default() },
    };
    note(&mut file, conditions);
    file
}

fn note(file: &mut DevFile, conditions: &Conditions) {
    let now = conditions.iter().map(|(name, condition)| ((*name).to_owned(), condition.borrow().pid));
    file.pids.children = now.collect();
}

fn with_credentials(clickhouse: &clickhouse_schema::Config) -> String {
    let address = clickhouse.url.trim_start_matches("http://");
    format!("http://{}:{}@{address}/?database={}", clickhouse.user, clickhouse.password, clickhouse.database)
}

/// Writes the file again whenever a child has another process id.
pub(super) async fn keep_up_to_date(path: PathBuf, mut file: DevFile, mut conditions: Conditions) {
    loop {
        let changes = conditions.iter_mut().map(|(_, condition)| Box::pin(condition.changed()));
        if select_all(changes).await.0.is_err() {
            return;
        }
        note(&mut file, &conditions);
        if let Err(error) = files::write(&path, &file) {
            tracing::error!(error = format!("{error:#}"), "dev.json is out of date");
        }
    }
}
