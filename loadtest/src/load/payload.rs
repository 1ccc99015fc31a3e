//! What candidates send under load: kinds and texts in the order of a recorded session, in sizes that are drawn.

use std::sync::{Arc, LazyLock};

use domain::{Event, Limits, Timestamp};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;

use crate::chaos::script::{Intent, Planned, Recipe};

/// A short session as an agent recorded it.
const RECORDED: &str = include_str!("../../../docs/examples/session.jsonl");
/// Most texts are about as long as those of recorded sessions: in bytes, at least and at most.
const USUAL: (f64, f64) = (300.0, 16.0 * 1024.0);
/// What a long output is.
const LARGE: usize = 1 << 20;

/// One thing that happened in the recorded session.
struct Beat {
    kind: &'static str,
    /// What stands before the text in the payload.
    head: String,
    text: String,
}

static BEATS: LazyLock<Vec<Beat>> = LazyLock::new(beats);

/// Makes the events of a recipe, in order; the same each time.
pub(crate) struct Payloads {
    recipe: Recipe,
    rng: StdRng,
    place: usize,
    now_ms: i64,
    /// The share of events with a large text.
    large: f64,
}

impl Payloads {
    /// From the beginning. `large` is the share of events of 1 MiB.
    pub(crate) fn of(recipe: &Recipe, large: f64) -> Self {
        let rng = StdRng::seed_from_u64(recipe.seed);
        Self { rng, place: 0, now_ms: recipe.start_ms, large, recipe: recipe.clone() }
    }

    /// The next event, not understood yet.
    pub(crate) fn next(&mut self) -> Planned {
        let id = uuid::Builder::from_random_bytes(self.rng.random()).into_uuid();
        let beat = match self.place {
            0 => None,
            place => BEATS.get((place - 1) % BEATS.len().max(1)),
        };
        self.place += 1;
        self.now_ms += self.rng.random_range(1..20);
        let ts = Timestamp::from_millis(self.now_ms);
        let size = self.size();
        let (kind, head, text) = match beat {
            None => ("session_start", r#"{"cwd":"/home/candidate/invoices""#, String::new()),
            Some(beat) => (beat.kind, beat.head.as_str(), text_of(&beat.text, size)),
        };
        let session = &self.recipe.session;
        let text = format!(
            r#"{{"id":"{id}","sessionId":"{session}","ts":"{ts}","kind":"{kind}","source":{{"channel":"hook","integration":"claude-code","emitter":"hook"}},"actor":{{"type":"ai"}},"provenance":{{"attribution":"likely_ai","confidence":0.9}},"v":1,"data":{head}{text}}}}}"#
        );
        Planned { id, text: text.into(), event: None, intent: Intent::Plain }
    }

    /// The first `n` events, understood.
    pub(crate) fn understood(mut self, n: usize) -> Result<Vec<Planned>, String> {
        let limits = Limits { now: Timestamp::from_millis(i64::MAX), strict_kinds: false };
        let understood = |mut planned: Planned| {
            let parsed = Event::parse(Arc::<str>::clone(&planned.text).as_bytes().to_vec().into(), &limits);
            planned.event = Some(parsed.map_err(|error| format!("a generated event is none: {:?}", error.details))?);
            Ok(planned)
        };
        std::iter::repeat_with(|| self.next()).take(n).map(understood).collect()
    }

    /// Sizes whose logarithm is spread evenly, smaller ones more often; now and then a large one.
    fn size(&mut self) -> usize {
        if self.rng.random_bool(self.large) {
            return LARGE;
        }
        let place: f64 = self.rng.random::<f64>().powf(1.5);
        let bytes = USUAL.0 * (USUAL.1 / USUAL.0).powf(place);
        // Not exact, and need not be.
        usize::try_from(std::time::Duration::from_secs_f64(bytes).as_secs()).unwrap_or_default()
    }
}

/// The member with so much of a text, repeated as often as it takes.
fn text_of(text: &str, size: usize) -> String {
    let mut filled = text.repeat(size / text.len().max(1) + 1);
    while !filled.is_char_boundary(size.min(filled.len())) {
        filled.pop();
    }
    filled.truncate(size);
    serde_json::to_string(&filled).unwrap_or_default()
}

fn beats() -> Vec<Beat> {
    let mut beats = Vec::new();
    for line in RECORDED.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let is_user = line.get("type").and_then(Value::as_str) == Some("user");
        match line.pointer("/message/content") {
            Some(Value::String(text)) => beats.push(said(is_user, text)),
            Some(Value::Array(parts)) => beats.extend(parts.iter().filter_map(|part| beat_of(part, is_user))),
            _ => {}
        }
    }
    beats
}

fn beat_of(part: &Value, is_user: bool) -> Option<Beat> {
    let text = |name: &str| part.get(name).and_then(Value::as_str);
    match text("type")? {
        "text" => Some(said(is_user, text("text")?)),
        "tool_use" => {
            let input = part.get("input")?;
            let (kind, head) = match text("name")? {
                "Bash" => ("command", format!(r#"{{"command":{},"exitCode":0,"stdout":"#, input.get("command")?)),
                "Edit" | "Write" => {
                    ("file_diff", r#"{"path":"src/totals.py","linesAdded":3,"linesRemoved":1,"diff":"#.to_owned())
                }
                tool => ("tool_use", format!(r#"{{"tool":"{tool}","input":"#)),
            };
            Some(Beat { kind, head, text: input.to_string() })
        }
        "tool_result" => Some(Beat {
            kind: "tool_result",
            head: r#"{"tool":"Read","output":"#.to_owned(),
            text: text("content")?.to_owned(),
        }),
        _ => None,
    }
}

fn said(is_user: bool, text: &str) -> Beat {
    let kind = if is_user { "prompt" } else { "ai_response" };
    Beat { kind, head: r#"{"text":"#.to_owned(), text: text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn events(seed: u64, large: f64) -> Vec<Planned> {
        let recipe = Recipe {
            seed,
            ids: seed,
            session: "s".into(),
            start_ms: 1_775_037_600_000,
            is_signed: false,
            elsewhere: "elsewhere".into(),
        };
        Payloads::of(&recipe, large).understood(600).unwrap()
    }

    #[test]
    fn the_same_seed_gives_the_same_events_and_another_others() {
        let texts = |seed| events(seed, 0.0).into_iter().map(|planned| planned.text).collect::<Vec<_>>();
        assert_eq!(texts(1), texts(1));
        let (one, other): (HashSet<_>, HashSet<_>) = (texts(1).into_iter().collect(), texts(2).into_iter().collect());
        assert!(one.is_disjoint(&other) && one.len() == 600);
    }

    #[test]
    fn kinds_and_sizes_are_those_of_a_recorded_session() {
        let events = events(3, 0.01);
        let kinds: HashSet<_> = events.iter().map(|one| one.event.as_ref().unwrap().kind.as_str().to_owned()).collect();
        for kind in ["session_start", "prompt", "ai_response", "command", "file_diff", "tool_use", "tool_result"] {
            assert!(kinds.contains(kind), "{kind} is missing: {kinds:?}");
        }
        let mut sizes: Vec<usize> = events.iter().skip(1).map(|one| one.text.len()).collect();
        sizes.sort_unstable();
        assert!(sizes[0] >= 300 && sizes[300] > 700 && sizes[300] < 4 << 10, "{} {}", sizes[0], sizes[300]);
        assert!(sizes.iter().filter(|size| (8 << 10..40 << 10).contains(*size)).count() > 20);
        assert!((1..20).contains(&sizes.iter().filter(|size| **size > 1 << 20).count()));
        assert!(!events.iter().any(|one| one.event.as_ref().unwrap().closes_session()));
    }
}
