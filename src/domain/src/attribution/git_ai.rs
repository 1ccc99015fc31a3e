//! A note of the Git AI Standard 3.0.0, for `git notes --ref=ai`. It knows lines of an assistant, lines of a known person,
//! and those of which it says nothing; what both wrote inseparably is among the last.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Change, Lines, Span};
use crate::{artifacts::hand::Hand, signature::message::sha256_hex};

/// The version of the format.
const SCHEMA: &str = "authorship/3.0.0";

/// Hexadecimal digits of a key.
const KEY_DIGITS: usize = 14;

/// What a note says beside whose the lines are.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// The session.
    pub session_id: &'a str,
    /// The commit that the work is a change of.
    pub base: &'a str,
    /// The candidate as git names authors: `Name <address>`.
    pub author: &'a str,
}

/// The note.
#[must_use]
pub fn note(lines: &Lines, about: &About<'_>) -> String {
    let mut out = String::new();
    let (mut sessions, mut humans) = (BTreeMap::new(), Map::new());
    for (path, spans) in &lines.files {
        let mut entries: BTreeMap<(usize, String), Vec<&Span>> = BTreeMap::new();
        for span in spans {
            let Some(change) = lines.changes.get(span.change) else { continue };
            let (order, key) = match change.hand {
                Hand::Ai => {
                    let session = session_key(lines.git_ai_tool(change), about.session_id);
                    let model = lines.model(change).unwrap_or("unknown");
                    let n_by_model: &mut BTreeMap<&str, usize> = &mut sessions
                        .entry(session.clone())
                        .or_insert_with(|| (lines.git_ai_tool(change), BTreeMap::new()))
                        .1;
                    *n_by_model.entry(model).or_default() += span.last + 1 - span.first;
                    (span.change, format!("{session}::t_{}", digits(change.event.to_string().as_bytes())))
                }
                Hand::Human => {
                    let human = format!("h_{}", digits(about.author.as_bytes()));
                    humans.insert(human.clone(), json!({ "author": about.author }));
                    (usize::MAX, human)
                }
                Hand::AiRevisedByHuman | Hand::Mixed | Hand::System | Hand::Unknown => continue,
            };
            entries.entry((order, key)).or_default().push(span);
        }
        if !entries.is_empty() {
            // A path that looks like the line between the sections is none.
            let is_bare = !path.contains(char::is_whitespace) && &**path != "---";
            out.push_str(&if is_bare { format!("{path}\n") } else { format!("\"{path}\"\n") });
        }
        for ((_, key), spans) in entries {
            out.push_str(&format!("  {key} {}\n", ranges(&spans)));
        }
    }
    let sessions: Map<String, Value> = sessions
        .into_iter()
        .map(|(key, (tool, n_by_model))| {
            // The model that wrote most of what stands.
            let model =
                n_by_model.iter().max_by_key(|(model, n)| (**n, **model)).map_or("unknown", |(model, _)| *model);
            let agent = json!({ "tool": tool, "id": about.session_id, "model": model });
            (key, json!({ "agent_id": agent, "human_author": about.author }))
        })
        .collect();
    let metadata = json!({
        "schema_version": SCHEMA,
        "base_commit_sha": about.base,
        "prompts": {},
        "sessions": sessions,
        "humans": humans,
    });
    format!("{out}---\n{metadata:#}\n")
}

impl Lines {
    /// The tool of a change by the name that the standard has for it.
    fn git_ai_tool(&self, change: &Change) -> &str {
        match self.tool(change) {
            "claude-code" => "claude",
            tool => tool,
        }
    }
}

fn session_key(tool: &str, session: &str) -> String {
    format!("s_{}", digits(format!("{tool}:{session}").as_bytes()))
}

fn digits(of: &[u8]) -> String {
    sha256_hex(of).chars().take(KEY_DIGITS).collect()
}

/// Neighbours that only differ in their change are one range.
fn ranges(spans: &[&Span]) -> String {
    let mut joined: Vec<(usize, usize)> = Vec::new();
    for span in spans {
        match joined.last_mut() {
            Some((_, last)) if *last + 1 == span.first => *last = span.last,
            _ => joined.push((span.first, span.last)),
        }
    }
    let shown = |(first, last): &(usize, usize)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    };
    joined.iter().map(shown).collect::<Vec<_>>().join(",")
}
