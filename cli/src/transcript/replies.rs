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
    /// Something followed the last reply, so it is whole.
    is_over: bool,
    /// Tokens of replies that said nothing, for the next one that does.
    carried: Map<String, Value>,
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
        self.is_over = false;
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

    /// Takes note that something else followed.
    pub(super) fn close(&mut self) {
        self.is_over = true;
    }

    /// Takes out the replies that are whole and say something, with the tokens of the silent ones before each; `all`
    /// takes the last one as whole.
    pub(super) fn take(&mut self, all: bool) -> Vec<Reply> {
        let n_kept = usize::from(!all && !self.is_over && !self.replies.is_empty());
        let n_done = self.replies.len() - n_kept;
        self.by_message.retain(|_, index| *index >= n_done);
        self.by_message.values_mut().for_each(|index| *index -= n_done);
        let mut spoken = Vec::new();
        for mut reply in self.replies.drain(..n_done) {
            add_counts(&mut self.carried, &reply.usage);
            if !reply.texts.is_empty() {
                reply.usage = std::mem::take(&mut self.carried);
                spoken.push(reply);
            }
        }
        spoken
    }

    /// Takes out what whole replies cost, whether they say something or not.
    pub(super) fn take_costs(&mut self, all: bool) -> Vec<(String, DateTime<Utc>, Data)> {
        let n_kept = usize::from(!all && !self.is_over && !self.replies.is_empty());
        let n_done = self.replies.len() - n_kept;
        self.by_message.retain(|_, index| *index >= n_done);
        self.by_message.values_mut().for_each(|index| *index -= n_done);
        let done = self.replies.drain(..n_done).filter(|reply| !reply.usage.is_empty());
        done.map(|reply| (reply.uuid.clone(), reply.ts, reply.cost())).collect()
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

    fn counts(&self) -> Data {
        let count = |name: &str| self.usage.get(name);
        filled(json!({
            "inputTokens": count("input_tokens"),
            "outputTokens": count("output_tokens"),
            "cacheReadTokens": count("cache_read_input_tokens"),
            "cacheWriteTokens": count("cache_creation_input_tokens"),
        }))
    }

    /// The payload of a `subagent_usage` event.
    fn cost(&self) -> Data {
        let mut data = self.counts();
        data.extend(filled(json!({ "model": self.model, "usageScope": "request", "sidechain": true })));
        data
    }

    /// The payload of an `ai_response` event.
    pub(super) fn data(&self) -> Data {
        let usage = self.counts();
        let usage = Some(usage).filter(|usage| !usage.is_empty());
        filled(json!({ "text": self.texts.join("\n\n"), "model": self.model, "usage": usage }))
    }
}

fn add_counts(sums: &mut Map<String, Value>, counts: &Map<String, Value>) {
    for (name, count) in counts {
        let sum = sums.get(name).and_then(Value::as_u64).unwrap_or(0);
        sums.insert(name.clone(), sum.saturating_add(count.as_u64().unwrap_or(0)).into());
    }
}
