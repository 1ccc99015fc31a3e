//! Reads a Claude Code transcript and tells it as events.
//!
//! Pure: no file, no network and no clock is touched here. A line that cannot be read is counted and never fatal.

mod files;
pub(crate) mod line;
mod patch;
mod prompts;
mod replies;
mod shell;
pub(crate) mod tools;

use crate::envelope::{Author, Draft, Source};
use chrono::{DateTime, Utc};
pub(crate) use line::Line;
use line::{Block, Role};
use replies::Replies;
use serde_json::json;
use std::collections::{HashMap, HashSet};
use tools::{Answer, Call, Seen, filled};

pub(crate) use patch::{Patch as Change, workspace_path};

/// The change from one text of a file to another.
pub(crate) fn change_of(path: &str, old: &str, new: &str) -> Change {
    Change::computed(path, old, new)
}

/// What a transcript tells.
#[derive(Debug)]
pub(crate) struct Transcript {
    /// The events in the order of their times, between a `session_start` and a `session_end`.
    pub(crate) drafts: Vec<Draft>,
    /// The lines that are not JSON objects, with the reason.
    pub(crate) broken: Vec<(usize, String)>,
}

/// Why a transcript is of no use.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum ReadError {
    /// There is nothing in it.
    #[error("the transcript is empty")]
    Empty,
    /// There are lines, but none can be read.
    #[error("this is no transcript: none of its {0} lines is a JSON object (line {1}: {2})")]
    Unreadable(usize, usize, String),
    /// It can be read, but nobody says or does anything in it.
    #[error("the transcript holds no prompt, no answer and no tool use, so there is nothing to import")]
    Silent,
}

/// Reads the text of a transcript; `keep_open` leaves out the closing event.
pub(crate) fn read(text: &str, keep_open: bool) -> Result<Transcript, ReadError> {
    let (lines, broken) = parse(text);
    let Some(first) = lines.iter().map(|line| line.ts).min() else {
        let n_lines = text.lines().filter(|line| !line.trim().is_empty()).count();
        return Err(match broken.into_iter().next() {
            Some((number, reason)) => ReadError::Unreadable(n_lines, number, reason),
            None if n_lines == 0 => ReadError::Empty,
            None => ReadError::Silent,
        });
    };
    let mut telling = Telling::of(&lines);
    for line in &lines {
        telling.add(line);
    }
    let mut drafts = telling.finish(keep_open);
    if drafts.is_empty() {
        return Err(ReadError::Silent);
    }
    // Stable: what has the same time stays in the order of the file.
    drafts.sort_by_key(|draft| draft.ts);
    let last = lines.iter().map(|line| line.ts).max().unwrap_or(first);
    drafts.insert(0, start(&lines, first));
    if !keep_open {
        drafts.push(end(&lines, last));
    }
    Ok(Transcript { drafts, broken })
}

fn parse(text: &str) -> (Vec<Line>, Vec<(usize, String)>) {
    let (mut lines, mut broken, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
    for (number, text) in (1..).zip(text.lines()) {
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.is_empty() {
            continue;
        }
        match Line::parse(text, number) {
            // A resumed session repeats its earlier lines.
            Ok(Some(line)) if seen.insert(line.uuid.clone()) => lines.push(line),
            Ok(_) => {}
            // The parser sees one line only; its line number would mislead.
            Err(error) => broken.push((number, error.to_string().replace(" at line 1 column ", " at column "))),
        }
    }
    (lines, broken)
}

/// The first value that any line has.
fn first_of<'a>(lines: &'a [Line], field: impl Fn(&'a Line) -> Option<&'a String>) -> Option<&'a str> {
    lines.iter().find_map(field).map(String::as_str)
}

fn key(lines: &[Line], mark: &str) -> String {
    format!("claude:{}:{mark}", first_of(lines, |line| line.session_id.as_ref()).unwrap_or_default())
}

fn start(lines: &[Line], ts: DateTime<Utc>) -> Draft {
    let model = lines.iter().filter(|line| line.role == Role::Assistant);
    let data = filled(json!({
        "cwd": first_of(lines, |line| line.cwd.as_ref()),
        "gitBranch": first_of(lines, |line| line.git_branch.as_ref()),
        "cliVersion": first_of(lines, |line| line.version.as_ref()),
        "model": model.filter_map(|line| line.model.as_deref()).find(|model| !model.starts_with('<')),
        "ideSessionId": first_of(lines, |line| line.session_id.as_ref()),
    }));
    let (source, author) = (Source::TRANSCRIPT, Author::System);
    Draft { ts, kind: "session_start", key: key(lines, "start"), source, author, data }
}

fn end(lines: &[Line], ts: DateTime<Utc>) -> Draft {
    let data = filled(json!({ "reason": "transcript_ended" }));
    Draft { ts, kind: "session_end", key: key(lines, "end"), source: Source::TOOL, author: Author::System, data }
}

/// The telling of a transcript while it is read line by line.
#[derive(Debug)]
pub(crate) struct Telling {
    session: String,
    cwd: String,
    drafts: Vec<Draft>,
    replies: Replies,
    /// Replies of subagents, of which only the cost is told.
    asides: Replies,
    /// Calls without an answer yet, by the id that the answer will name.
    open: HashMap<String, (Call, bool)>,
}

impl Telling {
    fn of(lines: &[Line]) -> Self {
        Self {
            session: first_of(lines, |line| line.session_id.as_ref()).unwrap_or_default().to_owned(),
            cwd: first_of(lines, |line| line.cwd.as_ref()).unwrap_or_default().to_owned(),
            drafts: Vec::new(),
            replies: Replies::default(),
            asides: Replies::default(),
            open: HashMap::new(),
        }
    }

    /// Begins with nothing known.
    pub(crate) fn begin() -> Self {
        Self::of(&[])
    }

    /// Takes in a line of a session that goes on.
    pub(crate) fn follow(&mut self, line: &Line) {
        for (known, told) in [(&mut self.session, &line.session_id), (&mut self.cwd, &line.cwd)] {
            if let (true, Some(told)) = (known.is_empty(), told) {
                known.clone_from(told);
            }
        }
        if line.role == Role::Assistant && line.sidechain {
            self.asides.add(line);
        }
        self.add(line);
    }

    /// Takes out what has been told so far; `all` takes the last reply as whole, which may still be written.
    pub(crate) fn take(&mut self, all: bool) -> Vec<Draft> {
        for reply in self.replies.take(all) {
            let mut data = reply.data();
            data.insert("usageScope".into(), "request".into());
            self.push(reply.ts, &reply.uuid, ("ai_response", Author::Assistant, data));
        }
        for (uuid, ts, data) in self.asides.take_costs(all) {
            self.push(ts, &uuid, ("subagent_usage", Author::Assistant, data));
        }
        std::mem::take(&mut self.drafts)
    }

    /// The tool's own name of the session.
    pub(crate) fn session(&self) -> &str {
        &self.session
    }

    fn add(&mut self, line: &Line) {
        match line.role {
            Role::User => {
                self.replies.close();
                self.asides.close();
                self.add_answers(line);
                // What a subagent is told is the assistant's word, and synthetic lines are the program's.
                if !line.sidechain && !line.synthetic {
                    for seen in prompts::said(&line.blocks) {
                        self.push(line.ts, &line.uuid, seen);
                    }
                }
            }
            Role::Assistant => {
                if !line.sidechain {
                    self.replies.add(line);
                }
                let calls = tools::calls(&line.blocks, line.ts);
                self.open.extend(calls.map(|(id, call)| (id, (call, line.sidechain))));
            }
            Role::System if line.subtype == "compact_boundary" => {
                let told = |name: &str| line.compact_metadata.get(name);
                let data = filled(json!({ "trigger": told("trigger"), "preTokens": told("preTokens") }));
                self.push(line.ts, &line.uuid, ("context_compact", Author::System, data));
            }
            Role::System | Role::Other => {}
        }
    }

    fn add_answers(&mut self, line: &Line) {
        let answers = line.blocks.iter().filter(|block| matches!(block, Block::ToolResult { .. }));
        // The result object belongs to the line; of several answers nobody could say whose it is.
        let alone = answers.clone().count() == 1;
        for block in answers {
            let Block::ToolResult { id, text, is_error } = block else { continue };
            let Some((call, sidechain)) = self.open.remove(id) else { continue };
            let result = if alone { line.tool_use_result.clone() } else { serde_json::Value::Null };
            let answer = Answer { ts: line.ts, text: text.clone(), is_error: *is_error, result };
            let seen = tools::finished(&call, &answer, &self.cwd);
            self.push(line.ts, id, marked(seen, sidechain));
        }
    }

    fn push(&mut self, ts: DateTime<Utc>, id: &str, (kind, author, data): Seen) {
        let key = format!("claude:{}:{id}", self.session);
        self.drafts.push(Draft { ts, kind, key, source: Source::TRANSCRIPT, author, data });
    }

    fn finish(mut self, keep_open: bool) -> Vec<Draft> {
        let mut open: Vec<_> = std::mem::take(&mut self.open).into_iter().collect();
        // The map has no order of its own.
        open.sort_by(|(a_id, (a, _)), (b_id, (b, _))| (a.ts, a_id).cmp(&(b.ts, b_id)));
        // Where the session goes on, a result may still come.
        for (id, (call, sidechain)) in open.into_iter().filter(|_| !keep_open) {
            self.push(call.ts, &id, marked(tools::unanswered(&call), sidechain));
        }
        for reply in std::mem::take(&mut self.replies).spoken() {
            self.push(reply.ts, &reply.uuid, ("ai_response", Author::Assistant, reply.data()));
        }
        self.drafts
    }
}

/// Says of what a subagent did that it was one.
fn marked((kind, author, mut data): Seen, sidechain: bool) -> Seen {
    if sidechain {
        data.insert("sidechain".into(), true.into());
    }
    (kind, author, data)
}

#[cfg(test)]
mod tests;
