//! Watching an organisation: `GET /v1/live`, the wall of a hiring day, by WebSocket or as Server-Sent Events.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};

use super::{
    auth::Either,
    error::{ApiError, Refusal},
    live::{Shown, show},
    origin,
    query::Query,
    watcher::Watcher,
};
use crate::App;

/// `GET /v1/live`: the sessions of an assessment, or without `assessmentId` all of the organisation.
pub(super) async fn wall(
    Watcher(who): Watcher,
    app: Data<App>,
    request: HttpRequest,
    query: Query,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    origin::check(&request, &app.settings)?;
    let Either::Reviewer(reviewer) = &who else { return Err(Refusal::ReviewerOnly.into()) };
    let assessment = query.uuid("assessmentId")?;
    if let Some(id) = assessment {
        app.redis.assessment(reviewer.org, id).await?.ok_or(Refusal::NotFound)?;
    }
    let watch = app.actors.walls.watch(reviewer.org, assessment).await?;
    show(Shown::Wall(watch), who, app, &request, payload)
}
