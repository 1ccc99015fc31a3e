//! A session as a file: its record, every event in the order of arrival, and what follows from them. Written while it is
//! read, so that a session of any length takes the memory of a page.

use actix_web::{
    HttpResponse,
    http::header,
    web::{Bytes, Data},
};
use actors::HistoryError;
use domain::{Session, StoredEvent, export, row};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    artifacts, attribution,
    auth::{Either, Reviewer},
    error::ApiError,
    paced::paced,
    path::PathSession,
    query::{FromQuery, Params, Query},
    scores,
    sessions::visible,
};
use crate::App;

/// Events of the first page, and the most of any.
const FIRST_PAGE: usize = 128;
const MAX_PAGE: usize = 2_000;
/// A page of fewer bytes than the first is followed by one of twice the events, one of more than the second by half of them.
const SMALL_PAGE_BYTES: usize = 1024 * 1024;
const LARGE_PAGE_BYTES: usize = 4 * 1024 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Ndjson,
    Csv,
    Json,
}

impl Format {
    fn extension(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
            Self::Json => "json",
        }
    }

    fn media(self) -> &'static str {
        match self {
            Self::Ndjson => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Json => "application/json",
        }
    }
}

/// In which form: the record itself, or what other tools read of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Record(Format),
    AgentTrace,
    GitAi,
}

const WORDS: [&str; 5] = ["ndjson", "csv", "json", "agent-trace", "git-ai"];

impl FromQuery for Asked {
    fn from_query(params: &mut Params) -> Self {
        let about = "One JSON object a line, rows for a spreadsheet, or one JSON object; or whose the lines are that the session leaves \
            behind, as an Agent Trace record or a git-ai note. `ndjson` when it is not said.";
        match params.word("format", about, &WORDS) {
            Some("csv") => Self::Record(Format::Csv),
            Some("json") => Self::Record(Format::Json),
            Some("agent-trace") => Self::AgentTrace,
            Some("git-ai") => Self::GitAi,
            _ => Self::Record(Format::Ndjson),
        }
    }
}

/// `GET /v1/sessions/{id}/export`
pub(super) async fn export(
    reviewer: Reviewer,
    app: Data<App>,
    id: PathSession,
    query: Query<Asked>,
) -> Result<HttpResponse, ApiError> {
    let asked = query.read()?;
    let session = visible(&app, &Either::Reviewer(reviewer), id.0).await?;
    let format = match asked {
        Asked::Record(format) => format,
        Asked::AgentTrace => return attribution::agent_trace(&app, &session).await.map(paced),
        Asked::GitAi => return attribution::git_ai(&app, &session).await.map(paced),
    };
    let disposition = disposition(&session, format.extension());
    let mut writer = Writer { app, session, format, last: 0, page: FIRST_PAGE, part: Part::Events, n_events: 0 };
    // As long as nothing was answered, a store that is away can still be told as such.
    let begin = writer.begin();
    let first = writer.events().await?;
    let rest = stream::try_unfold(writer, |mut writer| async move {
        let bytes = writer.next().await.inspect_err(|error| {
            metrics::counter!("promptster_exports_broken_off_total").increment(1);
            tracing::warn!(session = %writer.session.name.session, error = ?error, "an export was broken off");
        })?;
        Ok::<_, ApiError>(bytes.map(|bytes| (bytes, writer)))
    });
    let body = stream::iter([Ok(begin), Ok(first)]).chain(rest).try_filter(|bytes| {
        let is_something = !bytes.is_empty();
        async move { is_something }
    });
    Ok(paced(
        HttpResponse::Ok()
            .insert_header((header::CONTENT_TYPE, format.media()))
            .insert_header((header::CONTENT_DISPOSITION, disposition))
            .streaming(Box::pin(body)),
    ))
}

/// Under which name the file is kept.
pub(super) fn disposition(session: &Session, extension: &str) -> String {
    // A colon may be in the id of a session, and in no file name of Windows.
    let name = session.name.session.as_str().replace(':', "_");
    format!("attachment; filename=\"session-{name}.{extension}\"")
}

/// What is written next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Events,
    End,
    Nothing,
}

/// Writes an export piece by piece. What arrives after it was asked for is not in it, so that its signals are those of its
/// events.
struct Writer {
    app: Data<App>,
    session: Session,
    format: Format,
    /// The seq of the newest event that was written.
    last: u64,
    page: usize,
    part: Part,
    n_events: u64,
}

impl Writer {
    fn begin(&self) -> Bytes {
        let (session, signals) = (self.session.to_json(), self.session.signals().to_json());
        let head = json!({ "exportV": export::EXPORT_V, "session": session, "signals": signals });
        match self.format {
            Format::Ndjson => line("session", &head).into(),
            Format::Json => opened(&head).into(),
            Format::Csv => {
                let mut out = Vec::new();
                export::write_csv_header(&mut out);
                out.into()
            }
        }
    }

    async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        match self.part {
            Part::Events => self.events().await.map(Some),
            Part::End => {
                self.part = Part::Nothing;
                self.end().await.map(Some)
            }
            Part::Nothing => Ok(None),
        }
    }

    /// A page of events; after the last one the end comes next.
    async fn events(&mut self) -> Result<Bytes, ApiError> {
        let upto = self.session.last_seq;
        if self.last >= upto {
            self.part = Part::End;
            return Ok(Bytes::new());
        }
        let read = self.app.actors.history.read_after(&self.session.name, self.last, self.page).await?;
        let wanted = read.events.iter().take_while(|stored| stored.seq <= upto).count();
        let events = read.events.get(..wanted).unwrap_or_default();
        // None, although some were there: the session was erased meanwhile.
        self.last = events.last().ok_or(HistoryError::Gap)?.seq;
        let n_bytes: usize = events.iter().map(|stored| stored.event.raw().len()).sum();
        if n_bytes < SMALL_PAGE_BYTES {
            self.page = (self.page * 2).min(MAX_PAGE);
        } else if n_bytes > LARGE_PAGE_BYTES {
            self.page = (self.page / 2).max(1);
        }
        Ok(self.write(events))
    }

    fn write(&mut self, events: &[StoredEvent]) -> Bytes {
        let mut out = Vec::new();
        match self.format {
            Format::Ndjson => events.iter().for_each(|stored| export::write_line(stored, &mut out)),
            Format::Csv => export::write_csv(events, &mut out),
            Format::Json => {
                for stored in events {
                    out.extend_from_slice(if self.n_events == 0 { br#","events":["# } else { b"," });
                    row::write(stored, &mut out);
                    self.n_events += 1;
                }
                return out.into();
            }
        }
        self.n_events += u64::try_from(events.len()).unwrap_or_default();
        out.into()
    }

    /// What follows from the events, and the mark that nothing is missing.
    async fn end(&self) -> Result<Bytes, ApiError> {
        if self.format == Format::Csv {
            return Ok(Bytes::new());
        }
        let scores = scores::of(&self.app, &self.session).await?;
        let artifacts = artifacts::of(&self.app, &self.session).await?;
        let end = json!({ "eventCount": self.n_events });
        if self.format == Format::Ndjson {
            let artifacts = artifacts.iter().map(|artifact| line("artifact", &json!({ "artifact": artifact })));
            let lines = std::iter::once(line("scores", &scores)).chain(artifacts).chain([line("end", &end)]);
            return Ok(lines.collect::<String>().into());
        }
        let before = if self.n_events == 0 { r#","events":[]"# } else { "]" };
        let members = [scores, json!({ "artifacts": artifacts }), end];
        Ok(format!("{before}{}}}", members.iter().map(continued).collect::<String>()).into())
    }
}

#[derive(Serialize)]
struct Line<'a> {
    r#type: &'static str,
    #[serde(flatten)]
    of: &'a Value,
}

/// A line of NDJSON that is no event.
fn line(kind: &'static str, of: &Value) -> String {
    // An object with names for keys is always written.
    serde_json::to_string(&Line { r#type: kind, of }).unwrap_or_default() + "\n"
}

/// An object without its end.
fn opened(object: &Value) -> String {
    let mut text = object.to_string();
    text.pop();
    text
}

/// The members of an object, as they go on with another's.
fn continued(object: &Value) -> String {
    opened(object).replacen('{', ",", 1)
}
