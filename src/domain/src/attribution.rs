//! Whose the lines are that a session leaves behind: its changes replayed in the order of its timeline.
//!
//! Invariants, stated as absences:
//! - No guess: a file in which a change cannot be placed has no lines here, and says so.
//! - No line of what was there before is anybody's.
//! - No memory that grows with what strangers chose, except 24 bytes for each change of a file.
//!
//! `docs/api.md` ("Attribution by line") describes the rules.

pub mod agent_trace;
mod diff;
mod file;
pub mod git_ai;

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

use crate::{
    Event, Kind, StoredEvent,
    artifacts::hand::Hand,
    json::{Members, integer, text},
};
use file::File;

/// The most files that are followed, and the most lines of all of them.
const MAX_FILES: usize = 10_000;
const MAX_LINES: usize = 1_000_000;
/// The longest path and the longest name of a model, in bytes.
const MAX_PATH: usize = 4_096;
const MAX_MODEL: usize = 200;
/// The most tools and models that are told apart.
const MAX_WORDS: usize = 250;

/// What is read of a payload.
const WANTED: [&str; 7] = ["model", "diff", "content", "contentLength", "changeType", "movePath", "commit"];

/// The kinds of event that [`Replay::add`] looks at.
pub const KINDS: [Kind; 7] = [
    Kind::SessionStart,
    Kind::Prompt,
    Kind::AiResponse,
    Kind::FileDiff,
    Kind::FileCreate,
    Kind::FileDelete,
    Kind::GitAction,
];

/// A change of a file, and who made it.
#[derive(Debug, Clone, Copy)]
struct Change {
    event: Uuid,
    hand: Hand,
    tool: Option<Word>,
    model: Option<Word>,
}

/// The place of a word in its list.
type Word = u8;

/// Follows the files of a session. Takes its events in the order of the timeline.
#[derive(Debug, Default)]
pub struct Replay {
    /// By path; `None` for one of which nothing is known any more.
    files: BTreeMap<Box<str>, Option<File>>,
    n_lines: usize,
    has_left_out_files: bool,
    changes: Vec<Change>,
    tools: Vec<Box<str>>,
    models: Vec<Box<str>>,
    /// The last model that a tool named.
    model_of: HashMap<Option<Word>, Word>,
    /// The commit that holds all changes so far.
    revision: Option<Box<str>>,
}

/// Whose the lines of the files are.
#[derive(Debug)]
pub struct Lines {
    files: Vec<(Box<str>, Vec<Span>)>,
    /// Files in which changes could not be placed.
    unplaced: Vec<Box<str>>,
    has_left_out_files: bool,
    changes: Vec<Change>,
    tools: Vec<Box<str>>,
    models: Vec<Box<str>>,
    revision: Option<Box<str>>,
}

/// Neighbouring lines of one change: the first and the last, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    change: usize,
    first: usize,
    last: usize,
}

impl Replay {
    /// Takes the next event.
    pub fn add(&mut self, stored: &StoredEvent) {
        let event = &stored.event;
        if !KINDS.contains(&event.kind) {
            return;
        }
        let Ok(data) = serde_json::from_str(event.data()) else { return };
        let Some(data) = Members::of(data, &WANTED) else { return };
        let tool = word(&mut self.tools, &event.source.integration);
        let model = data.get("model").and_then(text).filter(|model| is_model(model));
        if let Some(model) = model.and_then(|model| word(&mut self.models, &model)) {
            self.model_of.insert(tool, model);
        }
        if event.kind == Kind::GitAction {
            let commit = data.get("commit").and_then(text).filter(|commit| is_commit(commit));
            self.revision = commit.map(Into::into).or(self.revision.take());
        }
        if let Some(path) = event.facts.path.as_deref().and_then(relative).filter(|_| event.kind.is_file_change()) {
            self.revision = None;
            self.changes.push(Change {
                event: event.id,
                hand: Hand::of(event),
                tool,
                model: self.model_of.get(&tool).copied(),
            });
            self.change(event, path, &data);
        }
    }

    fn change(&mut self, event: &Event, path: &str, data: &Members<'_>) {
        let Ok(number) = u32::try_from(self.changes.len()) else { return };
        let before = self.files.remove(path);
        let n_before = n_lines(before.as_ref());
        let is_gone = event.kind == Kind::FileDelete
            || data.get("changeType").and_then(text).is_some_and(|change| change == "delete");
        if is_gone {
            self.n_lines -= n_before;
            return;
        }
        let after = changed(event, before, data, number);
        let moved = data.get("movePath").and_then(text).filter(|path| !path.is_empty());
        // One that leaves the repository is no file of it any more.
        let Some(path) = moved.as_deref().map_or(Some(path), relative) else {
            self.n_lines -= n_before;
            return;
        };
        let n_replaced = if moved.is_some() { n_lines(self.files.remove(path).as_ref()) } else { 0 };
        self.n_lines -= n_before + n_replaced;
        let after = after.filter(|after| self.n_lines + after.n_lines() <= MAX_LINES);
        if self.files.len() >= MAX_FILES {
            self.has_left_out_files = true;
            return;
        }
        self.n_lines += after.as_ref().map_or(0, File::n_lines);
        self.files.insert(path.into(), after);
    }

    /// Whose the lines are after the last event.
    #[must_use]
    pub fn finish(self) -> Lines {
        let (mut files, mut unplaced) = (Vec::new(), Vec::new());
        for (path, file) in self.files {
            match file {
                Some(file) => files.push((path, spans(&file))),
                None => unplaced.push(path),
            }
        }
        files.retain(|(_, spans)| !spans.is_empty());
        Lines {
            files,
            unplaced,
            has_left_out_files: self.has_left_out_files,
            changes: self.changes,
            tools: self.tools,
            models: self.models,
            revision: self.revision,
        }
    }
}

/// What a file is after a change; `None` when nobody can say.
fn changed(event: &Event, before: Option<Option<File>>, data: &Members<'_>, number: u32) -> Option<File> {
    let is_known = !matches!(before, Some(None));
    let mut file = before.flatten().unwrap_or_default();
    let diff = data.get("diff").and_then(text).filter(|diff| !diff.is_empty());
    if let Some(hunks) = diff.as_deref().and_then(diff::hunks) {
        if !is_known && !hunks.iter().any(|hunk| hunk.is_beginning) {
            return None;
        }
        // This tool does not know where an edit is, and says that it is at the beginning.
        let has_positions = &*event.source.integration != "cursor";
        file.apply(&hunks, number, has_positions)?;
        return Some(file);
    }
    if let Some(content) = data.get("content").and_then(text) {
        let length = data.get("contentLength").and_then(integer);
        let lengths = [content.len(), content.chars().count(), content.encode_utf16().count()];
        if length.is_some_and(|length| !lengths.iter().any(|known| i128::try_from(*known) == Ok(length))) {
            return None;
        }
        let lines: Vec<&str> = content.split_terminator('\n').collect();
        file.replace(&lines, number)?;
        return Some(file);
    }
    let n_added = usize::try_from(event.facts.lines_added).ok()?;
    if event.kind == Kind::FileCreate {
        file.fill(n_added, number)?;
        return Some(file);
    }
    (is_known && diff.is_none() && n_added == 0 && event.facts.lines_removed == 0).then_some(file)
}

fn n_lines(file: Option<&Option<File>>) -> usize {
    file.and_then(Option::as_ref).map_or(0, File::n_lines)
}

fn spans(file: &File) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for (line, number) in (1..).zip(file.changes()) {
        let Some(change) = usize::try_from(number).ok().and_then(|number| number.checked_sub(1)) else { continue };
        match spans.last_mut() {
            Some(span) if span.change == change && span.last + 1 == line => span.last = line,
            _ => spans.push(Span { change, first: line, last: line }),
        }
    }
    spans
}

/// A path within the repository that can stand in a line of text; `None` for any other.
fn relative(path: &str) -> Option<&str> {
    let path = path.strip_prefix("./").unwrap_or(path);
    let leaves = path.split(['/', '\\']).any(|part| part == "..");
    let is_absolute = path.starts_with(['/', '\\', '~']) || path.as_bytes().get(1) == Some(&b':');
    let is_plain = !path.contains(|c: char| c.is_control() || c == '"');
    (!path.is_empty() && path.len() <= MAX_PATH && !leaves && !is_absolute && is_plain).then_some(path)
}

fn is_model(name: &str) -> bool {
    (1..=MAX_MODEL).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic())
}

fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The place of a word in a list, where it is entered if there is room.
fn word(words: &mut Vec<Box<str>>, new: &str) -> Option<Word> {
    let place = words.iter().position(|word| &**word == new).or_else(|| {
        (words.len() < MAX_WORDS).then(|| {
            words.push(new.into());
            words.len() - 1
        })
    });
    place.and_then(|place| Word::try_from(place).ok())
}

impl Lines {
    /// The name of a tool.
    fn tool(&self, change: &Change) -> &str {
        change.tool.and_then(|tool| self.tools.get(usize::from(tool))).map_or("unknown", |tool| tool)
    }

    fn model(&self, change: &Change) -> Option<&str> {
        change.model.and_then(|model| self.models.get(usize::from(model))).map(|model| &**model)
    }
}

#[cfg(test)]
mod tests;
