//! The artifacts of a session that has ended, by the rules of `docs/artifacts.md`: as they were kept, or derived when they
//! are asked for where what is kept is of other events or of other rules. Besides, where the operator set up a judge, what a
//! language model wrote of the prompts, as it was kept; nobody waits for the model.

use actix_web::{HttpResponse, web::Data};
use domain::{
    Session, Timestamp,
    artifacts::{ArtifactKind, DERIVATION_V, prompt_analysis},
};
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{
    auth::Either,
    error::{ApiError, Refusal},
    path::{AnyKind, PathArtifact, PathSession},
    sessions::visible,
};
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
struct One<'a> {
    artifact: Option<Shown<'a>>,
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

/// `GET /v1/sessions/{id}/artifacts/{kind}`
pub(super) async fn one(who: Either, app: Data<App>, path: PathArtifact) -> Result<HttpResponse, ApiError> {
    let session = visible(&app, &who, path.session).await?;
    let artifact = match path.kind {
        AnyKind::Derived(kind) => {
            derived(&app, &session, kind).await?.map(|data| rules_made(&session, kind.as_str(), data))
        }
        AnyKind::PromptAnalysis => {
            let analyst = app.actors.analyst.as_ref().ok_or(Refusal::JudgeOff)?;
            analyst.analysis(&session).await?.map(|data| model_wrote(&session, data))
        }
    };
    Ok(HttpResponse::Ok().json(One { artifact: artifact.transpose()? }))
}

/// The artifacts of a session, as they are shown; none while it runs.
pub(super) async fn of<'a>(app: &App, session: &'a Session) -> Result<Vec<Shown<'a>>, ApiError> {
    let mut artifacts = Vec::new();
    for (kind, data) in app.actors.deriver.artifacts(session).await? {
        artifacts.push(rules_made(session, &kind, data)?);
    }
    if let Some(analyst) = &app.actors.analyst {
        artifacts.extend(analyst.analysis(session).await?.map(|data| model_wrote(session, data)).transpose()?);
    }
    Ok(artifacts)
}

/// `GET /v1/sessions/{id}/analytics`
pub(super) async fn analytics(who: Either, app: Data<App>, id: PathSession) -> Result<HttpResponse, ApiError> {
    let session = visible(&app, &who, id.0).await?;
    let kind = ArtifactKind::AnalyticsV1;
    let analytics = derived(&app, &session, kind).await?.map(raw).transpose()?;
    let created_at = session.record.ended_at;
    Ok(HttpResponse::Ok().json(Analytics { kind, derivation_v: DERIVATION_V, analytics, created_at }))
}

/// One artifact that rules derive; `None` while the session runs.
async fn derived(app: &App, session: &Session, kind: ArtifactKind) -> Result<Option<String>, ApiError> {
    let mut artifacts = app.actors.deriver.artifacts(session).await?.into_iter();
    Ok(artifacts.find(|(name, _)| name == kind.as_str()).map(|(_, data)| data))
}

fn rules_made<'a>(session: &'a Session, kind: &str, data: String) -> Result<Shown<'a>, ApiError> {
    shown(session, kind, DERIVATION_V, data)
}

fn model_wrote(session: &Session, data: String) -> Result<Shown<'_>, ApiError> {
    shown(session, prompt_analysis::KIND, prompt_analysis::DERIVATION_V, data)
}

fn shown<'a>(session: &'a Session, kind: &str, derivation_v: u32, data: String) -> Result<Shown<'a>, ApiError> {
    let name = format!("{}:{kind}", session.name);
    Ok(Shown {
        id: Uuid::new_v5(&ARTIFACTS, name.as_bytes()),
        session_id: session.name.session.as_str(),
        org_id: session.name.org,
        kind: kind.to_owned(),
        derivation_v,
        data: raw(data)?,
        created_at: session.record.ended_at,
    })
}

fn raw(data: String) -> Result<Box<RawValue>, ApiError> {
    RawValue::from_string(data).map_err(|error| ApiError::internal(format!("an artifact is no JSON: {error}")))
}
