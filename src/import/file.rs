//! A file of NDJSON as `GET /v1/sessions/{id}/export` writes it (docs/api.md, Export).

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use domain::export::EXPORT_V;
use domain::{Detail, Event, Limits, MAX_JSON_DEPTH, SessionId, Timestamp, exceeds_depth};
use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};

use crate::clock;

/// What is told of the session.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) id: SessionId,
    pub(super) candidate_name: Option<String>,
    pub(super) source_service: Option<String>,
    pub(super) metadata: Map<String, Value>,
    pub(super) ended_at: Option<Timestamp>,
}

/// A file that was read to its end and found whole.
#[derive(Debug)]
pub(super) struct Export {
    path: PathBuf,
    pub(super) head: Head,
    pub(super) n_events: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    r#type: String,
    export_v: Option<u32>,
    session: Option<SessionLine>,
    seq: Option<u64>,
    #[serde(borrow)]
    event: Option<&'a RawValue>,
    event_count: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SessionLine {
    id: String,
    candidate_name: Option<String>,
    source_service: Option<String>,
    #[serde(default)]
    metadata: Map<String, Value>,
    ended_at: Option<String>,
}

impl Export {
    /// Reads the whole of it.
    ///
    /// # Errors
    /// The first line that is not as it should be, or that the end is missing.
    pub(super) fn check(path: &Path) -> anyhow::Result<Self> {
        let (mut head, mut n_events, mut end) = (None, 0, None);
        for (number, text) in lines(path)?.enumerate() {
            let text = text.with_context(|| format!("line {}", number + 1))?;
            let line = || format!("line {}", number + 1);
            let read: Line<'_> = serde_json::from_slice(&text).with_context(line)?;
            match (read.r#type.as_str(), &head) {
                ("session", None) => head = Some(head_of(read).with_context(line)?),
                (_, None) => bail!("line 1 is no session: this is no export of one"),
                ("event", Some(known)) => {
                    ensure!(read.seq == Some(n_events + 1), "{}: seq {} is missing", line(), n_events + 1);
                    let event = event_of(&read).with_context(line)?;
                    ensure!(event.session_id == known.id, "{}: an event of another session", line());
                    n_events += 1;
                }
                ("end", Some(_)) => end = read.event_count,
                // What follows from the events is derived anew, and scores are of those who gave them.
                _ => {}
            }
        }
        let head = head.context("the file is empty")?;
        match end {
            None => bail!("the line `end` is missing: the export was broken off"),
            Some(told) => ensure!(told == n_events, "it ends with {told} events and has {n_events}"),
        }
        Ok(Self { path: path.to_owned(), head, n_events })
    }

    /// Its events, in the order in which they arrived where it comes from.
    ///
    /// # Errors
    /// When the file cannot be read any more.
    pub(super) fn events(&self) -> anyhow::Result<impl Iterator<Item = anyhow::Result<Event>> + use<>> {
        Ok(lines(&self.path)?.filter_map(|text| {
            let read = || {
                let text = text?;
                let line: Line<'_> = serde_json::from_slice(&text)?;
                Ok(if line.r#type == "event" { Some(event_of(&line)?) } else { None })
            };
            read().transpose()
        }))
    }
}

fn lines(path: &Path) -> anyhow::Result<impl Iterator<Item = std::io::Result<Vec<u8>>> + use<>> {
    let file = File::open(path).context("cannot be opened")?;
    Ok(BufReader::new(file).split(b'\n').filter(|line| !line.as_ref().is_ok_and(Vec::is_empty)))
}

fn head_of(line: Line<'_>) -> anyhow::Result<Head> {
    let version = line.export_v.unwrap_or_default();
    ensure!(version == EXPORT_V, "exportV is {version}, and this server reads {EXPORT_V}");
    let session = line.session.context("`session` is missing")?;
    let ended_at = session.ended_at.as_deref();
    Ok(Head {
        id: session.id.parse().ok().context("`session.id` is none")?,
        candidate_name: session.candidate_name,
        source_service: session.source_service,
        metadata: session.metadata,
        ended_at: ended_at
            .map(|at| Timestamp::parse_rfc3339(at).context("`session.endedAt` is no time"))
            .transpose()?,
    })
}

/// The event of a line, by the same rules as any that comes in.
fn event_of(line: &Line<'_>) -> anyhow::Result<Event> {
    let raw = line.event.context("`event` is missing")?.get();
    let raw = Bytes::copy_from_slice(raw.as_bytes());
    ensure!(!exceeds_depth(&raw, MAX_JSON_DEPTH), "`event` is nested too deeply");
    let limits = Limits { now: clock::now(), strict_kinds: false };
    Event::parse(raw, &limits).map_err(|error| {
        let first = error.details.first();
        let place = |detail: &Detail| serde_json::to_string(&detail.path).unwrap_or_default();
        let told = first.map(|detail| format!("{} {}", place(detail), detail.message)).unwrap_or_default();
        anyhow::anyhow!("`event` is none: {told}")
    })
}
