//! What happened lately in a session, for a candidate who is to explain it.

use std::collections::HashSet;

use actix_web::web::{Data, Json};
use actors::TimelineQuery;
use domain::{Kind, Session, SessionRef, StoredEvent, Timestamp};
use serde_json::{Value, json};

use super::{
    auth::Either,
    error::ApiError,
    path::PathSession,
    query::{FromQuery, Params, Query},
    sessions::visible,
};
use crate::{App, clock};

/// Events that are looked at: beyond them the figures would say nothing that a person can use.
const MAX_EVENTS: usize = 20_000;

/// Entries of each list; the figures of the summary count all.
const MAX_LISTED: usize = 100;

/// How far back.
pub(super) struct Minutes(i64);

impl FromQuery for Minutes {
    fn from_query(params: &mut Params) -> Self {
        let about = "How far back, 1 to 60; what is beyond is taken for the nearest.";
        Self(params.integer("minutes", about, 20, 1..=60))
    }
}

/// `GET /v1/sessions/{id}/recent-activity`
pub(super) async fn recent(
    who: Either,
    app: Data<App>,
    id: PathSession,
    query: Query<Minutes>,
) -> Result<Json<Value>, ApiError> {
    let Minutes(minutes) = query.read()?;
    let session = visible(&app, &who, id.0).await?;
    let (from, is_now) = begin(&session, minutes, clock::now());
    let mut activity = Activity::default();
    let mut asked = TimelineQuery { from: Some(from), limit: 2_000, ..TimelineQuery::default() };
    while activity.n_events < MAX_EVENTS {
        let more = next_page(&app, &session.name, &mut asked, &mut activity).await?;
        if !more {
            break;
        }
    }
    Ok(Json(activity.to_json(minutes, is_now)))
}

/// From when on events count, and whether that reaches up to now: a session whose last event is older is looked at from
/// its end backwards.
fn begin(session: &Session, minutes: i64, now: Timestamp) -> (Timestamp, bool) {
    let period_ms = minutes.saturating_mul(60_000);
    let since = now.plus_millis(-period_ms);
    match session.totals.last_ts {
        Some(last) if last < since => (last.plus_millis(-period_ms), false),
        _ => (since, true),
    }
}

async fn next_page(
    app: &App,
    name: &SessionRef,
    asked: &mut TimelineQuery,
    activity: &mut Activity,
) -> Result<bool, ApiError> {
    let (events, has_more) = app.actors.history.timeline(name, asked).await?;
    for stored in &events {
        activity.add(stored);
    }
    asked.after = events.last().map(|stored| stored.event.id);
    Ok(has_more)
}

#[derive(Debug, Default)]
struct Activity {
    n_events: usize,
    n_prompts: usize,
    /// In the order in which they were changed last.
    files: Vec<String>,
    commands: Vec<String>,
}

impl Activity {
    fn add(&mut self, stored: &StoredEvent) {
        let event = &stored.event;
        self.n_events += 1;
        self.n_prompts += usize::from(event.kind == Kind::Prompt);
        self.files.extend(event.facts.path.as_deref().map(str::to_owned));
        self.commands.extend(event.facts.command.as_deref().map(str::to_owned));
    }

    fn to_json(&self, minutes: i64, is_now: bool) -> Value {
        let mut known = HashSet::new();
        let files: Vec<&String> = self.files.iter().rev().filter(|path| known.insert(path.as_str())).collect();
        let figures = [
            counted(files.len(), "file changed", "files changed"),
            counted(self.commands.len(), "command run", "commands run"),
            counted(self.n_prompts, "prompt", "prompts"),
        ];
        let period = match (minutes, is_now) {
            (1, true) => "the last minute".to_owned(),
            (1, false) => "the last minute of activity".to_owned(),
            (_, true) => format!("the last {minutes} minutes"),
            (_, false) => format!("the last {minutes} minutes of activity"),
        };
        let summary = match (self.n_events, figures) {
            (0, _) => format!("Nothing happened in {period}."),
            (_, [files, commands, prompts]) => format!("{files}, {commands} and {prompts} in {period}."),
        };
        json!({
            "summary": summary,
            "recentActivity": {
                "filesChanged": files.into_iter().take(MAX_LISTED).collect::<Vec<_>>(),
                "commands": self.commands.iter().rev().take(MAX_LISTED).collect::<Vec<_>>(),
                "promptCount": self.n_prompts,
            },
            "periodMinutes": minutes,
            "eventCount": self.n_events,
        })
    }
}

fn counted(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_a_sentence_with_the_figures_and_lists_begin_with_the_newest() {
        let activity = Activity {
            n_events: 6,
            n_prompts: 1,
            files: ["a", "b", "a"].map(str::to_owned).to_vec(),
            commands: ["ls", "make"].map(str::to_owned).to_vec(),
        };
        let shown = activity.to_json(20, true);
        assert_eq!(shown["summary"], "2 files changed, 2 commands run and 1 prompt in the last 20 minutes.");
        assert_eq!(shown["recentActivity"]["filesChanged"], json!(["a", "b"]));
        assert_eq!(shown["recentActivity"]["commands"], json!(["make", "ls"]));
        let nothing = Activity::default().to_json(1, true);
        assert_eq!(nothing["summary"], "Nothing happened in the last minute.");
        assert_eq!(activity.to_json(1, false)["periodMinutes"], 1);
    }

    #[test]
    fn lists_are_cut_and_figures_are_not() {
        let commands: Vec<String> = (0..150).map(|n| format!("echo {n}")).collect();
        let shown = Activity { n_events: 150, commands, ..Activity::default() }.to_json(5, false);
        assert_eq!(shown["recentActivity"]["commands"].as_array().unwrap().len(), 100);
        assert_eq!(
            shown["summary"],
            "0 files changed, 150 commands run and 0 prompts in the last 5 minutes of activity."
        );
    }
}
