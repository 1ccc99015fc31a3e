//! One line of a transcript, read tolerantly: every field optional, unknown ones ignored.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

/// A line as it stands in the file.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct RawLine {
    #[serde(deserialize_with = "lenient")]
    r#type: Option<String>,
    #[serde(deserialize_with = "lenient")]
    subtype: Option<String>,
    #[serde(deserialize_with = "lenient")]
    uuid: Option<String>,
    #[serde(deserialize_with = "lenient")]
    timestamp: Option<DateTime<Utc>>,
    #[serde(deserialize_with = "lenient")]
    session_id: Option<String>,
    #[serde(deserialize_with = "lenient")]
    cwd: Option<String>,
    #[serde(deserialize_with = "lenient")]
    git_branch: Option<String>,
    #[serde(deserialize_with = "lenient")]
    version: Option<String>,
    #[serde(deserialize_with = "lenient")]
    is_sidechain: Option<bool>,
    #[serde(deserialize_with = "lenient")]
    is_meta: Option<bool>,
    #[serde(deserialize_with = "lenient")]
    is_compact_summary: Option<bool>,
    #[serde(deserialize_with = "lenient")]
    message: Option<RawMessage>,
    tool_use_result: Value,
    compact_metadata: Value,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawMessage {
    #[serde(deserialize_with = "lenient")]
    id: Option<String>,
    #[serde(deserialize_with = "lenient")]
    model: Option<String>,
    content: Value,
    usage: Value,
}

/// Takes a field of the wrong type as absent, so that one odd field never costs the whole line.
fn lenient<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: serde::de::DeserializeOwned,
{
    let value = Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).ok())
}

/// Who a line stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The person, or the result of a tool on its way back to the model.
    User,
    /// The model.
    Assistant,
    /// A notice of the program.
    System,
    /// Anything that this version does not know.
    Other,
}

/// A line that may say something.
#[derive(Debug)]
pub(crate) struct Line {
    pub(super) role: Role,
    pub(super) subtype: String,
    /// The line's own id; never empty.
    pub(super) uuid: String,
    /// When it was written.
    pub(crate) ts: DateTime<Utc>,
    pub(super) session_id: Option<String>,
    /// The folder that the tool was in.
    pub(crate) cwd: Option<String>,
    pub(super) git_branch: Option<String>,
    pub(super) version: Option<String>,
    /// A subagent's traffic.
    pub(super) sidechain: bool,
    /// Written by the program in the person's name.
    pub(super) synthetic: bool,
    pub(super) message_id: Option<String>,
    pub(super) model: Option<String>,
    pub(super) usage: Value,
    pub(super) blocks: Vec<Block>,
    pub(super) tool_use_result: Value,
    pub(super) compact_metadata: Value,
}

/// A part of a message.
#[derive(Debug, PartialEq)]
pub(super) enum Block {
    Text(String),
    Image,
    ToolUse { id: String, name: String, input: Value },
    ToolResult { id: String, text: String, is_error: bool },
}

impl Line {
    /// Reads one line; `None` for one that carries no time and so cannot be an event.
    pub(crate) fn parse(text: &str, number: usize) -> Result<Option<Self>, serde_json::Error> {
        let raw: RawLine = serde_json::from_str(text)?;
        let Some(ts) = raw.timestamp else { return Ok(None) };
        let message = raw.message.unwrap_or_default();
        Ok(Some(Self {
            role: match raw.r#type.as_deref() {
                Some("user") => Role::User,
                Some("assistant") => Role::Assistant,
                Some("system") => Role::System,
                _ => Role::Other,
            },
            subtype: raw.subtype.unwrap_or_default(),
            uuid: raw.uuid.filter(|uuid| !uuid.is_empty()).unwrap_or_else(|| format!("line-{number}")),
            ts,
            session_id: present(raw.session_id),
            cwd: present(raw.cwd),
            git_branch: present(raw.git_branch),
            version: present(raw.version),
            sidechain: raw.is_sidechain == Some(true),
            synthetic: raw.is_meta == Some(true) || raw.is_compact_summary == Some(true),
            message_id: present(message.id),
            model: present(message.model),
            usage: message.usage,
            blocks: blocks(message.content),
            tool_use_result: raw.tool_use_result,
            compact_metadata: raw.compact_metadata,
        }))
    }
}

fn present(field: Option<String>) -> Option<String> {
    field.filter(|text| !text.is_empty())
}

fn blocks(content: Value) -> Vec<Block> {
    match content {
        Value::String(text) => vec![Block::Text(text)],
        Value::Array(parts) => parts.into_iter().filter_map(block).collect(),
        _ => Vec::new(),
    }
}

fn block(part: Value) -> Option<Block> {
    let word = |name: &str| part.get(name).and_then(Value::as_str).map(str::to_owned);
    match part.get("type")?.as_str()? {
        "text" => Some(Block::Text(word("text")?)),
        "image" => Some(Block::Image),
        "tool_use" => Some(Block::ToolUse {
            id: word("id")?,
            name: word("name")?,
            input: part.get("input").cloned().unwrap_or_default(),
        }),
        "tool_result" => Some(Block::ToolResult {
            id: word("tool_use_id")?,
            text: part.get("content").map(plain_text).unwrap_or_default(),
            is_error: part.get("is_error").and_then(Value::as_bool) == Some(true),
        }),
        _ => None,
    }
}

/// The readable text of a tool's answer, which is a string or a list of blocks.
fn plain_text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let texts: Vec<&str> = parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str)).collect();
            texts.join("\n")
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Block, Line, Role};

    #[test]
    fn a_line_without_a_time_says_nothing() {
        assert!(Line::parse(r#"{"type":"summary","summary":"x"}"#, 1).unwrap().is_none());
        assert!(Line::parse(r#"{"type":"user","timestamp":"yesterday"}"#, 1).unwrap().is_none());
    }

    #[test]
    fn an_odd_field_does_not_cost_the_line() {
        let text =
            r#"{"type":"user","timestamp":"2026-01-01T00:00:00Z","cwd":7,"isMeta":"no","message":{"content":"hi"}}"#;
        let line = Line::parse(text, 4).unwrap().unwrap();
        assert_eq!((line.role, line.cwd, line.synthetic), (Role::User, None, false));
        assert_eq!((line.uuid.as_str(), line.blocks), ("line-4", vec![Block::Text("hi".into())]));
    }

    #[test]
    fn something_that_is_no_object_is_an_error() {
        assert!(Line::parse("{\"type\":", 1).is_err());
        assert!(Line::parse("17", 1).is_err());
    }

    #[test]
    fn a_tool_answer_made_of_blocks_is_read_as_text() {
        let text = r#"{"type":"user","timestamp":"2026-01-01T00:00:00Z","message":{"content":[
            {"type":"tool_result","tool_use_id":"t","is_error":true,"content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},
            {"type":"new-thing"}]}}"#;
        let line = Line::parse(text, 1).unwrap().unwrap();
        assert_eq!(line.blocks, vec![Block::ToolResult { id: "t".into(), text: "a\nb".into(), is_error: true }]);
    }
}
