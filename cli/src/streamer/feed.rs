//! The journal as the stream wants it: signed, each id once, and settled in order.

use super::Cursor;
use crate::envelope::{Author, Draft, Envelope, Source};
use crate::journal::{Journal, Reader};
use crate::sign::{Key, Signable};
use crate::transcript::tools::{cut, filled};
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

/// The kind of the event that tells of one that was refused.
pub(crate) const REFUSED: &str = "event_refused";
/// Longest reason of a refusal that is told, in bytes.
const ERROR_BYTES: usize = 500;

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
    named: Option<Named>,
    end: u64,
    prev_sig: String,
    sig: String,
    is_settled: bool,
    fate: Fate,
}

/// What an event is called.
#[derive(Clone)]
struct Named {
    id: Uuid,
    session_id: String,
    kind: String,
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
            seen.extend(named(&line.text).map(|named| named.id));
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
            let sealed = named(&line.text).map(|named| (named, self.sealed(&line.text)));
            let fate = match sealed {
                None | Some((_, None)) => Fate::Broken,
                // Two rails saw the same act.
                Some((named, _)) if !self.seen.insert(named.id) => Fate::Repeated,
                Some((named, Some((raw, sig)))) => {
                    let id = named.id;
                    let prev_sig = std::mem::replace(&mut self.prev_sig, sig.clone());
                    let (named, end) = (Some(named), line.end);
                    self.waiting.push_back(Waiting {
                        named,
                        end,
                        prev_sig,
                        sig,
                        is_settled: false,
                        fate: Fate::Stored,
                    });
                    return Ok(Some(Envelope::of_record(id, raw)));
                }
            };
            let (prev_sig, sig) = (String::new(), self.prev_sig.clone());
            self.waiting.push_back(Waiting { named: None, end: line.end, prev_sig, sig, is_settled: true, fate });
            self.advance();
        }
        Ok(None)
    }

    /// Takes note of an event's fate; `refusal` is the status and the reason where it was not taken.
    pub(super) fn settle(&mut self, id: Uuid, refusal: Option<(u16, String)>) {
        let is_it = |waiting: &&mut Waiting| waiting.named.as_ref().is_some_and(|named| named.id == id);
        if let Some(waiting) = self.waiting.iter_mut().find(is_it) {
            waiting.is_settled = true;
            if let Some((status, error)) = refusal {
                waiting.fate = Fate::Refused;
                let told = told(waiting, status, &error);
                self.write_down(id, status, &error, told);
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
            self.cursor.settled_at = now();
        }
        if self.waiting.is_empty() || self.kept_at.elapsed() >= KEEP_EVERY {
            // On a full disk the old cursor stays: then more is sent again, which is harmless.
            let _ = self.keep();
        }
    }

    fn write_down(&self, id: Uuid, status: u16, error: &str, told: Option<String>) {
        let line = json!({ "id": id, "status": status, "error": error }).to_string() + "\n";
        let file = private().append(true).create(true).open(self.workspace.state("refused.jsonl"));
        // The count in the cursor tells of it even when this fails.
        let _ = file.and_then(|mut file| file.write_all(line.as_bytes()));
        if let Some(told) = told {
            // Without it the chain has a gap, which `verify` names; a full disk is told elsewhere.
            let _ = Journal::of(&self.workspace).append_own(&[told], &now());
        }
    }
}

/// The event that stands in the log for one that the server did not take: it names the signature that is missing there.
///
/// `None` where it would be refused as well: of its own kind, and when the session is over.
fn told(waiting: &Waiting, status: u16, error: &str) -> Option<String> {
    let named = waiting.named.as_ref().filter(|named| named.kind != REFUSED && status >= 400)?;
    let data = filled(json!({
        "eventId": named.id, "eventKind": named.kind, "status": status, "error": cut(error, ERROR_BYTES),
        "sig": waiting.sig, "prevSig": waiting.prev_sig,
    }));
    let key = format!("refused:{}", named.id);
    let (source, author) = (Source::TOOL, Author::System);
    let draft = Draft { ts: Utc::now(), kind: REFUSED, key, source, author, data };
    draft.seal(&named.session_id).ok().map(|envelope| envelope.text().to_owned())
}

fn now() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn named(text: &str) -> Option<Named> {
    let event = serde_json::from_str::<Signable<'_>>(text).ok()?;
    Some(Named { id: event.id, session_id: event.session_id.into_owned(), kind: event.kind.into_owned() })
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
        let rest = rest(&mut feed);
        assert_eq!(rest[0], first[2], "and the chain goes on");
        let told: serde_json::Value = serde_json::from_str(&rest[1]).unwrap();
        let refused: serde_json::Value = serde_json::from_str(&first[1]).unwrap();
        assert_eq!((&told["kind"], &told["data"]["eventKind"]), (&"event_refused".into(), &"prompt".into()));
        assert_eq!((&told["data"]["sig"], &told["data"]["prevSig"]), (&refused["sig"], &refused["prevSig"]));
        feed.settle(Uuid::from_u128(3), None);
        let id = told["id"].as_str().unwrap().parse().unwrap();
        feed.settle(id, Some((400, "odd as well".into())));
        assert!(feed.is_settled() && feed.cursor.offset == Journal::of(&workspace).length());
    }
}
