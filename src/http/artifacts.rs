//! The artifacts of a session that has ended: derived from its events when they are asked for, by the rules of
//! `docs/artifacts.md`, so that they are always those of today's rules and of everything that is in the log.

use actix_web::{HttpResponse, web::Data};
use actors::TimelineQuery;
use domain::{
    Session,
    artifacts::{Artifact, ArtifactKind, DERIVATION_V, Derivation},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{auth::Either, error::ApiError, path::PathSession, sessions::visible};
use crate::App;

/// Events that are read at once.
const PAGE: usize = 2_000;

/// The namespace of the ids of artifacts: the same artifact of the same session has the same one.
const ARTIFACTS: Uuid = Uuid::from_u128(0x2f0c_66a1_91d4_5b7e_8a35_c19e_70d2_4b13);

/// `GET /v1/sessions/{id}/artifacts`
pub(super) async fn list_all(who: Either, app: Data<App>, id: PathSession) -> Result<HttpResponse, ApiError> {
    let session = visible(&app, &who, id.0).await?;
    Ok(HttpResponse::Ok().json(json!({ "artifacts": of(&app, &session).await? })))
}

/// The artifacts of a session, as they are shown; none while it runs.
pub(super) async fn of(app: &App, session: &Session) -> Result<Vec<Value>, ApiError> {
    let artifacts = derive(app, session).await?.into_iter();
    let shown = artifacts
        .map(|artifact| {
            let name = format!("{}:{}", session.name, artifact.kind.as_str());
            json!({
                "id": Uuid::new_v5(&ARTIFACTS, name.as_bytes()),
                "sessionId": session.name.session,
                "orgId": session.name.org,
                "kind": artifact.kind,
                "derivationV": artifact.derivation_v,
                "data": artifact.data,
                "createdAt": session.record.ended_at,
            })
        })
        .collect();
    Ok(shown)
}

/// `GET /v1/sessions/{id}/analytics`
pub(super) async fn analytics(who: Either, app: Data<App>, id: PathSession) -> Result<HttpResponse, ApiError> {
    let session = visible(&app, &who, id.0).await?;
    let mut artifacts = derive(&app, &session).await?.into_iter();
    let artifact = artifacts.find(|artifact| artifact.kind == ArtifactKind::AnalyticsV1);
    Ok(HttpResponse::Ok().json(json!({
        "kind": ArtifactKind::AnalyticsV1,
        "derivationV": DERIVATION_V,
        "analytics": artifact.map(|artifact| artifact.data),
        "createdAt": session.record.ended_at,
    })))
}

/// The artifacts of a session; none while it runs.
async fn derive(app: &App, session: &Session) -> Result<Vec<Artifact>, ApiError> {
    if session.record.ended_at.is_none() {
        return Ok(Vec::new());
    }
    let mut derivation = Derivation::default();
    let mut query = TimelineQuery { limit: PAGE, ..TimelineQuery::default() };
    loop {
        let (page, has_more) = app.actors.history.timeline(&session.name, &query).await?;
        page.iter().for_each(|stored| derivation.add(stored));
        query.after = page.last().map(|stored| stored.event.id);
        if !has_more {
            return Ok(derivation.finish(&session.signals()));
        }
    }
}
