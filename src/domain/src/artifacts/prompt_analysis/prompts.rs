//! The prompts of a session, as many of them as a model is asked about.

use std::collections::VecDeque;

use super::Question;
use crate::{
    Kind, StoredEvent,
    artifacts::{evidence::EventRef, step::read_payload},
    json::text,
};

/// How many prompts are asked about from each end of a session that has many. What a long session is like shows at its
/// beginning and its end, and a question has to have an end.
pub(super) const ASKED_PER_END: usize = 20;

/// How many characters of a prompt are read out. Of what was pasted, more says nothing about how somebody asks.
pub(super) const MAX_CHARS: usize = 2_000;

/// A prompt that is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Prompt {
    /// Its place among the prompts of the session, from 1 on.
    pub(super) number: u64,
    pub(super) at: EventRef,
    pub(super) text: String,
    pub(super) is_cut: bool,
}

/// Prompts in the order of the timeline: all of them up to 40, the first and the last twenty of more.
#[derive(Debug, Default)]
pub struct Prompts {
    first: Vec<Prompt>,
    last: VecDeque<Prompt>,
    count: u64,
}

impl Prompts {
    /// Takes in the next event of the timeline. What is no prompt, or one without a text, changes nothing.
    pub fn add(&mut self, stored: &StoredEvent) {
        let event = &stored.event;
        if event.kind != Kind::Prompt {
            return;
        }
        let words = read_payload(event, &["text", "prompt"], |data| {
            data.get("text").or_else(|| data.get("prompt")).and_then(text)
        });
        let Some(words) = words.flatten().filter(|words| !words.trim().is_empty()) else { return };
        self.count += 1;
        let (text, is_cut) = match words.char_indices().nth(MAX_CHARS) {
            Some((end, _)) => (words.get(..end).unwrap_or_default().to_owned(), true),
            None => (words, false),
        };
        let prompt = Prompt { number: self.count, at: EventRef { id: event.id, seq: stored.seq }, text, is_cut };
        if self.first.len() < ASKED_PER_END {
            return self.first.push(prompt);
        }
        if self.last.len() == ASKED_PER_END {
            self.last.pop_front();
        }
        self.last.push_back(prompt);
    }

    /// What is asked about them; `None` where nobody asked anything.
    #[must_use]
    pub fn question(self) -> Option<Question> {
        let asked: Vec<Prompt> = self.first.into_iter().chain(self.last).collect();
        (!asked.is_empty()).then_some(Question { asked, count: self.count })
    }
}
