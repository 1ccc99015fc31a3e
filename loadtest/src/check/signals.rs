//! Holds signals and session objects to a recomputation.

use domain::signals::{Signals, Span};
use domain::{Timestamp, Totals};
use serde_json::{Value, json};

use super::{Findings, Promise, Violation};

/// When something was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// While the session ran.
    Running,
    /// After its end.
    Ended,
}

/// The signals that these sums give, with the times that the session object tells.
pub(crate) fn signals_of(totals: &Totals, session: &Value) -> Signals {
    let time = |name| session.get(name).and_then(Value::as_str).and_then(Timestamp::parse_rfc3339);
    let created_at = time("createdAt").unwrap_or(Timestamp::from_millis(0));
    Signals::of(totals, Span { created_at, ended_at: time("endedAt") })
}

/// Holds the answer of `GET …/signals` to the expected signals, field by field.
pub(crate) fn check_signals(session: &str, expected: &Signals, reply: &Value, moment: Moment) -> Vec<Violation> {
    let mut findings = Findings::of(session);
    let head = [
        ("sessionId", json!(session)),
        ("final", json!(moment == Moment::Ended)),
        ("atSeq", json!(expected.totals.counts.events)),
    ];
    for (name, expected) in head {
        hold(&mut findings, Promise::Signals, name, &expected, reply.get(name));
    }
    let expected = expected.to_json();
    let Some(signals) = reply.get("signals").and_then(Value::as_object) else {
        findings.add(Promise::Signals, None, format!("no signals: {reply}"));
        return findings.found;
    };
    for (name, expected) in expected.as_object().into_iter().flatten() {
        hold(&mut findings, Promise::Signals, name, expected, signals.get(name));
    }
    for name in signals.keys().filter(|name| expected.get(name.as_str()).is_none()) {
        findings.add(Promise::Signals, None, format!("{name} is no signal"));
    }
    findings.found
}

/// Holds a session object to its events.
pub(crate) fn check_session(id: &str, expected: &Signals, session: &Value, moment: Moment) -> Vec<Violation> {
    let mut findings = Findings::of(id);
    let counts = &expected.totals.counts;
    let status = match moment {
        Moment::Ended => "ended",
        Moment::Running if counts.events == 0 => "pending",
        Moment::Running => "active",
    };
    let members = [
        ("id", json!(id)),
        ("eventCount", json!(counts.events)),
        ("decisionFlagCount", json!(counts.decisions)),
        ("aiAttributionPct", expected.ai_attribution_pct_rounded()),
        ("startedAt", json!(expected.started_at)),
        ("lastActivityAt", json!(expected.totals.last_ts)),
        ("status", json!(status)),
    ];
    for (name, expected) in members {
        hold(&mut findings, Promise::Session, name, &expected, session.get(name));
    }
    if session.get("endedAt").is_none_or(Value::is_null) == (moment == Moment::Ended) {
        findings.add(Promise::Session, None, format!("endedAt is {:?} while {moment:?}", session.get("endedAt")));
    }
    findings.found
}

/// To the last digit: what is expected is printed and read like what was answered. The order of members says nothing.
fn hold(findings: &mut Findings<'_>, promise: Promise, name: &str, expected: &Value, got: Option<&Value>) {
    let expected: Value = serde_json::from_str(&expected.to_string()).unwrap_or_default();
    if got != Some(&expected) {
        let got = got.map_or("missing".to_owned(), ToString::to_string);
        findings.add(promise, None, format!("{name} is {got}, not {expected}"));
    }
}
