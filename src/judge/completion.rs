//! What a chat completion says.

use serde::Deserialize;

#[derive(Deserialize)]
struct Completion {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    content: Option<String>,
}

/// The text of the first choice; `None` when there is none, or one that the model was cut off in.
pub(super) fn text_of(answer: &[u8]) -> Option<String> {
    let Completion { choices } = serde_json::from_slice(answer).ok()?;
    let choice = choices.into_iter().next()?;
    let is_whole = !matches!(choice.finish_reason.as_deref(), Some("length" | "content_filter"));
    choice.message.content.filter(|_| is_whole)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn of(answer: &Value) -> Option<String> {
        text_of(answer.to_string().as_bytes())
    }

    #[test]
    fn a_completion_has_a_text_or_it_is_none() {
        let choice = |content: Value, reason: Value| json!({ "message": { "role": "assistant", "content": content }, "finish_reason": reason });
        let whole = choice(json!("a"), json!("stop"));
        assert_eq!(of(&json!({ "id": "x", "choices": [whole, whole], "usage": {} })).as_deref(), Some("a"));
        assert_eq!(of(&json!({ "choices": [{ "message": { "content": "a" } }] })).as_deref(), Some("a"));
        for cut in ["length", "content_filter"] {
            assert_eq!(of(&json!({ "choices": [choice(json!("a"), json!(cut))] })), None);
        }
        for none in [json!({}), json!({ "choices": [] }), json!({ "choices": [choice(Value::Null, json!("stop"))] })] {
            assert_eq!(of(&none), None, "{none}");
        }
        assert_eq!(text_of(b"<html>"), None);
    }
}
