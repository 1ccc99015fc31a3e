//! Edits made by hand: files of the repository that changed without any tool having told of it.
//!
//! A change is looked at when the file has come to rest, so that the hooks of whoever made it have had their time. What a
//! coding tool told of is taken as known; what changed while one of its commands ran is probably its own; the rest is the
//! person's. What git itself brought in (checkout, merge, stash) is nobody's edit.

use crate::envelope::{Author, Draft, Source};
use crate::git;
use crate::redact::ignore::Ignored;
use crate::sign::hex;
use crate::transcript::tools::filled;
use crate::transcript::{Change, change_of};
use crate::trouble::Trouble;
use crate::workspace::{FOLDER, Session, Workspace, write_whole};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(3);
/// A file has come to rest when it was not written for this long, in milliseconds.
const REST_MS: i64 = 4_000;
/// Longest file whose text is compared, in bytes.
const FILE_BYTES: u64 = 512 * 1024;
/// Most files that are watched.
const FILES: usize = 20_000;
/// What is known of the files, in the workspace's state.
const KNOWN: &str = "edits.json";

/// The files of a repository.
pub(super) struct Edits {
    workspace: Workspace,
    session: Session,
    known: Known,
    /// Paths of which a tool has told since they were looked at.
    told: HashSet<String>,
    /// Paths that a tool has ever changed.
    ledger: HashSet<String>,
    /// When commands of tools ran.
    commands: Vec<(DateTime<Utc>, DateTime<Utc>)>,
    looked_at: Option<Instant>,
    /// What was told until then was heard by an earlier life of the process.
    heard_until: DateTime<Utc>,
}

/// What is known of the files, kept over the death of the process.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Known {
    head: String,
    /// When this was written down.
    at: DateTime<Utc>,
    files: BTreeMap<String, Stamp>,
}

/// How a file was when it was looked at; its text, where it is not the committed one, is kept beside.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    modified_ns: i64,
    size: u64,
}

impl Edits {
    /// Watches the repository of a workspace; `None` where there is none.
    pub(super) fn of(workspace: &Workspace, session: &Session) -> Result<Option<Self>, Trouble> {
        if session.base_sha.is_empty() {
            return Ok(None);
        }
        let known: Known = workspace.kept(KNOWN).unwrap_or_default();
        let mut edits = Self {
            workspace: workspace.clone(),
            session: session.clone(),
            heard_until: known.at,
            known,
            told: HashSet::new(),
            ledger: HashSet::new(),
            commands: Vec::new(),
            looked_at: None,
        };
        if edits.known.head.is_empty() {
            edits.known.head = git::head(workspace.root()).unwrap_or_default();
            // How it was in the beginning is not an edit.
            for (path, stamp) in edits.stamps() {
                edits.remember(&path, stamp)?;
            }
            edits.keep()?;
        }
        Ok(Some(edits))
    }

    /// Takes in what a tool told.
    pub(super) fn record(&mut self, record: &str) {
        let Ok(event) = serde_json::from_str::<Value>(record) else { return };
        let word = |path: &str| event.pointer(path).and_then(Value::as_str).unwrap_or_default();
        if word("/source/integration") == Source::FILES.integration() {
            return;
        }
        match word("/kind") {
            "file_diff" | "file_create" | "file_delete" => {
                let ts: Option<DateTime<Utc>> = word("/ts").parse().ok();
                if ts.is_none_or(|ts| ts > self.heard_until) {
                    self.told.insert(word("/data/path").to_owned());
                }
                self.ledger.insert(word("/data/path").to_owned());
            }
            "command" if word("/actor/type") == "ai" => {
                let Ok(end) = word("/ts").parse::<DateTime<Utc>>() else { return };
                let took = event.pointer("/data/durationMs").and_then(Value::as_i64).unwrap_or(0);
                self.commands.push((end - TimeDelta::milliseconds(took.saturating_add(500)), end));
            }
            _ => {}
        }
    }

    /// The edits that have come to rest; `all` waits for none.
    pub(super) fn news(&mut self, all: bool) -> Result<Vec<Draft>, Trouble> {
        if !all && self.looked_at.is_some_and(|at| at.elapsed() < LOOK) {
            return Ok(Vec::new());
        }
        self.looked_at = Some(Instant::now());
        let now = Utc::now();
        let brought = self.brought_in();
        let stamps = self.stamps();
        let gone = self.known.files.keys().filter(|path| !stamps.contains_key(*path)).cloned().collect::<Vec<_>>();
        let mut drafts = Vec::new();
        let (mut is_changed, mut restless) = (false, HashSet::new());
        for path in gone {
            let is_told = self.told.remove(&path) || brought.contains(&path);
            is_changed = true;
            if !is_told && !self.workspace.root().join(&path).exists() {
                let author = self.author(&path, now);
                drafts.push(self.draft("file_delete", &path, now, author, json!({ "path": path }), &now.to_string()));
            }
            self.forget(&path);
        }
        for (path, stamp) in stamps {
            if self.known.files.get(&path) == Some(&stamp) {
                continue;
            }
            let written = DateTime::from_timestamp_nanos(stamp.modified_ns);
            if !all && (now - written).num_milliseconds() < REST_MS {
                restless.insert(path);
                continue;
            }
            is_changed = true;
            let is_told = self.told.remove(&path) || brought.contains(&path);
            if !is_told {
                drafts.extend(self.edit(&path, &stamp, written.min(now)));
            }
            self.remember(&path, stamp)?;
        }
        if is_changed {
            self.keep()?;
        }
        // What was told of a file that has come to rest does not excuse the next edit.
        self.told.retain(|path| restless.contains(path));
        self.commands.retain(|(_, end)| *end > now - TimeDelta::minutes(10));
        Ok(drafts)
    }

    fn edit(&self, path: &str, stamp: &Stamp, written: DateTime<Utc>) -> Option<Draft> {
        let new = text_of(&self.workspace.root().join(path))?;
        let old = self.known.files.get(path).and_then(|_| self.text(path));
        let Change { diff, lines_added, lines_removed } = change_of(path, old.as_deref().unwrap_or_default(), &new);
        if lines_added + lines_removed == 0 && old.is_some() {
            return None;
        }
        let author = self.author(path, written);
        let (kind, data) = match old {
            Some(_) => (
                "file_diff",
                json!({ "path": path, "diff": diff, "linesAdded": lines_added,
                                            "linesRemoved": lines_removed, "attribution": author.attribution() }),
            ),
            None => (
                "file_create",
                json!({ "path": path, "content": new, "linesAdded": lines_added,
                                            "sizeBytes": new.len(), "attribution": author.attribution() }),
            ),
        };
        Some(self.draft(kind, path, written, author, data, &format!("{}:{}", stamp.modified_ns, stamp.size)))
    }

    fn draft(
        &self,
        kind: &'static str,
        path: &str,
        ts: DateTime<Utc>,
        author: Author,
        data: Value,
        mark: &str,
    ) -> Draft {
        let mut data = filled(data);
        data.insert("_gitPoll".into(), true.into());
        Draft { ts, kind, key: format!("edits:{path}:{mark}"), source: Source::FILES, author, data }
    }

    fn author(&self, path: &str, written: DateTime<Utc>) -> Author {
        if self.commands.iter().any(|(began, end)| (*began..=*end).contains(&written)) {
            return Author::Command;
        }
        if self.ledger.contains(path) { Author::HandOnAi } else { Author::Hand }
    }

    /// What git brought in since the last look: all that differs between two commits, unless the person committed.
    fn brought_in(&mut self) -> HashSet<String> {
        let root = self.workspace.root();
        let Some(head) = git::head(root).filter(|head| *head != self.known.head) else { return HashSet::new() };
        let old = std::mem::replace(&mut self.known.head, head);
        let parent = git::run(root, &["rev-parse", "--verify", "--quiet", "HEAD^"]).unwrap_or_default();
        if parent.trim() == old {
            return HashSet::new();
        }
        let names = git::run(root, &["diff", "--name-only", "-z", &old, "HEAD"]).unwrap_or_default();
        names.split('\0').map(str::to_owned).collect()
    }

    /// All files that count, with how they are now.
    fn stamps(&self) -> BTreeMap<String, Stamp> {
        let root = self.workspace.root();
        let ignored = Ignored::of(&self.workspace.task_root(&self.session));
        let listed = git::run(root, &["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
        let listed = listed.unwrap_or_default();
        let paths = listed.split('\0').filter(|path| !path.is_empty() && !path.starts_with(FOLDER));
        let stamp = |path: &str| {
            let file = fs::symlink_metadata(root.join(path)).ok().filter(fs::Metadata::is_file)?;
            let modified_ns = file.mtime().saturating_mul(1_000_000_000).saturating_add(file.mtime_nsec());
            Some((path.to_owned(), Stamp { modified_ns, size: file.len() })).filter(|_| file.len() <= FILE_BYTES)
        };
        paths.filter(|path| !ignored.covers(path)).take(FILES).filter_map(stamp).collect()
    }

    /// The text of a file as it was looked at: kept, or committed.
    fn text(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.copy(path)).ok().or_else(|| {
            let name = format!("{}:./{path}", self.session.base_sha);
            git::run(self.workspace.root(), &["show", "--end-of-options", &name]).ok()
        })
    }

    fn remember(&mut self, path: &str, stamp: Stamp) -> io::Result<()> {
        if let Some(text) = text_of(&self.workspace.root().join(path)) {
            let copy = self.copy(path);
            fs::create_dir_all(copy.parent().unwrap_or(&copy))?;
            write_whole(&copy, text.as_bytes())?;
        }
        self.known.files.insert(path.to_owned(), stamp);
        Ok(())
    }

    fn forget(&mut self, path: &str) {
        self.known.files.remove(path);
        // It may never have been kept.
        let _ = fs::remove_file(self.copy(path));
    }

    fn copy(&self, path: &str) -> PathBuf {
        self.workspace.state("edits").join(hex(Sha256::digest(path).get(..16).unwrap_or_default()))
    }

    fn keep(&mut self) -> io::Result<()> {
        self.known.at = Utc::now();
        self.workspace.keep(KNOWN, &self.known)
    }
}

/// The text of a file; `None` for one that is none.
fn text_of(path: &std::path::Path) -> Option<String> {
    fs::read_to_string(path).ok().filter(|text| !text.contains('\0'))
}

#[cfg(test)]
#[path = "edits_tests.rs"]
mod tests;
