//! The rollouts that Codex writes while it works in the workspace. Its hooks are skipped silently until somebody trusts
//! them, and tell no exit codes; the rollout has everything.

mod read;

use super::follow::Follow;
use crate::envelope::Draft;
use chrono::{DateTime, Utc};
use read::Reading;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

/// After so long without a new line the last answer is told without its tokens.
const QUIET: Duration = Duration::from_secs(10);

/// All rollouts of a workspace.
#[derive(Debug)]
pub(super) struct Rollouts {
    root: PathBuf,
    since: DateTime<Utc>,
    files: HashMap<PathBuf, Rollout>,
}

#[derive(Debug)]
struct Rollout {
    follow: Follow,
    reading: Reading,
    heard_at: Instant,
}

impl Rollouts {
    /// Those of sessions below `root`; what was written before `since` is nobody's business.
    pub(super) fn of(root: &Path, since: DateTime<Utc>) -> Self {
        Self { root: root.to_owned(), since, files: HashMap::new() }
    }

    /// What is new; `all` waits for nothing.
    pub(super) fn news(&mut self, all: bool) -> Vec<Draft> {
        for path in self.found() {
            let begin = || Rollout {
                follow: Follow::of(&path),
                reading: Reading::of(&self.root, self.since),
                heard_at: Instant::now(),
            };
            self.files.entry(path.clone()).or_insert_with(begin);
        }
        let mut drafts = Vec::new();
        for rollout in self.files.values_mut() {
            let Ok(news) = rollout.follow.news() else { continue };
            if news.is_other {
                rollout.reading = Reading::of(&self.root, self.since);
            }
            if !news.lines.is_empty() {
                rollout.heard_at = Instant::now();
            }
            for (_, line) in news.lines {
                rollout.reading.add(&line, &mut drafts);
            }
            if all || rollout.heard_at.elapsed() >= QUIET {
                rollout.reading.finish(&mut drafts);
            }
        }
        drafts.sort_by_key(|draft| draft.ts);
        drafts
    }

    fn found(&self) -> Vec<PathBuf> {
        let home = std::env::var_os("CODEX_HOME").map(PathBuf::from);
        let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".codex")));
        let Some(sessions) = home.map(|home| home.join("sessions")) else { return Vec::new() };
        let since = SystemTime::from(self.since);
        let is_recent =
            |path: &PathBuf| fs::metadata(path).and_then(|file| file.modified()).is_ok_and(|at| at >= since);
        let mut folders = vec![sessions];
        // By year, month and day; a rollout of yesterday may go on today.
        for _ in 0..3 {
            folders = folders.iter().flat_map(|folder| entries(folder)).filter(|path| path.is_dir()).collect();
        }
        let files = folders.iter().flat_map(|folder| entries(folder));
        files.filter(|path| path.extension().is_some_and(|end| end == "jsonl") && is_recent(path)).collect()
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).map(|entries| entries.flatten().map(|entry| entry.path()).collect()).unwrap_or_default()
}
