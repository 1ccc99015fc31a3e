//! The assistant's words: lines that share a message id are one reply.

use super::line::{Block, Line};
use super::tools::filled;
use crate::envelope::Data;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// The model name of messages that the program itself makes up.
const SYNTHETIC_MODEL: &str = "<synthetic>";

/// All replies of a transcript, in the order of their first lines.
#[derive(Debug, Default)]
pub(super) struct Replies {
    replies: Vec<Reply>,
    by_message: HashMap<String, usize>,
}

/// One reply.
#[derive(Debug)]
pub(super) struct Reply {
    /// The line of the first text, or of the first line while there is no text.
    pub(super) uuid: String,
    /// The time of the last text.
    pub(super) ts: DateTime<Utc>,
    texts: Vec<String>,
    model: Option<String>,
    usage: Map<String, Value>,
}

impl Replies {
    /// Takes in a line of the assistant.
    pub(super) fn add(&mut self, line: &Line) {
        if line.model.as_deref() == Some(SYNTHETIC_MODEL) {
            return;
        }
        let id = line.message_id.as_ref().unwrap_or(&line.uuid);
        let index = *self.by_message.entry(id.clone()).or_insert_with(|| {
            let (uuid, ts) = (line.uuid.clone(), line.ts);
            self.replies.push(Reply { uuid, ts, texts: Vec::new(), model: None, usage: Map::new() });
            self.replies.len() - 1
        });
        if let Some(reply) = self.replies.get_mut(index) {
            reply.add(line);
        }
    }

    /// The replies that say something.
    pub(super) fn spoken(self) -> impl Iterator<Item = Reply> {
        self.replies.into_iter().filter(|reply| !reply.texts.is_empty())
    }
}

impl Reply {
    fn add(&mut self, line: &Line) {
        for block in &line.blocks {
            if let Block::Text(text) = block
                && !text.trim().is_empty()
            {
                if self.texts.is_empty() {
                    self.uuid.clone_from(&line.uuid);
                }
                self.texts.push(text.clone());
                self.ts = line.ts;
            }
        }
        self.model = self.model.take().or_else(|| line.model.clone());
        for (name, value) in line.usage.as_object().into_iter().flatten() {
            let count = value.as_u64().unwrap_or(0);
            let greatest = self.usage.get(name).and_then(Value::as_u64);
            if value.is_u64() && greatest.is_none_or(|greatest| greatest < count) {
                self.usage.insert(name.clone(), count.into());
            }
        }
    }

    /// The payload of an `ai_response` event.
    pub(super) fn data(&self) -> Data {
        let count = |name: &str| self.usage.get(name);
        let usage = filled(json!({
            "inputTokens": count("input_tokens"),
            "outputTokens": count("output_tokens"),
            "cacheReadTokens": count("cache_read_input_tokens"),
            "cacheWriteTokens": count("cache_creation_input_tokens"),
        }));
        let usage = Some(usage).filter(|usage| !usage.is_empty());
        filled(json!({ "text": self.texts.join("\n\n"), "model": self.model, "usage": usage }))
    }
}
