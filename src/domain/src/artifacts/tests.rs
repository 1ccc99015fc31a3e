//! Sessions made by hand, with expectations computed by hand, and what holds for any session.

use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::{
    OrgId, Timestamp, Totals,
    signals::Span,
    testing::{START_MILLIS, envelope, parse},
};

mod docs;
mod moments;
mod properties;
mod sums;

/// A session that grows event by event; the n-th event has the id and the `seq` n.
#[derive(Default)]
struct Story {
    events: Vec<StoredEvent>,
}

impl Story {
    /// Adds an event `seconds` after the start.
    fn at(&mut self, seconds: i64, kind: &str, data: Value) -> &mut Self {
        self.by(seconds, kind, data, json!({}))
    }

    /// Adds an event with further members of its envelope.
    fn by(&mut self, seconds: i64, kind: &str, data: Value, members: Value) -> &mut Self {
        let seq = u64::try_from(self.events.len()).unwrap() + 1;
        let mut value = envelope("s", kind, START_MILLIS + seconds * 1000, data);
        value["id"] = json!(Uuid::from_u128(seq.into()));
        for (name, member) in members.as_object().unwrap() {
            value[name] = member.clone();
        }
        self.events.push(stored(&value, seq));
        self
    }

    fn command(&mut self, seconds: i64, command: &str, exit_code: i64) -> &mut Self {
        self.at(seconds, "command", json!({ "command": command, "exitCode": exit_code }))
    }

    /// An assistant's change of a file.
    fn ai_change(&mut self, seconds: i64, path: &str, added: u32, removed: u32) -> &mut Self {
        let data = json!({ "path": path, "linesAdded": added, "linesRemoved": removed });
        self.by(seconds, "file_diff", data, ai())
    }

    fn artifact(&self, kind: ArtifactKind) -> Value {
        let artifacts = derive_all(&self.events);
        artifacts.into_iter().find(|artifact| artifact.kind == kind).unwrap().data
    }

    /// The moments of one rule.
    fn moments(&self, rule: &str) -> Vec<Value> {
        of_rule(&self.artifact(ArtifactKind::KeyMomentsV1)["moments"], rule)
    }

    /// The questions of one rule.
    fn questions(&self, rule: &str) -> Vec<Value> {
        of_rule(&self.artifact(ArtifactKind::InterviewFollowupsV1)["questions"], rule)
    }
}

fn of_rule(list: &Value, rule: &str) -> Vec<Value> {
    list.as_array().unwrap().iter().filter(|one| one["rule"] == rule).cloned().collect()
}

fn ai() -> Value {
    json!({ "actor": { "type": "ai" }, "provenance": { "attribution": "likely_ai" } })
}

fn human() -> Value {
    json!({ "actor": { "type": "human" }, "provenance": { "attribution": "likely_human" } })
}

fn stored(value: &Value, seq: u64) -> StoredEvent {
    let event = parse(value);
    let received_at = event.ts.plus_millis(50);
    StoredEvent { event, org: OrgId::sample(Uuid::nil()), seq, received_at }
}

fn derive_all(events: &[StoredEvent]) -> Vec<Artifact> {
    let totals = Totals::fold(events.iter().map(|stored| (stored.seq, &stored.event)));
    let span = Span { created_at: Timestamp::from_millis(START_MILLIS), ended_at: None };
    derive(events, &Signals::of(&totals, span))
}

/// The `seq`s of the events that something rests on.
fn seqs(of: &Value) -> Vec<u64> {
    of["events"].as_array().unwrap().iter().map(|event| event["seq"].as_u64().unwrap()).collect()
}

#[test]
fn every_session_has_every_artifact_under_its_name() {
    let artifacts = derive_all(&[]);
    assert_eq!(artifacts.iter().map(|artifact| artifact.kind).collect::<Vec<_>>(), ArtifactKind::ALL);
    for artifact in artifacts {
        let printed = json!(artifact);
        assert_eq!(printed["kind"], artifact.kind.as_str());
        assert_eq!(printed["derivationV"], DERIVATION_V);
        assert!(printed["data"].is_object());
        assert_eq!(ArtifactKind::of_word(artifact.kind.as_str()), Some(artifact.kind));
    }
    assert_eq!(ArtifactKind::of_word("analytics"), None);
}

#[test]
fn a_session_without_events_says_so_and_knows_nothing() {
    let story = Story::default();
    let summary = story.artifact(ArtifactKind::CandidateSummary);
    assert_eq!(summary["text"], "No events were recorded.");
    let analytics = story.artifact(ArtifactKind::AnalyticsV1);
    assert_eq!(analytics["time"]["firstEventAt"], Value::Null);
    assert_eq!(analytics["usage"]["inputTokens"], Value::Null);
    assert_eq!(analytics["errors"]["medianRecoveryMs"], Value::Null);
    assert_eq!(story.artifact(ArtifactKind::TestResultsV1)["lastResult"], Value::Null);
    assert_eq!(story.artifact(ArtifactKind::KeyMomentsV1)["moments"], json!([]));
    assert_eq!(story.artifact(ArtifactKind::InterviewFollowupsV1)["questions"], json!([]));
}
