//! The artifacts of a session that has ended, by the rules of `docs/artifacts.md`: as they were kept, or derived when they
//! are asked for where what is kept is of other events or of other rules.

use actix_web::{HttpResponse, web::Data};
use domain::{
    Session, Timestamp,
    artifacts::{ArtifactKind, DERIVATION_V},
};
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{auth::Either, error::ApiError, path::PathSession, sessions::visible};
use crate::App;

/// The namespace of the ids of artifacts: the same artifact of the same session has the same one.
const ARTIFACTS: Uuid = Uuid::from_u128(0x2f0c_66a1_91d4_5b7e_8a35_c19e_70d2_4b13);

/// An artifact as it is shown. Its data goes out as it was kept, byte for byte.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Shown<'a> {
    id: Uuid,
    session_id: &'a str,
    org_id: domain::OrgId,
    kind: String,
    derivation_v: u32,
    data: Box<RawValue>,
    created_at: Option<Timestamp>,
}

#[derive(Serialize)]
struct List<'a> {
    artifacts: Vec<Shown<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Analytics {
    kind: ArtifactKind,
    derivation_v: u32,
    analytics: Option<Box<RawValue>>,
    created_at: Option<Timestamp>,
}

/// `GET /v1/sessions/{id}/artifacts`
pub(super) async fn list_all(who: Either, app: Data<App>, id: PathSession) -> Result<HttpResponse, ApiError> {
    let session = visible(&app, &who, id.0).await?;
    Ok(HttpResponse::Ok().json(List { artifacts: of(&app, &session).await? }))
}

/// The artifacts of a session, as they are shown; none while it runs.
pub(super) async fn of<'a>(app: &App, session: &'a Session) -> Result<Vec<Shown<'a>>, ApiError> {
    let mut shown = Vec::new();
    for (kind, data) in app.actors.deriver.artifacts(session).await? {
        let name = format!("{}:{kind}", session.name);
        shown.push(Shown {
            id: Uuid::new_v5(&ARTIFACTS, name.as_bytes()),
            session_id: session.name.session.as_str(),
            org_id: session.name.org,
            kind,
            derivation_v: DERIVATION_V,
            data: raw(data)?,
            created_at: session.record.ended_at,
        });
    }
    Ok(shown)
}

/// `GET /v1/sessions/{id}/analytics`
pub(super) async fn analytics(who: Either, app: Data<App>, id: PathSession) -> Result<HttpResponse, ApiError> {
    let session = visible(&app, &who, id.0).await?;
    let kind = ArtifactKind::AnalyticsV1;
    let artifacts = app.actors.deriver.artifacts(&session).await?.into_iter();
    let found = artifacts.into_iter().find(|(name, _)| name == kind.as_str());
    let analytics = found.map(|(_, data)| raw(data)).transpose()?;
    let created_at = session.record.ended_at;
    Ok(HttpResponse::Ok().json(Analytics { kind, derivation_v: DERIVATION_V, analytics, created_at }))
}

fn raw(data: String) -> Result<Box<RawValue>, ApiError> {
    RawValue::from_string(data).map_err(|error| ApiError::internal(format!("an artifact is no JSON: {error}")))
}
