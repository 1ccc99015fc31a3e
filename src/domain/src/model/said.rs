//! What is recorded of a call: texts within bounds, and the events they become.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Answer, Asked, Provider, Usage};
use crate::{SessionId, Timestamp};

/// The bytes of a text, in UTF-8, that are recorded; more is cut off. Of a string in an answer that is longer as it is
/// written, with its escapes, as many of those are read.
pub const MAX_RECORDED_BYTES: usize = 64 << 10;

/// The source of what is recorded here: `integration` of the events.
const INTEGRATION: &str = "proxy";

/// A call of a model, to be recorded.
#[derive(Debug)]
pub struct Call<'a> {
    /// Whose model.
    pub provider: Provider,
    /// The candidate's session.
    pub session: &'a SessionId,
    /// What the ids of events are made in: the candidate key.
    pub namespace: Uuid,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// When the answer ended, however it did.
    pub answered_at: Timestamp,
    /// What was asked, where a person did.
    pub asked: Option<&'a Asked>,
    /// What was answered.
    pub answer: &'a Answer,
    /// What it used.
    pub usage: &'a Usage,
    /// What it cost, in billionths of a dollar; `None` where the model has no price.
    pub nano_usd: Option<u64>,
}

/// The events of a call, as JSON that the ingest takes.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// The `prompt`, where a person asked.
    pub prompt: Option<Value>,
    /// The `ai_response`.
    pub answer: Value,
}

impl Call<'_> {
    /// The events. Their ids follow from the candidate key and from what the provider calls its answer, so that recording
    /// the same answer again adds nothing.
    #[must_use]
    pub fn events(&self) -> Recorded {
        let prompt = self.asked.map(|asked| {
            let mut data = self.data();
            data.insert("text".to_owned(), asked.text.as_str().into());
            data.insert("promptLengthChars".to_owned(), asked.chars.into());
            mark(&mut data, "truncated", asked.is_cut);
            self.event("prompt", self.asked_at, ["human", "likely_human", "medium"], data)
        });
        let mut data = self.data();
        let tokens = &self.usage.tokens;
        if !self.answer.text.is_empty() {
            data.insert("lastAssistantMessage".to_owned(), self.answer.text.as_str().into());
        }
        if !self.answer.stop_reason.is_empty() {
            data.insert("stopReason".to_owned(), self.answer.stop_reason.as_str().into());
        }
        data.insert("usageScope".to_owned(), "request".into());
        data.insert("inputTokens".to_owned(), tokens.input.into());
        data.insert("outputTokens".to_owned(), tokens.output.into());
        data.insert("cacheReadTokens".to_owned(), tokens.cache_read.into());
        data.insert("cacheWriteTokens".to_owned(), tokens.cache_write.into());
        data.extend(self.nano_usd.map(|nano_usd| ("totalCost".to_owned(), dollars(nano_usd))));
        mark(&mut data, "truncated", self.answer.is_cut);
        mark(&mut data, "aborted", !self.answer.is_whole);
        let answer = self.event("ai_response", self.answered_at, ["ai", "likely_ai", "high"], data);
        Recorded { prompt, answer }
    }

    fn data(&self) -> Map<String, Value> {
        let mut data = Map::new();
        data.insert("provider".to_owned(), self.provider.as_str().into());
        for (name, text) in [("model", &self.usage.model), ("requestId", &self.answer.id)] {
            if !text.is_empty() {
                data.insert(name.to_owned(), text.as_str().into());
            }
        }
        data
    }

    fn event(&self, kind: &str, ts: Timestamp, by: [&str; 3], data: Map<String, Value>) -> Value {
        let [actor, attribution, observability] = by;
        // An answer without a name is told from others by when it was asked for.
        let own = Some(self.answer.id.clone()).filter(|id| !id.is_empty()).unwrap_or_else(|| self.asked_at.to_string());
        let name = format!("{}/{own}/{kind}", self.provider.as_str());
        json!({
            "id": Uuid::new_v5(&self.namespace, name.as_bytes()),
            "sessionId": self.session,
            "ts": ts,
            "kind": kind,
            "source": { "channel": "api", "integration": INTEGRATION, "emitter": "promptster-server" },
            "actor": { "type": actor },
            "provenance": { "attribution": attribution, "confidence": 0.5, "observability": observability },
            "v": 1,
            "data": data,
        })
    }
}

/// Says so where it is so.
fn mark(data: &mut Map<String, Value>, name: &str, is_so: bool) {
    if is_so {
        data.insert(name.to_owned(), true.into());
    }
}

/// Billionths of a dollar as dollars, through their text: exact as far as such numbers are.
fn dollars(nano_usd: u64) -> Value {
    let (whole, parts) = (nano_usd / 1_000_000_000, nano_usd % 1_000_000_000);
    format!("{whole}.{parts:09}").parse::<f64>().map_or(Value::Null, Value::from)
}

/// The text, as much as is recorded of one, and whether that is less than all.
pub(super) fn bounded(mut text: String) -> (String, bool) {
    let is_cut = text.len() > MAX_RECORDED_BYTES;
    text.truncate(text.floor_char_boundary(MAX_RECORDED_BYTES));
    (text, is_cut)
}

/// Adds a string of JSON as it is written between its quotes; whether all of it had room.
pub(super) fn append(text: &mut String, raw: &[u8]) -> bool {
    let whole = if raw.contains(&b'\\') { unescaped(raw) } else { String::from_utf8_lossy(raw).into_owned() };
    text.push_str(whole.trim_end_matches('\u{fffd}'));
    let has_room = text.len() <= MAX_RECORDED_BYTES;
    text.truncate(text.floor_char_boundary(MAX_RECORDED_BYTES));
    has_room
}

/// What is written with escapes; one that is cut off or wrong is left out, half a surrogate becomes U+FFFD.
fn unescaped(raw: &[u8]) -> String {
    let written = String::from_utf8_lossy(raw);
    let mut units: Vec<u16> = Vec::with_capacity(written.len());
    let mut rest = written.chars();
    while let Some(character) = rest.next() {
        let plain = match character {
            '\\' => match rest.next() {
                Some('n') => '\n',
                Some('r') => '\r',
                Some('t') => '\t',
                Some('b') => '\u{8}',
                Some('f') => '\u{c}',
                Some('u') => {
                    let digits: String = rest.by_ref().take(4).collect();
                    units.extend(u16::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 4));
                    continue;
                }
                Some(other) => other,
                None => break,
            },
            other => other,
        };
        units.extend_from_slice(plain.encode_utf16(&mut [0; 2]));
    }
    String::from_utf16_lossy(&units)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn strings_are_read_as_serde_writes_them(text in ".*") {
            let text = text.trim_end_matches('\u{fffd}');
            let written = serde_json::to_string(text).unwrap();
            let mut read = String::new();
            prop_assert!(append(&mut read, &written.as_bytes()[1..written.len() - 1]));
            prop_assert_eq!(read, text);
        }

        #[test]
        fn what_is_cut_anywhere_is_a_beginning(at in 0_usize..40) {
            let written = r"aé\u00e9\ud83e\udd86\n\\ \u20ac";
            let raw = written.as_bytes();
            let mut read = String::new();
            append(&mut read, &raw[..at.min(raw.len())]);
            prop_assert!("aéé🦆\n\\ €".starts_with(&read), "{read:?}");
        }
    }

    #[test]
    fn money_is_written_in_dollars() {
        assert_eq!([dollars(1_500_000), dollars(2_000_000_001)], [json!(0.0015), json!(2.000_000_001)]);
    }
}
