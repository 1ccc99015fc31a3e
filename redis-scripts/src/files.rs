//! What was erased leaves the files of Redis as well. A key or an entry that is removed stays in the append-only file, as
//! the command that wrote it, until Redis rewrites the file; so every removal leaves a mark, and whoever finds marks has
//! the file rewritten.

use std::{collections::BTreeMap, time::Duration};

use futures_util::future::try_join_all;
use tokio::time::{Instant, sleep};

use crate::{Error, Redis, keys::Partition, scripts};

/// How often it is asked whether a rewrite has ended.
const ASK_EVERY: Duration = Duration::from_millis(200);

/// A partition of which something was removed, and the mark of that.
type Marked = (Partition, String);

/// What a server says of its append-only file.
struct File {
    /// Another one each time the server starts.
    run: String,
    is_kept: bool,
    is_rewritten: bool,
    ended_well: bool,
}

impl Redis {
    /// Has the append-only file of every server rewritten from whose partitions something was removed, and waits for it,
    /// at most so long; answers how many files were. What is being rewritten already, or does not end in time, is for
    /// the next call.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer; the marks stay.
    pub async fn rewrite_files(&self, patience: Duration) -> Result<usize, Error> {
        let mut servers: BTreeMap<String, Vec<Marked>> = BTreeMap::new();
        for marked in self.removals().await? {
            servers.entry(self.file(marked.0).await?.run).or_default().push(marked);
        }
        let mut rewritten = 0;
        for marked in servers.into_values() {
            if let Some((partition, _)) = marked.first()
                && self.rewrite_file(*partition, patience).await?
            {
                rewritten += 1;
                for (partition, mark) in marked {
                    let mut forget = scripts::forget_removal().prepare_invoke();
                    let mut connection = self.connection(partition).await?;
                    let _: i64 = forget.key(partition.removal()).arg(mark).invoke_async(&mut connection).await?;
                }
            }
        }
        Ok(rewritten)
    }

    /// Whether an entry leaves the memory of Redis, and so its next file, when it is removed. Redis packs entries of a
    /// stream together, and keeps the bytes of those that are removed until all of the pack are. `None` when Redis does
    /// not say how it packs.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn lets_go_of_entries(&self) -> Result<Option<bool>, Error> {
        let asked = self.ask_each_server(async |mut connection| {
            let mut ask = redis::cmd("CONFIG");
            ask.arg("GET").arg("stream-node-max-entries");
            Ok(ask.query_async::<Vec<String>>(&mut connection).await?)
        });
        match asked.await {
            Ok(told) => Ok(Some(told.iter().all(|told| told.get(1).is_some_and(|entries| entries == "1")))),
            Err(Error::Refused(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn removals(&self) -> Result<Vec<Marked>, Error> {
        let connections = self.connections(Partition::all()).await;
        let marks = try_join_all(Partition::all().map(|partition| {
            let connection = connections.to(partition);
            async move {
                let mark: Option<String> =
                    redis::cmd("GET").arg(partition.removal()).query_async(&mut connection?).await?;
                Ok::<_, Error>(mark.map(|mark| (partition, mark)))
            }
        }));
        Ok(marks.await?.into_iter().flatten().collect())
    }

    /// Whether the file of the partition's server was begun anew after this was called.
    async fn rewrite_file(&self, partition: Partition, patience: Duration) -> Result<bool, Error> {
        let before = self.file(partition).await?;
        if !before.is_kept {
            return Ok(true);
        }
        if before.is_rewritten {
            return Ok(false);
        }
        let mut connection = self.connection(partition).await?;
        let _: String = redis::cmd("BGREWRITEAOF").query_async(&mut connection).await?;
        let until = Instant::now() + patience;
        loop {
            sleep(ASK_EVERY).await;
            let file = self.file(partition).await?;
            if file.run != before.run || (file.is_rewritten && Instant::now() >= until) {
                // Of a server that began anew nobody knows how its rewrite ended.
                return Ok(false);
            }
            if !file.is_rewritten {
                return Ok(file.ended_well);
            }
        }
    }

    async fn file(&self, partition: Partition) -> Result<File, Error> {
        let mut connection = self.connection(partition).await?;
        let told: String = redis::cmd("INFO").query_async(&mut connection).await?;
        let value = |name: &str| {
            let line = told.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.map(str::trim).ok_or_else(|| Error::corrupt(format!("no {name}")))
        };
        let is_begun = value("aof_rewrite_in_progress")? == "1" || value("aof_rewrite_scheduled")? == "1";
        Ok(File {
            run: value("run_id")?.to_owned(),
            is_kept: value("aof_enabled")? == "1",
            is_rewritten: is_begun,
            ended_well: value("aof_last_bgrewrite_status")? == "ok",
        })
    }
}
