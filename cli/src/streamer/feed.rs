//! The journal as the stream wants it: signed, each id once, and settled in order.

use super::Cursor;
use crate::envelope::Envelope;
use crate::journal::{Journal, Reader};
use crate::sign::{Key, Signable};
use crate::trouble::Trouble;
use crate::workspace::{Workspace, private};
use chrono::{SecondsFormat, Utc};
use serde_json::{json, value::RawValue};
use std::collections::{HashSet, VecDeque};
use std::io::Write;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// How often the cursor is written while events are settled, at most.
const KEEP_EVERY: Duration = Duration::from_millis(100);

/// Reads, signs and settles.
pub(super) struct Feed {
    workspace: Workspace,
    reader: Reader,
    key: Option<Key>,
    /// The signature of the last event handed out.
    prev_sig: String,
    seen: HashSet<Uuid>,
    waiting: VecDeque<Waiting>,
    cursor: Cursor,
    kept: Cursor,
    kept_at: Instant,
}

/// A line that was handed out, or that waits for those before it.
struct Waiting {
    id: Option<Uuid>,
    end: u64,
    sig: String,
    is_settled: bool,
    fate: Fate,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Stored,
    Refused,
    Broken,
    Repeated,
}

impl Feed {
    /// Goes on where the cursor is.
    pub(super) fn open(workspace: &Workspace) -> Result<Self, Trouble> {
        let journal = Journal::of(workspace);
        let cursor = Cursor::of(workspace);
        let mut seen = HashSet::new();
        let mut before = journal.reader(0)?;
        before.sync()?;
        while let Some(line) = before.next()? {
            if line.end > cursor.offset {
                break;
            }
            seen.extend(id_of(&line.text));
        }
        Ok(Self {
            workspace: workspace.clone(),
            reader: journal.reader(cursor.offset)?,
            key: Key::kept(&workspace.state("signing.key")).ok(),
            prev_sig: cursor.prev_sig.clone(),
            seen,
            waiting: VecDeque::new(),
            kept: cursor.clone(),
            cursor,
            kept_at: Instant::now(),
        })
    }

    /// The next event, signed; `None` when all are handed out.
    pub(super) fn next(&mut self) -> Result<Option<Envelope>, Trouble> {
        self.reader.sync()?;
        while let Some(line) = self.reader.next()? {
            let sealed = id_of(&line.text).map(|id| (id, self.sealed(&line.text)));
            let (id, fate) = match sealed {
                None | Some((_, None)) => (None, Fate::Broken),
                // Two rails saw the same act.
                Some((id, _)) if !self.seen.insert(id) => (None, Fate::Repeated),
                Some((id, Some((raw, sig)))) => {
                    self.prev_sig = sig;
                    let sig = self.prev_sig.clone();
                    self.waiting.push_back(Waiting {
                        id: Some(id),
                        end: line.end,
                        sig,
                        is_settled: false,
                        fate: Fate::Stored,
                    });
                    return Ok(Some(Envelope::of_record(id, raw)));
                }
            };
            let sig = self.prev_sig.clone();
            self.waiting.push_back(Waiting { id, end: line.end, sig, is_settled: true, fate });
            self.advance();
        }
        Ok(None)
    }

    /// Takes note of an event's fate; `refusal` is the status and the reason where it was not taken.
    pub(super) fn settle(&mut self, id: Uuid, refusal: Option<(u16, String)>) {
        if let Some(waiting) = self.waiting.iter_mut().find(|waiting| waiting.id == Some(id)) {
            waiting.is_settled = true;
            if let Some((status, error)) = refusal {
                waiting.fate = Fate::Refused;
                self.write_down(id, status, &error);
            }
        }
        self.advance();
    }

    /// Whether everything that was handed out is settled.
    pub(super) fn is_settled(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Writes the cursor.
    pub(super) fn keep(&mut self) -> Result<(), Trouble> {
        if self.cursor != self.kept {
            self.workspace.keep("cursor.json", &self.cursor)?;
            self.kept.clone_from(&self.cursor);
        }
        self.kept_at = Instant::now();
        Ok(())
    }

    fn sealed(&self, text: &str) -> Option<(Box<RawValue>, String)> {
        let (text, sig) = match &self.key {
            Some(key) => key.sign(text, &self.prev_sig)?,
            None => (text.to_owned(), String::new()),
        };
        Some((RawValue::from_string(text).ok()?, sig))
    }

    fn advance(&mut self) {
        while self.waiting.front().is_some_and(|first| first.is_settled) {
            let Some(first) = self.waiting.pop_front() else { break };
            self.cursor.offset = first.end;
            self.cursor.prev_sig = first.sig;
            match first.fate {
                Fate::Stored => self.cursor.stored += 1,
                Fate::Refused => self.cursor.refused += 1,
                Fate::Broken => self.cursor.broken += 1,
                Fate::Repeated => {}
            }
            self.cursor.settled_at = Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true);
        }
        if self.waiting.is_empty() || self.kept_at.elapsed() >= KEEP_EVERY {
            // On a full disk the old cursor stays: then more is sent again, which is harmless.
            let _ = self.keep();
        }
    }

    fn write_down(&self, id: Uuid, status: u16, error: &str) {
        let line = json!({ "id": id, "status": status, "error": error }).to_string() + "\n";
        let file = private().append(true).create(true).open(self.workspace.state("refused.jsonl"));
        // The count in the cursor tells of it even when this fails.
        let _ = file.and_then(|mut file| file.write_all(line.as_bytes()));
    }
}

fn id_of(text: &str) -> Option<Uuid> {
    serde_json::from_str::<Signable<'_>>(text).ok().map(|event| event.id)
}

#[cfg(test)]
mod tests {
    use super::Feed;
    use crate::journal::Journal;
    use crate::sign::Key;
    use crate::workspace::Workspace;
    use tempfile::TempDir;
    use uuid::Uuid;

    fn event(n: u128) -> String {
        let id = Uuid::from_u128(n);
        format!(
            r#"{{"id":"{id}","sessionId":"s","ts":"2026-01-01T00:00:00Z","kind":"prompt","source":"cli","v":1,"data":{{}}}}"#
        )
    }

    fn workspace(records: &[String]) -> (TempDir, Workspace) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(".promptster")).unwrap();
        let workspace = Workspace::at(folder.path());
        Key::random().keep(&workspace.state("signing.key")).unwrap();
        Journal::of(&workspace).append(records, "").unwrap();
        (folder, workspace)
    }

    fn rest(feed: &mut Feed) -> Vec<String> {
        std::iter::from_fn(|| feed.next().unwrap()).map(|envelope| envelope.text().to_owned()).collect()
    }

    #[test]
    fn what_is_not_settled_is_signed_again_byte_for_byte() {
        let (_folder, workspace) = workspace(&[event(1), event(2), "{torn".into(), event(1), event(3)]);
        let mut feed = Feed::open(&workspace).unwrap();
        let first = rest(&mut feed);
        assert_eq!(first.len(), 3, "a line that is no event and a repeated one are left out");
        feed.settle(Uuid::from_u128(2), None);
        drop(feed);
        assert_eq!(rest(&mut Feed::open(&workspace).unwrap()), first, "the first is not settled, so nothing is");
        let mut feed = Feed::open(&workspace).unwrap();
        rest(&mut feed);
        feed.settle(Uuid::from_u128(1), None);
        feed.settle(Uuid::from_u128(2), Some((400, "odd".into())));
        feed.keep().unwrap();
        let mut feed = Feed::open(&workspace).unwrap();
        assert_eq!((feed.cursor.stored, feed.cursor.refused, feed.cursor.broken), (1, 1, 1));
        assert_eq!(rest(&mut feed), first[2..], "and the chain goes on");
        feed.settle(Uuid::from_u128(3), None);
        assert!(feed.is_settled() && feed.cursor.offset == Journal::of(&workspace).length());
    }
}
