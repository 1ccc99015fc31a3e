//! What a watcher knows of a session. No I/O, no clock.

use super::feed::News;
use super::row::Row;
use crate::plain::plain;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use std::collections::VecDeque;

/// The most lines that are kept.
const MOST_ROWS: usize = 5_000;

/// How the feed is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Link {
    /// Not there yet.
    Connecting,
    /// What was missed is coming in.
    Catching,
    /// Live.
    Live,
    /// Lost for now, with the reason.
    Lost(String),
    /// Over, with the reason.
    Over(String),
}

/// A session as it is watched.
#[derive(Debug)]
pub(super) struct Model {
    /// Who is watched, and where.
    pub(super) title: String,
    /// How the feed is.
    pub(super) link: Link,
    /// What is kept of the timeline, the oldest first.
    pub(super) rows: VecDeque<Row>,
    /// The signals, by name.
    pub(super) signals: Map<String, Value>,
    /// When the session began and ended.
    pub(super) started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub(super) ended_at: Option<DateTime<Utc>>,
    /// How many watch, this one included.
    pub(super) watchers: u64,
    /// How many lines the view stands above the last one; 0 follows.
    pub(super) above: usize,
}

impl Model {
    /// Nothing known yet of the session with that id.
    pub(super) fn new(session: &str) -> Self {
        Self {
            title: session.to_owned(),
            link: Link::Connecting,
            rows: VecDeque::new(),
            signals: Map::new(),
            started_at: None,
            ended_at: None,
            watchers: 0,
            above: 0,
        }
    }

    /// Takes what came.
    pub(super) fn take(&mut self, news: News) {
        let message = match news {
            News::Lost(reason) => {
                self.link = Link::Lost(plain(&reason));
                return;
            }
            News::Over(reason) => {
                self.link = Link::Over(plain(&reason));
                return;
            }
            News::Message(message) => message,
        };
        match message.get("type").and_then(Value::as_str) {
            Some("hello") => {
                self.session(message.get("session"));
                self.signals(message.get("signals"));
                self.link = Link::Live;
            }
            Some("replay") => self.link = Link::Catching,
            Some("live") => self.link = Link::Live,
            Some("event") => self.event(message.get("event").unwrap_or(&Value::Null)),
            Some("signals") => self.signals(message.get("signals")),
            Some("session") => self.session(message.get("session")),
            Some("presence") => self.watchers = message.get("watchers").and_then(Value::as_u64).unwrap_or(0),
            // What comes next does not follow what is there.
            Some("reset") => self.rows.clear(),
            _ => {}
        }
    }

    fn event(&mut self, event: &Value) {
        if self.rows.len() >= MOST_ROWS {
            self.rows.pop_front();
        }
        self.rows.push_back(Row::of(event));
        // Who reads what is past goes on reading it.
        if self.above > 0 {
            self.above = (self.above + 1).min(self.rows.len().saturating_sub(1));
        }
    }

    fn signals(&mut self, signals: Option<&Value>) {
        if let Some(Value::Object(signals)) = signals {
            self.signals.clone_from(signals);
        }
    }

    fn session(&mut self, session: Option<&Value>) {
        let Some(session) = session else { return };
        let word = |name: &str| session.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let time = |name: &str| word(name).and_then(|text| text.parse().ok());
        if let Some(name) = word("candidateName") {
            self.title = plain(name);
        }
        (self.started_at, self.ended_at) = (time("startedAt"), time("endedAt"));
    }

    /// Moves the view by so many lines, up for more than 0.
    pub(super) fn scroll(&mut self, lines: isize) {
        self.above = self.above.saturating_add_signed(lines).min(self.rows.len().saturating_sub(1));
    }

    /// A signal as it is shown: the bare value, or the value within an object that has one.
    pub(super) fn signal(&self, name: &str) -> Option<&Value> {
        let found = self.signals.get(name)?;
        Some(found.get("value").unwrap_or(found)).filter(|value| !value.is_null())
    }

    /// Events in each of the last `n` minutes before `now`, the oldest first.
    pub(super) fn per_minute(&self, n: usize, now: DateTime<Utc>) -> Vec<u64> {
        let mut counts = vec![0; n];
        for row in self.rows.iter().rev() {
            let Ok(at) = row.ts.parse::<DateTime<Utc>>() else { continue };
            let ago = usize::try_from((now - at).num_minutes().max(0)).unwrap_or(usize::MAX);
            if let Some(count) = n.checked_sub(ago.saturating_add(1)).and_then(|place| counts.get_mut(place)) {
                *count += 1;
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::{Link, MOST_ROWS, Model, News};
    use serde_json::json;

    fn event(seq: u64, ts: &str) -> News {
        let event = json!({ "seq": seq, "ts": ts, "kind": "prompt", "data": { "text": "x" } });
        News::Message(json!({ "type": "event", "event": event }))
    }

    #[test]
    fn whoever_reads_what_is_past_is_not_moved_by_what_comes() {
        let mut model = Model::new("s");
        for seq in 1..=5 {
            model.take(event(seq, "2026-01-01T00:00:00Z"));
        }
        model.scroll(2);
        model.take(event(6, "2026-01-01T00:00:00Z"));
        assert_eq!(model.above, 3);
        model.scroll(100);
        assert_eq!(model.above, 5);
        model.scroll(-100);
        model.take(event(7, "2026-01-01T00:00:00Z"));
        assert_eq!(model.above, 0, "the end is followed");
    }

    #[test]
    fn memory_is_bounded_and_a_reset_begins_anew() {
        let mut model = Model::new("s");
        for seq in 0..6_000 {
            model.take(event(seq, "2026-01-01T00:00:00Z"));
        }
        assert_eq!((model.rows.len(), model.rows.back().unwrap().seq), (MOST_ROWS, 5_999));
        model.take(News::Message(json!({ "type": "reset", "reason": "gap_too_large" })));
        assert!(model.rows.is_empty());
    }

    #[test]
    fn the_session_and_the_link_are_told() {
        let mut model = Model::new("s");
        let hello = json!({ "type": "hello", "session": { "candidateName": "A\u{1b}B", "startedAt": "2026-01-01T00:00:00Z" },
                            "signals": { "promptCount": { "value": 3 }, "commandFailRate": { "value": null } } });
        model.take(News::Message(hello));
        assert_eq!((model.title.as_str(), &model.link), ("A␛B", &Link::Live));
        assert_eq!(model.signal("promptCount"), Some(&json!(3)));
        assert_eq!(model.signal("commandFailRate"), None);
        model.take(News::Lost("gone".into()));
        assert_eq!(model.link, Link::Lost("gone".into()));
    }

    #[test]
    fn events_are_counted_by_the_minute() {
        let mut model = Model::new("s");
        for ts in ["2026-01-01T00:00:10Z", "2026-01-01T00:02:10Z", "2026-01-01T00:02:50Z", "nonsense"] {
            model.take(event(1, ts));
        }
        assert_eq!(model.per_minute(3, "2026-01-01T00:03:00Z".parse().unwrap()), [1, 0, 2]);
    }
}
