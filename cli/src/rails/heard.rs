//! What hooks have told already, so that the background rails tell each act once.
//!
//! A use of a tool has the tool's own name and so one id on every rail. Prompts, answers and compactions have none that
//! both rails know: of these the same words in the same session of the tool are the same act, one for one.

use crate::envelope::Draft;
use crate::redact;
use serde_json::Value;
use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// How long the answer that a hook told waits for the transcript, which knows its tokens.
const WAITS: Duration = Duration::from_secs(10);
/// Answers told by the transcript that a hook may still tell.
const REMEMBERED: usize = 256;

/// The acts that hooks told.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Ids of all events of the journal.
    ids: HashSet<Uuid>,
    /// Prompts and compactions of hooks: how often each, by kind, session and words.
    acts: HashMap<(String, String, String), usize>,
    replies: Vec<Reply>,
    /// Answers of transcripts that no hook has told yet.
    told: VecDeque<(String, String)>,
}

/// An answer that a hook told and that waits.
#[derive(Debug)]
struct Reply {
    id: Uuid,
    session: String,
    text: String,
    record: String,
    since: Instant,
}

struct Event {
    id: Uuid,
    kind: String,
    session: String,
    text: String,
    is_hook: bool,
}

fn event(record: &str) -> Option<Event> {
    let event: Value = serde_json::from_str(record).ok()?;
    let word = |path: &str| event.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    Some(Event {
        id: word("/id").parse().ok()?,
        kind: word("/kind"),
        session: word("/data/meta/ideSessionId"),
        text: word("/data/text").trim().to_owned(),
        is_hook: word("/source/channel") == "hook" && word("/source/integration") == "claude-code",
    })
}

impl Heard {
    /// Takes in a record of the journal.
    pub(super) fn record(&mut self, record: &str) {
        let Some(event) = event(record) else { return };
        self.ids.insert(event.id);
        if event.is_hook && matches!(event.kind.as_str(), "prompt" | "context_compact") {
            *self.acts.entry((event.kind, event.session, event.text)).or_default() += 1;
        }
    }

    /// Takes in the answer that a hook told.
    pub(super) fn reply(&mut self, record: &str) {
        let Some(Event { id, session, text, .. }) = event(record) else { return };
        let is_it = |(told_session, told): &(String, String)| *told_session == session && told.ends_with(&text);
        if let Some(at) = self.told.iter().position(is_it) {
            self.told.remove(at);
            return;
        }
        self.replies.push(Reply { id, session, text, record: record.to_owned(), since: Instant::now() });
    }

    /// Whether an event of a transcript is news.
    pub(super) fn is_news(&mut self, session: &str, draft: &Draft, id: Uuid) -> bool {
        let text = draft.data.get("text").and_then(Value::as_str).unwrap_or_default().trim();
        let text = redact::text(text).into_owned();
        match draft.kind {
            "prompt" | "context_compact" => {
                let key = (draft.kind.to_owned(), session.to_owned(), text);
                if let Some(count) = self.acts.get_mut(&key).filter(|count| **count > 0) {
                    *count -= 1;
                    return false;
                }
            }
            "ai_response" => {
                let is_it = |reply: &Reply| reply.session == session && text.ends_with(&reply.text);
                match self.replies.iter().position(is_it) {
                    // It had waited for too long, and is in the journal without its tokens.
                    Some(at) if self.ids.contains(&self.replies.remove(at).id) => return false,
                    Some(_) => {}
                    None => {
                        self.told.push_back((session.to_owned(), text));
                        if self.told.len() > REMEMBERED {
                            self.told.pop_front();
                        }
                    }
                }
            }
            _ => {}
        }
        !self.ids.contains(&id)
    }

    /// Whether an event is not in the journal.
    pub(super) fn is_new(&self, id: Uuid) -> bool {
        !self.ids.contains(&id)
    }

    /// The answers that have waited for long enough, and are told as the hook told them.
    pub(super) fn due(&self, all: bool) -> Vec<String> {
        let is_due = |reply: &&Reply| (all || reply.since.elapsed() >= WAITS) && !self.ids.contains(&reply.id);
        self.replies.iter().filter(is_due).map(|reply| reply.record.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Heard;
    use crate::envelope::{Author, Data, Draft, Source};
    use serde_json::json;

    fn draft(kind: &'static str, source: Source, key: &str, text: &str) -> Draft {
        let ts = "2026-01-01T00:00:00Z".parse().unwrap();
        let serde_json::Value::Object(data) = json!({ "text": text, "meta": { "ideSessionId": "c1" } }) else {
            return Draft { ts, kind, key: String::new(), source, author: Author::Human, data: Data::new() };
        };
        Draft { ts, kind, key: key.into(), source, author: Author::Human, data }
    }

    fn hook(kind: &'static str, key: &str, text: &str) -> String {
        draft(kind, Source::CLAUDE_CODE, key, text).seal("s").unwrap().text().to_owned()
    }

    #[test]
    fn a_prompt_that_a_hook_told_is_no_news_and_the_same_words_again_are() {
        let mut heard = Heard::default();
        heard.record(&hook("prompt", "h1", "go on"));
        let is_news = |heard: &mut Heard, key: &str, text: &str| {
            let draft = draft("prompt", Source::CLAUDE_TAIL, key, text);
            heard.is_news("c1", &draft, draft.id("s"))
        };
        assert!(!is_news(&mut heard, "t1", " go on\n"));
        assert!(is_news(&mut heard, "t2", "go on"));
        assert!(is_news(&mut heard, "t3", "another"));
    }

    #[test]
    fn an_answer_is_told_once_whoever_comes_first() {
        let tail = draft("ai_response", Source::CLAUDE_TAIL, "t1", "First.\n\nDone.");
        let id = tail.id("s");
        // The hook first.
        let mut heard = Heard::default();
        heard.reply(&hook("ai_response", "h1", "Done."));
        assert!(heard.is_news("c1", &tail, id));
        assert!(heard.due(true).is_empty());
        // The transcript first.
        let mut heard = Heard::default();
        assert!(heard.is_news("c1", &tail, id));
        heard.reply(&hook("ai_response", "h1", "Done."));
        assert!(heard.due(true).is_empty());
        // No transcript: the hook's word counts, and a transcript that comes later is no news.
        let mut heard = Heard::default();
        let record = hook("ai_response", "h1", "Done.");
        heard.reply(&record);
        assert!(heard.due(false).is_empty());
        assert_eq!(heard.due(true), std::slice::from_ref(&record));
        heard.record(&record);
        assert!(heard.due(true).is_empty());
        assert!(!heard.is_news("c1", &tail, id));
    }
}
