//! Watching an organisation: `GET /v1/live`, the wall of a hiring day, by WebSocket or as Server-Sent Events.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use uuid::Uuid;

use super::{
    auth::Either,
    error::{ApiError, Refusal},
    live::{Shown, show},
    origin,
    query::{FromQuery, Params, Query},
    watcher::Watcher,
};
use crate::App;

pub(super) struct Shows {
    assessment: Option<Uuid>,
}

impl FromQuery for Shows {
    fn from_query(params: &mut Params) -> Self {
        Self { assessment: params.uuid("assessmentId", "Of this assessment only.") }
    }
}

/// `GET /v1/live`: the sessions of an assessment, or without `assessmentId` all of the organisation.
pub(super) async fn wall(
    Watcher(who): Watcher,
    app: Data<App>,
    request: HttpRequest,
    query: Query<Shows>,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    origin::check(&request, &app.settings)?;
    let Either::Reviewer(reviewer) = &who else { return Err(Refusal::ReviewerOnly.into()) };
    let Shows { assessment } = query.read()?;
    if let Some(id) = assessment {
        app.redis.assessment(reviewer.org, id).await?.ok_or(Refusal::NotFound)?;
    }
    let place = app.places.watcher(who.org(), who.id(), None)?;
    let watch = app.actors.walls.watch(reviewer.org, assessment).await?;
    show(Shown::Wall(watch), place, who, app, &request, payload)
}
