//! The transcripts that Claude Code writes while it works in the workspace: what hooks do not tell (words before the last,
//! tokens, interrupts, commands typed at its prompt), and all the rest where hooks do not run.

use super::claude_folder;
use super::follow::Follow;
use crate::envelope::{Draft, Source};
use crate::transcript::{Line, Telling};
use chrono::{DateTime, Utc};
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

/// After so long without a new line the last reply is taken as whole.
const QUIET: Duration = Duration::from_secs(10);
/// Claude Code cuts the names of its folders after so many characters.
const NAME_CHARS: usize = 200;

/// All transcripts of a workspace.
#[derive(Debug)]
pub(super) struct Transcripts {
    root: PathBuf,
    since: DateTime<Utc>,
    files: HashMap<PathBuf, Transcript>,
}

#[derive(Debug)]
struct Transcript {
    follow: Follow,
    telling: Telling,
    heard_at: Instant,
}

/// An event with the tool's own name of the session that it is from.
pub(super) type Told = (String, Draft);

impl Transcripts {
    /// Those of sessions below `root`; what was written before `since` is nobody's business.
    pub(super) fn of(root: &Path, since: DateTime<Utc>) -> Self {
        Self { root: root.to_owned(), since, files: HashMap::new() }
    }

    /// What is new; `all` takes the last reply as whole.
    pub(super) fn news(&mut self, all: bool) -> Vec<Told> {
        for path in self.found() {
            let begin =
                || Transcript { follow: Follow::of(&path), telling: Telling::begin(), heard_at: Instant::now() };
            self.files.entry(path.clone()).or_insert_with(begin);
        }
        let mut told = Vec::new();
        for transcript in self.files.values_mut() {
            // It may be gone, and come back.
            let Ok(news) = transcript.follow.news() else { continue };
            if news.is_other {
                transcript.telling = Telling::begin();
            }
            if !news.lines.is_empty() {
                transcript.heard_at = Instant::now();
            }
            for (number, text) in news.lines {
                let Ok(Some(line)) = Line::parse(&text, number) else { continue };
                let is_here = line.cwd.as_ref().is_none_or(|cwd| Path::new(cwd).starts_with(&self.root));
                if is_here && line.ts >= self.since {
                    transcript.telling.follow(&line);
                }
            }
            let drafts = transcript.telling.take(all || transcript.heard_at.elapsed() >= QUIET);
            let session = transcript.telling.session();
            told.extend(drafts.into_iter().map(|draft| (session.to_owned(), ours(draft))));
        }
        told.sort_by_key(|(_, draft)| draft.ts);
        told
    }

    /// The files of all sessions in and below the workspace, subagents included.
    fn found(&self) -> Vec<PathBuf> {
        let Some(projects) = claude_folder().map(|folder| folder.join("projects")) else { return Vec::new() };
        let name = folder_name(&self.root);
        let is_ours = |folder: &PathBuf| {
            folder.file_name().is_some_and(|folder| folder.to_string_lossy().starts_with(name.as_str()))
        };
        let mut found = Vec::new();
        for folder in entries(&projects).into_iter().filter(is_ours) {
            for entry in entries(&folder) {
                if entry.extension().is_some_and(|end| end == "jsonl") {
                    found.push(entry);
                } else {
                    let agents = entries(&entry.join("subagents"));
                    found.extend(agents.into_iter().filter(|path| path.extension().is_some_and(|end| end == "jsonl")));
                }
            }
        }
        let since = SystemTime::from(self.since);
        let is_recent =
            |path: &PathBuf| fs::metadata(path).and_then(|file| file.modified()).is_ok_and(|at| at >= since);
        found.retain(is_recent);
        found
    }
}

fn ours(mut draft: Draft) -> Draft {
    draft.source = Source::CLAUDE_TAIL;
    draft
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).map(|entries| entries.flatten().map(|entry| entry.path()).collect()).unwrap_or_default()
}

/// The name of the folder in which Claude Code keeps the sessions of a folder, as far as it is not cut.
fn folder_name(root: &Path) -> String {
    let dash = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    root.to_string_lossy().chars().map(dash).take(NAME_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::folder_name;
    use std::path::Path;

    #[test]
    fn folders_are_named_as_claude_code_does() {
        assert_eq!(folder_name(Path::new("/home/u/my app.v2")), "-home-u-my-app-v2");
    }
}
