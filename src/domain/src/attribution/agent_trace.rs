//! Agent Trace 0.1.0 (<https://agent-trace.dev>): one record for what a session leaves behind.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Change, Lines, Span};
use crate::{Timestamp, artifacts::hand::Hand};

/// The type of the record.
pub const MEDIA: &str = "application/vnd.agent-trace.record+json";

/// The version of the format.
const VERSION: &str = "0.1.0";

/// What a record says beside whose the lines are.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// The record's id: the same for the same record.
    pub id: Uuid,
    /// Of when it is.
    pub timestamp: Timestamp,
    /// The session.
    pub session_id: &'a str,
    /// Where this server is found, without a slash at the end.
    pub public_url: &'a str,
    /// The version of this server.
    pub tool_version: &'a str,
    /// The commit that the candidate began with, where one is known.
    pub base: Option<&'a str>,
}

/// The record.
#[must_use]
pub fn record(lines: &Lines, about: &About<'_>) -> Value {
    let files: Vec<Value> = lines
        .files
        .iter()
        .map(|(path, spans)| {
            let mut by_change: BTreeMap<usize, Vec<&Span>> = BTreeMap::new();
            spans.iter().for_each(|span| by_change.entry(span.change).or_default().push(span));
            let conversations: Vec<Value> =
                by_change.iter().filter_map(|(change, spans)| conversation(lines, *change, spans, about)).collect();
            json!({ "path": path, "conversations": conversations })
        })
        .collect();
    let own = json!({
        "sessionId": about.session_id,
        "baseRevision": about.base,
        "unplaced": lines.unplaced,
        "complete": lines.unplaced.is_empty() && !lines.has_left_out_files,
    });
    let mut record = Map::from_iter([
        ("version".to_owned(), VERSION.into()),
        ("id".to_owned(), about.id.to_string().into()),
        ("timestamp".to_owned(), about.timestamp.to_string().into()),
    ]);
    if let Some(revision) = &lines.revision {
        record.insert("vcs".to_owned(), json!({ "type": "git", "revision": revision }));
    }
    record.insert("tool".to_owned(), json!({ "name": "promptster", "version": about.tool_version }));
    record.insert("files".to_owned(), files.into());
    record.insert("metadata".to_owned(), json!({ "dev.promptster": own }));
    record.into()
}

fn conversation(lines: &Lines, number: usize, spans: &[&Span], about: &About<'_>) -> Option<Value> {
    let change = lines.changes.get(number)?;
    let (host, session) = (about.public_url, about.session_id);
    let ranges: Vec<Value> =
        spans.iter().map(|span| json!({ "start_line": span.first, "end_line": span.last })).collect();
    Some(json!({
        "url": format!("{host}/sessions/{session}#event-{}", change.event),
        "contributor": contributor(lines, change),
        "ranges": ranges,
        "related": [{ "type": "session", "url": format!("{host}/v1/sessions/{session}") }],
    }))
}

fn contributor(lines: &Lines, change: &Change) -> Value {
    let kind = match change.hand {
        Hand::Ai => "ai",
        Hand::Human => "human",
        Hand::AiRevisedByHuman | Hand::Mixed => "mixed",
        Hand::System | Hand::Unknown => "unknown",
    };
    let is_of_model = matches!(change.hand, Hand::Ai | Hand::AiRevisedByHuman | Hand::Mixed);
    match lines.model(change).filter(|_| is_of_model).and_then(model_id) {
        Some(model) => json!({ "type": kind, "model_id": model }),
        None => json!({ "type": kind }),
    }
}

/// The name of a model with its provider's before it, as models.dev has them; `None` for a provider that is not known.
fn model_id(model: &str) -> Option<String> {
    const PROVIDERS: [(&str, &str); 7] = [
        ("claude", "anthropic"),
        ("gpt-", "openai"),
        ("o1", "openai"),
        ("o3", "openai"),
        ("o4", "openai"),
        ("codex", "openai"),
        ("gemini", "google"),
    ];
    if model.contains('/') {
        return Some(model.to_owned());
    }
    let (_, provider) = PROVIDERS.iter().find(|(start, _)| model.starts_with(start))?;
    Some(format!("{provider}/{model}"))
}
