//! The text of an answer, gathered from its bytes while they pass: of messages, chat completions and responses, whole or
//! streamed. Of anything else nothing is kept.

use super::{
    MAX_RECORDED_BYTES,
    said::append,
    scan::{Path, Scalar},
    texts::{Said, Texts},
};

/// Gathers one answer.
#[derive(Debug)]
pub struct AnswerReader {
    texts: Texts,
    found: Found,
}

/// An answer, as far as it was seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// What the provider calls it; empty when it does not say.
    pub id: String,
    /// Its text, at most [`MAX_RECORDED_BYTES`] bytes: no thoughts, and no calls of tools.
    pub text: String,
    /// Whether it had more text than that.
    pub is_cut: bool,
    /// Whether it came to its end.
    pub is_whole: bool,
    /// Why the model stopped, in the provider's word; empty when it does not say.
    pub stop_reason: String,
}

#[derive(Debug, Default)]
struct Found {
    answer: Answer,
    is_stream: bool,
    /// Whether it has been seen that it is an answer of a model.
    is_answer: bool,
    /// Whether the model is still at work behind the provider's back: the answer is fetched later.
    is_pending: bool,
    /// Whether the next text is another block's.
    is_new_block: bool,
    /// The choice that is read; only the first one is kept.
    choice: u64,
    /// Whether the item that is read holds thoughts.
    is_thought: bool,
    event: Event,
}

/// One event of a stream: its members may come in any order.
#[derive(Debug, Default)]
struct Event {
    kind: String,
    delta: Vec<u8>,
    is_long: bool,
}

impl AnswerReader {
    /// A reader of an answer of this type; `content_type` is the header.
    #[must_use]
    pub fn new(content_type: &str) -> Self {
        let texts = Texts::of(content_type).keeping(MAX_RECORDED_BYTES);
        let found = Found { is_stream: texts.is_stream(), ..Found::default() };
        Self { texts, found }
    }

    /// Reads on.
    pub fn read(&mut self, chunk: &[u8]) {
        self.texts.read(chunk, &mut |said| self.found.note(&said));
    }

    /// The answer; `None` when no model answered, or has not yet.
    #[must_use]
    pub fn finish(mut self) -> Option<Answer> {
        self.texts.cut(&mut |said| self.found.note(&said));
        let Found { mut answer, is_stream, is_answer, is_pending, .. } = self.found;
        if !is_stream {
            answer.is_whole = !self.texts.is_within();
        }
        (is_answer && !is_pending).then_some(answer)
    }
}

impl Found {
    fn note(&mut self, said: &Said<'_>) {
        match said {
            Said::End => self.end_event(),
            Said::Value(path, Scalar::Plain(number)) => {
                if let ["choices", "[]", "index"] = path {
                    self.choice = number.parse().unwrap_or(0);
                }
            }
            Said::Value(path, Scalar::Text { short, raw, n_bytes }) => {
                let is_long = u64::try_from(raw.len()).is_ok_and(|kept| kept < *n_bytes);
                if self.is_stream {
                    self.note_streamed(path, *short, raw, is_long);
                } else {
                    self.note_whole(path, *short, raw, is_long);
                }
            }
        }
    }

    fn note_whole(&mut self, path: Path<'_>, short: Option<&str>, raw: &[u8], is_long: bool) {
        match path {
            ["id"] => self.name(short),
            ["type"] => self.is_answer |= short == Some("message"),
            ["object"] => self.is_answer |= matches!(short, Some("chat.completion" | "response")),
            ["status"] => {
                self.is_pending = matches!(short, Some("queued" | "in_progress"));
                self.stop(short);
            }
            ["stop_reason"] => self.stop(short),
            ["choices", "[]", "finish_reason"] if self.choice == 0 => self.stop(short),
            ["output", "[]", "type"] => self.is_thought = short == Some("reasoning"),
            ["output", "[]", "content", "[]", "text" | "refusal"] if self.is_thought => {}
            ["content", "[]", "text"] | ["output", "[]", "content", "[]", "text" | "refusal"] => {
                self.is_new_block = true;
                self.say(raw, is_long);
            }
            ["choices", "[]", "message", "content" | "refusal"] if self.choice == 0 => self.say(raw, is_long),
            _ => {}
        }
    }

    fn note_streamed(&mut self, path: Path<'_>, short: Option<&str>, raw: &[u8], is_long: bool) {
        match path {
            ["type"] => short.unwrap_or_default().clone_into(&mut self.event.kind),
            ["object"] => self.is_answer |= short == Some("chat.completion.chunk"),
            ["id"] | ["message" | "response", "id"] if self.answer.id.is_empty() => self.name(short),
            ["delta", "stop_reason"] | ["response", "status"] => self.stop(short),
            ["choices", "[]", "finish_reason"] if self.choice == 0 => {
                self.stop(short);
                self.answer.is_whole = true;
            }
            ["delta" | "refusal"] | ["delta", "text"] => {
                self.event.delta = raw.to_vec();
                self.event.is_long = is_long;
            }
            ["choices", "[]", "delta", "content" | "refusal"] if self.choice == 0 => self.say(raw, is_long),
            _ => {}
        }
    }

    fn end_event(&mut self) {
        let Event { kind, delta, is_long } = std::mem::take(&mut self.event);
        self.choice = 0;
        match kind.as_str() {
            "message_start" | "response.created" => self.is_answer = true,
            "content_block_start" | "response.content_part.added" => self.is_new_block = true,
            "content_block_delta" | "response.output_text.delta" | "response.refusal.delta" => {
                self.say(&delta, is_long)
            }
            "message_stop" | "response.completed" | "response.incomplete" | "response.failed" => {
                self.is_answer = true;
                self.answer.is_whole = true;
            }
            _ => {}
        }
    }

    fn name(&mut self, id: Option<&str>) {
        id.unwrap_or_default().clone_into(&mut self.answer.id);
    }

    fn stop(&mut self, reason: Option<&str>) {
        reason.unwrap_or_default().clone_into(&mut self.answer.stop_reason);
    }

    fn say(&mut self, raw: &[u8], is_long: bool) {
        if raw.is_empty() || self.answer.is_cut {
            return;
        }
        let text = &mut self.answer.text;
        if std::mem::take(&mut self.is_new_block) && !text.is_empty() {
            text.push('\n');
        }
        self.answer.is_cut = !append(text, raw) || is_long;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MESSAGES: &str = r#"event: message_start
data: {"type":"message_start","message":{"id":"msg_1","type":"message","content":[],"usage":{"output_tokens":1}}}

data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":""}}
data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"secretly"}}
data: {"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}
data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Say \"h"}}
data: {"delta":{"text":"é\u00e9🦆\n","type":"text_delta"},"index":1,"type":"content_block_delta"}
data: {"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"toolu_1","input":{}}}
data: {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"a\":1}"}}
data: {"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":15}}
data: {"type":"message_stop"}
"#;

    const CHAT: &str = "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\r\n\r\n\
        data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":1,\"delta\":{\"content\":\"other\"}}]}\r\n\r\n\
        data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Say \\\"hé\"}}]}\r\n\r\n\
        data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"é🦆\\n\"}}]}\r\n\r\n\
        data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\r\n\r\n\
        data: [DONE]\r\n\r\n";

    const RESPONSES: &str = r#"event: response.created
data: {"type":"response.created","response":{"id":"resp_1","object":"response","status":"in_progress","output":[]}}

data: {"type":"response.reasoning_summary_text.delta","delta":"secretly"}
data: {"type":"response.content_part.added","part":{"type":"output_text","text":""}}
data: {"type":"response.output_text.delta","delta":"Say \"h"}
data: {"delta":"éé🦆\n","type":"response.output_text.delta"}
data: {"type":"response.output_text.done","text":"Say \"héé🦆\n"}
data: {"type":"response.function_call_arguments.delta","delta":"{}"}
data: {"type":"response.completed","response":{"id":"resp_1","object":"response","status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":"Say \"héé🦆\n"}]}]}}
"#;

    const SSE: &str = "text/event-stream; charset=utf-8";
    const TEXT: &str = "Say \"héé🦆\n";

    fn read(kind: &str, chunks: &[&[u8]]) -> Option<Answer> {
        let mut reader = AnswerReader::new(kind);
        chunks.iter().for_each(|chunk| reader.read(chunk));
        reader.finish()
    }

    fn of(kind: &str, text: &str) -> Option<Answer> {
        read(kind, &[text.as_bytes()])
    }

    fn answer(id: &str, text: &str, stop_reason: &str) -> Option<Answer> {
        let (id, text, stop_reason) = (id.to_owned(), text.to_owned(), stop_reason.to_owned());
        Some(Answer { id, text, stop_reason, is_cut: false, is_whole: true })
    }

    #[test]
    fn streams_are_gathered() {
        assert_eq!(of(SSE, MESSAGES), answer("msg_1", TEXT, "tool_use"));
        assert_eq!(of(SSE, CHAT), answer("chatcmpl-1", TEXT, "stop"));
        assert_eq!(of(SSE, RESPONSES), answer("resp_1", TEXT, "completed"));
    }

    #[test]
    fn whole_answers_are_gathered() {
        let message = r#"{"id":"msg_2","type":"message","model":"m","content":[{"type":"thinking","thinking":"secretly"},
            {"type":"text","text":"One\t"},{"type":"tool_use","id":"t","name":"x","input":{"text":"no"}},{"type":"text","text":"two"}],"stop_reason":"end_turn"}"#;
        assert_eq!(of("application/json", message), answer("msg_2", "One\t\ntwo", "end_turn"));
        let chat = r#"{"id":"chatcmpl-2","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"One"},"finish_reason":"stop"},
            {"index":1,"message":{"content":"other"},"finish_reason":"length"}]}"#;
        assert_eq!(of("application/json", chat), answer("chatcmpl-2", "One", "stop"));
        let response = r#"{"id":"resp_2","object":"response","status":"completed","output":[{"type":"reasoning","content":[{"type":"reasoning_text","text":"secretly"}]},
            {"type":"message","content":[{"type":"output_text","text":"One"},{"type":"refusal","refusal":"no"}]}],"text":{"format":{"type":"text"}}}"#;
        assert_eq!(of("application/json", response), answer("resp_2", "One\nno", "completed"));
    }

    #[test]
    fn what_is_no_answer_of_a_model_is_not_kept() {
        for text in [
            r#"{"input_tokens":5}"#,
            r#"{"type":"error","error":{"message":"no"}}"#,
            r#"{"id":"file_1","object":"file","content":[{"text":"x"}]}"#,
            r#"{"id":"resp_3","object":"response","status":"queued","output":[]}"#,
            "",
            "[1,{]",
        ] {
            assert_eq!(of("application/json", text), None, "{text}");
            assert_eq!(of(SSE, &format!("data: {text}\n\n")), None, "{text}");
        }
    }

    #[test]
    fn of_what_is_cut_off_the_beginning_is_kept_and_it_is_not_whole() {
        for (stream, at, id) in [(MESSAGES, "data: {\"delta\"", "msg_1"), (RESPONSES, "data: {\"delta\"", "resp_1")] {
            let seen = stream.split(at).next().unwrap();
            let expected = Answer { is_whole: false, ..answer(id, "Say \"h", "").unwrap() };
            let seen = of(SSE, &format!("{seen}data: {{\"type\":\"content_blo")).unwrap();
            assert_eq!(Answer { stop_reason: String::new(), ..seen }, expected);
        }
        let whole = r#"{"id":"msg_2","type":"message","content":[{"type":"text","text":"One and a half \u0"#;
        let expected = Answer { is_whole: false, ..answer("msg_2", "One and a half ", "").unwrap() };
        assert_eq!(of("application/json", whole), Some(expected));
    }

    #[test]
    fn of_a_long_answer_the_beginning_is_kept_and_memory_has_a_bound() {
        let long = "x".repeat(MAX_RECORDED_BYTES * 4);
        let message = format!(r#"{{"id":"a","type":"message","content":[{{"type":"text","text":"{long}"}}]}}"#);
        let event = format!("data: {{\"type\":\"content_block_delta\",\"delta\":{{\"text\":\"{long}\"}}}}\n\n");
        let stream =
            format!("data: {{\"type\":\"message_start\"}}\n\n{}data: {{\"type\":\"message_stop\"}}\n", event.repeat(3));
        for (kind, text) in [("application/json", message), (SSE, stream)] {
            let mut reader = AnswerReader::new(kind);
            reader.read(text.as_bytes());
            assert!(reader.found.answer.text.capacity() <= MAX_RECORDED_BYTES * 4);
            let answer = reader.finish().unwrap();
            assert_eq!((answer.text.len(), answer.is_cut, answer.is_whole), (MAX_RECORDED_BYTES, true, true));
        }
    }

    proptest! {
        #[test]
        fn chunks_may_end_anywhere(size in 1_usize..60) {
            for stream in [MESSAGES, CHAT, RESPONSES] {
                let chunks: Vec<&[u8]> = stream.as_bytes().chunks(size).collect();
                prop_assert_eq!(read(SSE, &chunks), of(SSE, stream));
            }
        }

        #[test]
        fn garbage_is_read_without_harm(garbage in prop::collection::vec(prop::sample::select(b"{}[]\",:\\ \n1ud\xff".to_vec()), 0..2000)) {
            for kind in [SSE, "application/json"] {
                let _ = read(kind, &[b"data: {\"type\":\"message_start\"}\ndata:", &garbage]);
            }
        }
    }
}
