//! The usage of an answer, from its bytes as they come: one JSON text, or Server-Sent Events with one in each `data:`.

use super::{
    Provider, Tokens, Usage,
    scan::{Path, Scalar},
    texts::{Said, Texts},
};

/// Bytes of text that are taken for a token where the provider has not said how many there were.
const BYTES_PER_TOKEN: u64 = 4;

/// A name of a model is not longer.
const MAX_MODEL: usize = 128;

/// Reads the usage of one answer.
#[derive(Debug)]
pub struct UsageReader {
    provider: Provider,
    /// Tokens that the request is taken for, until the answer tells.
    asked: u64,
    texts: Texts,
    found: Found,
}

#[derive(Debug, Default)]
struct Found {
    model: String,
    /// As the provider counts: of OpenAI `input` has those of the cache in it.
    told: Tokens,
    /// Whether the count of what was written is the last one.
    is_final: bool,
    /// Bytes of text that streamed by.
    streamed: u64,
}

impl UsageReader {
    /// A reader of an answer of this type; `content_type` is the header.
    #[must_use]
    pub fn new(provider: Provider, content_type: &str) -> Self {
        Self { provider, asked: 0, texts: Texts::of(content_type), found: Found::default() }
    }

    /// The same reader, of an answer to this request: OpenAI tells only at the end of a stream how many tokens it read,
    /// and not always then.
    #[must_use]
    pub fn answering(self, request: &[u8]) -> Self {
        if self.provider != Provider::Openai || !self.texts.is_stream() {
            return self;
        }
        Self { asked: text_bytes(request).div_ceil(BYTES_PER_TOKEN), ..self }
    }

    /// Reads on.
    pub fn read(&mut self, chunk: &[u8]) {
        let found = &mut self.found;
        let is_stream = self.texts.is_stream();
        self.texts.read(chunk, &mut |said| {
            if let Said::Value(path, value) = said {
                found.note(is_stream, path, value);
            }
        });
    }

    /// What was used, as far as it was seen. Of a stream that was cut off, what was written is estimated by its length,
    /// and so is what was read if something was written.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let Found { model, told, is_final, streamed } = &self.found;
        let estimated = if *is_final { 0 } else { streamed.div_ceil(BYTES_PER_TOKEN) };
        let mut tokens = Tokens { output: told.output.max(estimated), ..*told };
        let is_input_told = [told.input, told.cache_read, told.cache_write].iter().any(|count| *count > 0);
        if estimated > 0 && !is_input_told {
            tokens.input = self.asked;
        } else if self.provider == Provider::Openai {
            tokens.input = told.input.saturating_sub(told.cache_read).saturating_sub(told.cache_write);
        }
        Usage { model: model.clone(), tokens }
    }
}

/// Pictures and files stand in requests as long words of base64; what they count as cannot be told from their length.
const LONGEST_WORD: u64 = 1024;

/// How many bytes of text there are; of a word that no text has, the beginning counts.
fn text_bytes(request: &[u8]) -> u64 {
    let mut word = 0_u64;
    let counted = request.iter().filter(|byte| {
        let is_in_word = byte.is_ascii_alphanumeric() || b"+/=-_".contains(byte);
        word = if is_in_word { word + 1 } else { 0 };
        word <= LONGEST_WORD
    });
    u64::try_from(counted.count()).unwrap_or(u64::MAX)
}

impl Found {
    fn note(&mut self, is_stream: bool, path: Path<'_>, value: Scalar<'_>) {
        match value {
            Scalar::Plain(number) => self.note_number(path, number),
            Scalar::Text { short, n_bytes, .. } => match path {
                ["model"] | ["message" | "response", "model"] => {
                    if let Some(model) = short.filter(|model| model.len() <= MAX_MODEL) {
                        model.clone_into(&mut self.model);
                    }
                }
                // What is written, piece by piece: messages, responses, chat completions.
                ["delta"]
                | ["delta", "text" | "thinking" | "partial_json"]
                | ["choices", "[]", "delta", "content" | "refusal"]
                    if is_stream =>
                {
                    self.streamed = self.streamed.saturating_add(n_bytes);
                }
                _ => {}
            },
        }
    }

    fn note_number(&mut self, path: Path<'_>, number: &str) {
        let (is_begin, name) = match path {
            ["usage", name @ ..] | ["response", "usage", name @ ..] => (false, name),
            ["message", "usage", name @ ..] => (true, name),
            _ => return,
        };
        let Ok(count) = number.parse::<u64>() else { return };
        let place = match name {
            ["input_tokens" | "prompt_tokens"] => &mut self.told.input,
            ["output_tokens" | "completion_tokens"] => {
                // That of `message_start` is what there was then.
                self.is_final |= !is_begin;
                &mut self.told.output
            }
            ["cache_read_input_tokens"] | ["input_tokens_details" | "prompt_tokens_details", "cached_tokens"] => {
                &mut self.told.cache_read
            }
            ["cache_creation_input_tokens"]
            | ["input_tokens_details" | "prompt_tokens_details", "cache_write_tokens"] => &mut self.told.cache_write,
            _ => return,
        };
        // Counts of one answer only ever grow; a later event that has none of some kind says 0.
        *place = count.max(*place);
    }
}
