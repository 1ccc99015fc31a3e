//! Random events that look like those of real clients, the same for the same seed.

use std::sync::Arc;

use bytes::Bytes;
use domain::{Event, Limits, Timestamp};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::history::Sent;

const COMMANDS: &[&str] = &[
    "ls -la",
    "git status --short",
    "npm test",
    "npx jest --watch=false",
    "cd app && cargo test --all",
    "pytest -x | tail -20",
    "python -m pytest tests/test_ä.py",
    "npm run build",
    "cargo build --release",
    "make all",
    "cargo clippy --all-targets",
    "npx eslint . && npx tsc --noEmit",
    "git commit -m 'run tests'",
    "echo pytest",
    "RUST_LOG=debug sudo go test ./...",
    "rm -rf node_modules; yarn install",
    "bash -c \"go vet ./...\"",
];

const PATHS: &[&str] = &["src/a.rs", "src/lib.rs", "web/index.tsx", "src/ä b.rs", "README.md", "tests/it.py", ""];

const ATTRIBUTIONS: &[&str] =
    &["likely_ai", "likely_ai", "ai_revised_by_human", "likely_human", "mixed", "system_generated", "unknown", "new"];

const WORDS: &[&str] = &[
    "fn",
    "return",
    "größe",
    "λ",
    "const",
    "the",
    "test",
    "failed:",
    "日本語",
    "🙂",
    "{",
    "}",
    "\"quoted\"",
    "\\n",
    "a\tb",
    "await",
    "import",
    "== 0",
    "<div>",
    "&amp;",
    "—",
];

/// Random events of one session.
pub(crate) struct Generator {
    rng: StdRng,
    /// Makes the ids, where they are not to depend on the content.
    ids: Option<StdRng>,
    session: String,
    now_ms: i64,
    /// How often the smallest size of a text may double.
    doublings: u32,
}

/// What a candidate sends: different events, and the order in which to send them, some more than once.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The events, in the order in which each is first sent.
    pub(crate) events: Vec<Sent>,
    /// Indices of `events`.
    pub(crate) order: Vec<usize>,
}

impl Generator {
    /// Events of `session` from `start_ms` on.
    pub(crate) fn new(seed: u64, session: &str, start_ms: i64) -> Self {
        let rng = StdRng::seed_from_u64(seed);
        Self { rng, ids: None, session: session.to_owned(), now_ms: start_ms, doublings: 6 }
    }

    /// Smaller events, with ids from a seed of their own.
    pub(crate) fn small(mut self, ids: u64) -> Self {
        (self.ids, self.doublings) = (Some(StdRng::seed_from_u64(ids)), 3);
        self
    }

    /// `n` different events; one send in twenty repeats an earlier one.
    pub(crate) fn plan(&mut self, n: usize) -> Result<Plan, String> {
        let mut plan = Plan { events: Vec::with_capacity(n), order: Vec::with_capacity(n + n / 16) };
        for index in 0..n {
            plan.events.push(self.event(index == 0)?);
            plan.order.push(index);
            if self.rng.random_bool(0.05) {
                plan.order.push(self.rng.random_range(0..=index));
            }
        }
        Ok(plan)
    }

    /// The next event.
    pub(crate) fn event(&mut self, is_first: bool) -> Result<Sent, String> {
        let id = uuid::Builder::from_random_bytes(self.ids.as_mut().unwrap_or(&mut self.rng).random()).into_uuid();
        let (kind, data) = if is_first { ("session_start", json!({ "cwd": "/home/dev/app" })) } else { self.payload() };
        let data = self.printed(data);
        let text = self.envelope(id, kind, &data);
        let limits = Limits { now: Timestamp::from_millis(i64::MAX), strict_kinds: false };
        let event = Event::parse(Bytes::from(text.clone()), &limits)
            .map_err(|error| format!("a generated event is none: {:?} in {text}", error.details))?;
        Ok(Sent { text: Arc::from(text), event })
    }

    fn envelope(&mut self, id: Uuid, kind: &str, data: &str) -> String {
        let ts = self.ts();
        // An editor tool that ends is a mark; from any other source it would close the session.
        let source = if kind.starts_with("session_") { json!("claude-code") } else { self.source() };
        let actor = self.pick(&["ai", "human", "human", "system", "somebody"]);
        let mut more = String::new();
        if self.rng.random_bool(0.9) {
            more.push_str(&format!(r#","actor":{{"type":"{actor}","role":"any"}}"#));
        }
        if self.rng.random_bool(0.8) {
            let (attribution, confidence) = (self.pick(ATTRIBUTIONS), self.pick(&["0", "0.60", "1", "1.0"]));
            more.push_str(&format!(r#","provenance":{{"attribution":"{attribution}","confidence":{confidence}}}"#));
        }
        let session = &self.session;
        format!(
            r#"{{"id":"{id}","sessionId":"{session}","ts":"{ts}","kind":"{kind}","source":{source},"v":1,"data":{data}{more}}}"#
        )
    }

    /// Mostly later than before, sometimes at the same time, now and then much earlier; in several notations.
    fn ts(&mut self) -> String {
        let back = match self.rng.random_range(0..20) {
            0 => self.rng.random_range(0..600_000),
            1..4 => 0,
            _ => {
                self.now_ms += self.rng.random_range(1..4000);
                0
            }
        };
        let ts = Timestamp::from_millis(self.now_ms - back).to_string();
        match self.rng.random_range(0..10) {
            0 => ts.replace('Z', "+00:00"),
            1 => ts.replace('Z', "999Z"),
            _ => ts,
        }
    }

    fn source(&mut self) -> Value {
        match self.rng.random_range(0..6) {
            0 => json!("terminal"),
            1 => json!("cursor"),
            2 => json!({ "channel": "ide-extension", "integration": "vscode", "emitter": "promptster-vscode" }),
            3 => json!({ "channel": "api", "integration": "own" }),
            4 => json!({}),
            _ => json!({ "channel": "hook", "integration": "claude-code", "emitter": "hook" }),
        }
    }

    fn payload(&mut self) -> (&'static str, Value) {
        let size = self.size();
        match self.rng.random_range(0..100) {
            0..12 => ("prompt", json!({ "text": self.text(size), "tokenCount": self.rng.random_range(1..900) })),
            12..24 => ("ai_response", json!({ "text": self.text(size), "model": "any" })),
            24..48 => ("command", self.command(size)),
            48..64 => {
                let (added, removed) = (self.count(80), self.count(40));
                let diff = self.text(size);
                (
                    "file_diff",
                    json!({ "path": self.pick(PATHS), "diff": diff, "linesAdded": added, "linesRemoved": removed }),
                )
            }
            64..69 => {
                let content = self.text(size);
                ("file_create", json!({ "path": self.pick(PATHS), "content": content, "linesAdded": self.count(200) }))
            }
            69..72 => ("file_delete", json!({ "path": self.pick(PATHS), "linesRemoved": self.count(50) })),
            72..77 => {
                let (passed, failed) = (self.count(4), self.count(2));
                ("test_run", json!({ "suite": "unit", "passed": passed, "failed": failed, "log": self.text(size) }))
            }
            77..79 => ("build_run", json!({ "ok": true, "log": self.text(size) })),
            79..83 => {
                let (title, score) = (self.text(40), self.rng.random_range(1..=5));
                ("decision_event", json!({ "title": title, "rationale": self.text(size), "impactScore": score }))
            }
            83..88 => {
                ("tool_use", json!({ "tool": "Read", "input": { "file": self.pick(PATHS), "note": self.text(size) } }))
            }
            88..91 => ("tool_call", json!({ "tool": "Read", "output": self.text(size), "n": [1, { "deep": null }] })),
            91..94 => ("planning", json!({ "steps": [self.text(60), self.text(size)] })),
            94..96 => ("mcp_call", json!({ "server": "files", "arguments": { "q": self.text(size) } })),
            96 => ("checkpoint", json!({ "label": "half", "summary": self.text(size) })),
            97 => ("git_action", json!({ "action": "commit", "message": self.text(size) })),
            98 => ("session_end", json!({ "reason": "exit" })),
            _ => ("editor_focus", json!({ "file": self.pick(PATHS), "view": self.text(size) })),
        }
    }

    fn command(&mut self, size: usize) -> Value {
        let exit_code = match self.rng.random_range(0..10) {
            0 => Value::Null,
            1 | 2 => json!(1),
            3 => json!(-1),
            _ => json!(0),
        };
        let stdout = self.text(size);
        let mut data = json!({ "command": self.pick(COMMANDS), "stdout": stdout, "durationMs": 12.5 });
        if self.rng.random_bool(0.9)
            && let Some(data) = data.as_object_mut()
        {
            data.insert("exitCode".to_owned(), exit_code);
        }
        data
    }

    /// A payload's text: usually compact, sometimes spaced out, and with numbers that no printer would write.
    fn printed(&mut self, mut data: Value) -> String {
        if let Some(data) = data.as_object_mut()
            && self.rng.random_bool(0.05)
        {
            data.insert("nul".to_owned(), json!("a\u{0}b\u{7f}\u{2028}"));
        }
        let text = match self.rng.random_range(0..20) {
            0 => serde_json::to_string_pretty(&data).unwrap_or_default(),
            _ => data.to_string(),
        };
        if !self.rng.random_bool(0.1) {
            return text;
        }
        let inner = text.strip_prefix('{').unwrap_or_default();
        format!(r#"{{ "odd" : [1.50, 1E2,-0.0, "\u00e4\/"] ,{inner}"#)
    }

    fn count(&mut self, below: i64) -> i64 {
        self.rng.random_range(0..below)
    }

    /// Between 0.3 and 16 KiB, small ones more often.
    fn size(&mut self) -> usize {
        let doubled = self.rng.random_range(0..=self.doublings);
        let base = 200_usize << doubled;
        self.rng.random_range(base / 2..=base)
    }

    fn text(&mut self, size: usize) -> String {
        let mut text = String::with_capacity(size + 16);
        while text.len() < size {
            text.push_str(self.pick(WORDS));
            text.push(if self.rng.random_bool(0.1) { '\n' } else { ' ' });
        }
        text
    }

    fn pick(&mut self, words: &'static [&'static str]) -> &'static str {
        words.choose(&mut self.rng).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::{Generator, Plan};
    use std::collections::HashSet;

    fn plan(seed: u64) -> Plan {
        Generator::new(seed, "s", 1_775_037_600_000).plan(1000).unwrap()
    }

    #[test]
    fn the_same_seed_gives_the_same_events() {
        let texts = |seed| plan(seed).events.iter().map(|sent| sent.text.to_string()).collect::<Vec<_>>();
        assert_eq!(texts(1), texts(1));
        assert_ne!(texts(1), texts(2));
    }

    #[test]
    fn events_differ_and_some_are_sent_again_later() {
        let plan = plan(3);
        let ids: HashSet<_> = plan.events.iter().map(|sent| sent.event.id).collect();
        assert_eq!(ids.len(), 1000);
        let mut seen = HashSet::new();
        let repeats = plan.order.iter().filter(|index| !seen.insert(**index)).count();
        assert_eq!(seen.len(), 1000);
        assert!((20..100).contains(&repeats), "{repeats}");
    }

    #[test]
    fn every_signal_has_something_to_count_and_nothing_closes_the_session() {
        let plan = plan(4);
        let events = plan.events.iter().zip(1..).map(|(sent, seq)| (seq, &sent.event));
        let totals = domain::Totals::fold(events);
        assert!(totals.counts.values().iter().all(|count| *count > 0), "{totals:?}");
        assert!(totals.last_test.is_some() && totals.unique_paths > 3);
        assert!(!plan.events.iter().any(|sent| sent.event.closes_session()));
        let distinct: HashSet<_> = plan.events.iter().map(|sent| sent.event.ts).collect();
        assert!(distinct.len() < 950, "some share their time: {}", distinct.len());
    }

    #[test]
    fn sizes_are_those_of_real_events() {
        let sizes: Vec<usize> = plan(5).events.iter().map(|sent| sent.text.len()).collect();
        assert!(sizes.iter().all(|size| (200..24 * 1024).contains(size)));
        assert!(sizes.iter().any(|size| *size > 10 * 1024));
    }
}
