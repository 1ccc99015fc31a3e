//! What happened in a session: its timeline and its decisions, streamed out as rows that are written once.

use actix_web::{
    HttpResponse,
    http::header,
    web::{Bytes, Data, Json},
};
use actors::{HistoryError, TimelineQuery};
use domain::{Kind, StoredEvent, row};
use serde_json::{Value, json};

use super::{
    auth::Either,
    error::{ApiError, Refusal},
    path::PathSession,
    query::{FromQuery, Params, Query},
    sessions::visible,
};
use crate::{App, clock};

/// Which events are asked for.
pub(super) struct Asked {
    after: Option<String>,
    query: TimelineQuery,
}

impl FromQuery for Asked {
    fn from_query(params: &mut Params) -> Self {
        let limit = "How many at most, 1 to 2000; what is beyond is taken for the nearest.";
        let limit = params.integer("limit", limit, 500, 1..=2_000);
        Self {
            after: params.text("after", "Only what comes after this event of the session."),
            query: TimelineQuery {
                after: None,
                kinds: params.all("kind", "Of these kinds only.").iter().map(|word| stored_kind(word)).collect(),
                from: params.instant("from", "Not earlier than this."),
                to: params.instant("to", "Not later than this."),
                limit: usize::try_from(limit).unwrap_or(500),
            },
        }
    }
}

/// `GET /v1/sessions/{id}/timeline`
pub(super) async fn timeline(
    who: Either,
    app: Data<App>,
    id: PathSession,
    query: Query<Asked>,
) -> Result<HttpResponse, ApiError> {
    let Asked { after, query } = query.read()?;
    // What is no UUID is no event of any session.
    let after = after.map(|text| text.parse().map_err(|_| Refusal::UnknownPosition)).transpose()?;
    let asked = TimelineQuery { after, ..query };
    let session = visible(&app, &who, id.0).await?;
    let (events, has_more) = app.actors.history.timeline(&session.name, &asked).await?;
    let mut body = br#"{"events":"#.to_vec();
    write_rows(&events, &mut body);
    body.extend_from_slice(if has_more { br#","hasMore":true}"# } else { br#","hasMore":false}"# });
    Ok(json_body(body))
}

/// Aliases are stored as what they stand for; a word that no kind has matches nothing.
fn stored_kind(word: &str) -> String {
    Kind::parse(word).map_or_else(|| "-".to_owned(), |kind| kind.as_str().to_owned())
}

/// `GET /v1/sessions/{id}/decisions`
pub(super) async fn decisions(who: Either, app: Data<App>, id: PathSession) -> Result<HttpResponse, ApiError> {
    let session = visible(&app, &who, id.0).await?;
    let events = app.actors.history.all_of_kind(&session.name, Kind::DecisionEvent.as_str()).await?;
    let mut body = br#"{"decisions":"#.to_vec();
    write_rows(&events, &mut body);
    body.push(b'}');
    Ok(json_body(body))
}

/// `GET /v1/sessions/{id}/signals`
pub(super) async fn signals(who: Either, app: Data<App>, id: PathSession) -> Result<Json<Value>, ApiError> {
    let session = visible(&app, &who, id.0).await?;
    let now = clock::now();
    let windows = app.redis.windows(&session.name, now).await?;
    Ok(Json(json!({
        "sessionId": session.name.session,
        "final": session.record.ended_at.is_some(),
        "atSeq": session.last_seq,
        "signals": session.signals().to_json(),
        "windows": domain::signals::windows_to_json(&windows, now),
    })))
}

fn write_rows(events: &[StoredEvent], body: &mut Vec<u8>) {
    body.push(b'[');
    for (place, stored) in events.iter().enumerate() {
        if place > 0 {
            body.push(b',');
        }
        row::write(stored, body);
    }
    body.push(b']');
}

fn json_body(body: Vec<u8>) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CONTENT_TYPE, "application/json")).body(Bytes::from(body))
}

impl From<HistoryError> for ApiError {
    fn from(error: HistoryError) -> Self {
        match error {
            HistoryError::UnknownEvent => Refusal::UnknownPosition.into(),
            HistoryError::Redis(error) => error.into(),
            HistoryError::Log(error) => error.into(),
            HistoryError::Gap => Self::unavailable(error),
        }
    }
}
