//! What a person asked for: the newest message of a request, where it is a person's.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::said::bounded;

/// A prompt, as the tool sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Its beginning, at most [`super::MAX_RECORDED_BYTES`] bytes.
    pub text: String,
    /// The characters of the whole text.
    pub chars: usize,
    /// Whether there is more than `text`.
    pub is_cut: bool,
}

/// The conversation of a request: `messages` of messages and chat completions, `input` of responses.
#[derive(Deserialize)]
struct Request<'a> {
    #[serde(borrow)]
    messages: Option<&'a RawValue>,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Message<'a> {
    role: Option<String>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Block {
    #[serde(rename = "type")]
    kind: Option<String>,
    text: Option<String>,
}

impl Asked {
    /// The prompt that this request asks with. `None` where its newest message has none: results of tools go back to the
    /// model with the whole conversation, and nobody asked anew then.
    #[must_use]
    pub fn newest(request: &[u8]) -> Option<Self> {
        let request: Request<'_> = serde_json::from_slice(request).ok()?;
        let conversation = request.messages.or(request.input)?.get();
        if let Ok(text) = serde_json::from_str::<String>(conversation) {
            return Self::of(text);
        }
        let messages: Vec<&RawValue> = serde_json::from_str(conversation).ok()?;
        for message in messages.iter().rev() {
            let message: Message<'_> = serde_json::from_str(message.get()).ok()?;
            match message.role.as_deref() {
                Some("user") => return Self::of(text_of(message.content?.get())?),
                // What a tool put behind it: a beginning of the answer, or instructions.
                Some("assistant" | "system" | "developer") => {}
                _ => return None,
            }
        }
        None
    }

    fn of(text: String) -> Option<Self> {
        let chars = text.chars().count();
        let (text, is_cut) = bounded(text);
        (!text.trim().is_empty()).then_some(Self { text, chars, is_cut })
    }
}

/// The text of a message; `None` with the result of a tool in it.
fn text_of(content: &str) -> Option<String> {
    if let Ok(text) = serde_json::from_str::<String>(content) {
        return Some(text);
    }
    let blocks: Vec<Block> = serde_json::from_str(content).ok()?;
    if blocks.iter().any(|block| block.kind.as_deref().is_some_and(|kind| kind.ends_with("tool_result"))) {
        return None;
    }
    Some(blocks.into_iter().filter_map(|block| block.text).collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{super::MAX_RECORDED_BYTES, *};

    fn newest(request: &Value) -> Option<String> {
        Asked::newest(request.to_string().as_bytes()).map(|asked| asked.text)
    }

    #[test]
    fn the_newest_prompt_is_found_in_every_shape() {
        let old = json!({"role": "user", "content": "old"});
        let new = json!([{"type": "text", "text": "Fix\nit"}, {"type": "image", "source": {}}, {"type": "text", "text": "é"}]);
        for request in [
            json!({"model": "m", "messages": [old, {"role": "assistant", "content": "x"}, {"role": "user", "content": new}]}),
            json!({"messages": [{"role": "user", "content": new}, {"role": "assistant", "content": "{"}]}),
            json!({"input": [{"type": "reasoning"}, {"type": "message", "role": "user", "content": new}]}),
            json!({"input": "Fix\nit\né"}),
        ] {
            assert_eq!(newest(&request).as_deref(), Some("Fix\nit\né"), "{request}");
        }
    }

    #[test]
    fn what_a_tool_sends_back_is_no_prompt() {
        let old = json!({"role": "user", "content": "old"});
        let result = json!([{"type": "tool_result", "content": "ok"}, {"type": "text", "text": "<system-reminder>"}]);
        for request in [
            json!({"messages": [old, {"role": "user", "content": result}]}),
            json!({"messages": [old, {"role": "tool", "content": "ok"}]}),
            json!({"input": [old, {"type": "function_call_output", "output": "ok"}]}),
            json!({"messages": []}),
            json!({"messages": 7, "input": "x"}),
            json!({"messages": [{"role": "user", "content": " "}]}),
            json!({"messages": [{"role": "user", "content": [{"type": "image"}]}]}),
            json!([1]),
        ] {
            assert_eq!(newest(&request), None, "{request}");
        }
        assert_eq!(Asked::newest(b""), None);
        assert_eq!(Asked::newest(b"\xff{"), None);
    }

    #[test]
    fn of_a_long_prompt_the_beginning_is_kept() {
        let text = "é".repeat(MAX_RECORDED_BYTES);
        let asked = Asked::newest(json!({"input": text}).to_string().as_bytes()).unwrap();
        assert_eq!((asked.text.len(), asked.chars, asked.is_cut), (MAX_RECORDED_BYTES, MAX_RECORDED_BYTES, true));
    }
}
