//! What became of an import, for people and for programs.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt;
use uuid::Uuid;

/// Refusals and broken lines shown to a person; programs get all of them.
const SHOWN: usize = 10;

/// The outcome of an import.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// The session that the events are in.
    pub(crate) session_id: String,
    /// The assessment that the key belongs to.
    pub(crate) assessment_title: Option<String>,
    /// Where the reviewer finds the events.
    pub(crate) timeline_url: String,
    /// Where the reviewer finds what they amount to.
    pub(crate) signals_url: String,
    /// Events in the transcript.
    pub(crate) events: usize,
    /// The same by kind.
    pub(crate) kinds: BTreeMap<&'static str, usize>,
    /// Stored now.
    pub(crate) recorded: usize,
    /// Stored before.
    pub(crate) already_there: usize,
    /// Not stored.
    pub(crate) refused: Vec<Refusal>,
    /// Lines that are not JSON objects.
    pub(crate) broken: Vec<(usize, String)>,
    /// How often a connection was made.
    pub(crate) connections: usize,
    /// The session was left open.
    pub(crate) is_open: bool,
    /// What ended the import early.
    pub(crate) failure: Option<String>,
}

/// An event that the server does not take.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// Its id.
    pub(crate) id: Uuid,
    /// Its kind.
    pub(crate) kind: &'static str,
    /// The server's status.
    pub(crate) status: u16,
    /// The server's reason.
    pub(crate) error: String,
}

impl Report {
    /// Everything in the transcript is on the server.
    pub(crate) fn is_success(&self) -> bool {
        self.failure.is_none() && self.refused.is_empty()
    }

    fn is_closed(&self) -> bool {
        let is_refused = self.refused.iter().any(|refusal| refusal.kind == "session_end");
        self.failure.is_none() && !self.is_open && !is_refused
    }

    /// The report for programs.
    pub(crate) fn json(&self) -> Value {
        let refused: Vec<Value> = self
            .refused
            .iter()
            .map(|r| json!({ "id": r.id, "kind": r.kind, "status": r.status, "error": r.error }))
            .collect();
        let broken: Vec<Value> =
            self.broken.iter().map(|(line, error)| json!({ "line": line, "error": error })).collect();
        json!({
            "ok": self.is_success(), "error": self.failure, "sessionId": self.session_id,
            "assessmentTitle": self.assessment_title, "events": self.events, "kinds": self.kinds,
            "recorded": self.recorded, "alreadyThere": self.already_there, "refused": self.refused.len(),
            "refusedEvents": refused, "brokenLines": broken, "connections": self.connections,
            "closed": self.is_closed(),
            "timelineUrl": self.timeline_url, "signalsUrl": self.signals_url,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Session {}", self.session_id)?;
        match &self.assessment_title {
            Some(title) => writeln!(out, " ({title})")?,
            None => writeln!(out)?,
        }
        let kinds: Vec<String> = self.kinds.iter().map(|(kind, n)| format!("{kind} {n}")).collect();
        writeln!(out, "  {} events: {}", self.events, kinds.join(", "))?;
        let (recorded, already, refused) = (self.recorded, self.already_there, self.refused.len());
        writeln!(out, "  {recorded} recorded, {already} already there, {refused} refused")?;
        for refusal in self.refused.iter().take(SHOWN) {
            writeln!(out, "    refused: {} {}: {} ({})", refusal.kind, refusal.id, refusal.error, refusal.status)?;
        }
        rest(out, refused)?;
        if !self.broken.is_empty() {
            writeln!(out, "  {} broken line(s) of the transcript left out", self.broken.len())?;
            for (line, error) in self.broken.iter().take(SHOWN) {
                writeln!(out, "    line {line}: {error}")?;
            }
            rest(out, self.broken.len())?;
        }
        if let Some(failure) = &self.failure {
            writeln!(out, "The import did not finish: {failure}.")?;
            return write!(out, "Run the same command again: what is on the server already is not doubled.");
        }
        let state = if self.is_closed() { "closed" } else { "still open" };
        writeln!(out, "The session is {state}. A reviewer sees it with an API key of the organisation:")?;
        writeln!(out, "  curl -H 'Authorization: Bearer psk_live_...' {}", self.timeline_url)?;
        write!(out, "  curl -H 'Authorization: Bearer psk_live_...' {}", self.signals_url)
    }
}

fn rest(out: &mut fmt::Formatter<'_>, n_all: usize) -> fmt::Result {
    match n_all.saturating_sub(SHOWN) {
        0 => Ok(()),
        more => writeln!(out, "    and {more} more"),
    }
}
