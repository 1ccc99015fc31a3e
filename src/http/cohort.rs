//! How a session stands in the cohort of its assessment.

use std::time::Duration;

use actix_web::web::{Data, Json};
use clickhouse_schema::Subject;
use domain::{Session, SessionRef, cohort::METRICS};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    auth::{Either, Reviewer},
    error::{ApiError, Refusal},
    path::{PathId, PathSession},
    query::{FromQuery, Params, Query},
    sessions::visible,
};
use crate::App;

/// How long a request waits for the results of sessions that ended just before it.
const SETTLE_WITHIN: Duration = Duration::from_secs(2);

/// What of the statistics is asked for.
pub(super) struct Asked {
    distribution: bool,
}

impl FromQuery for Asked {
    fn from_query(params: &mut Params) -> Self {
        Self { distribution: params.flag("distribution", "Whether to add quantiles and a histogram of each metric.") }
    }
}

/// What of the statistics of an assessment is asked for, and for which session.
pub(super) struct AskedFor {
    asked: Asked,
    session: Option<String>,
}

impl FromQuery for AskedFor {
    fn from_query(params: &mut Params) -> Self {
        let session = params.text("sessionId", "The session that is ranked; one of another assessment is 404.");
        Self { session, asked: Asked::from_query(params) }
    }
}

/// `GET /v1/sessions/{id}/cohort-stats`
pub(super) async fn of_session(
    who: Either,
    app: Data<App>,
    id: PathSession,
    query: Query<Asked>,
) -> Result<Json<Value>, ApiError> {
    let asked = query.read()?;
    let session = visible(&app, &who, id.0).await?;
    let Some(assessment) = session.record.assessment else { return Ok(Json(json!({ "cohortStats": null }))) };
    stats(&app, &session.name.clone(), assessment, Some(&session), &asked).await
}

/// `GET /v1/assessments/{id}/cohort-stats`
pub(super) async fn of_assessment(
    reviewer: Reviewer,
    app: Data<App>,
    id: PathId,
    query: Query<AskedFor>,
) -> Result<Json<Value>, ApiError> {
    let AskedFor { asked, session } = query.read()?;
    let assessment = app.redis.assessment(reviewer.org, id.0).await?.ok_or(Refusal::NotFound)?.id;
    let session = match session {
        None => None,
        Some(text) => {
            let id = text.parse().map_err(|_| ApiError::from(Refusal::NotFound))?;
            let session = visible(&app, &Either::Reviewer(reviewer.clone()), id).await?;
            if session.record.assessment != Some(assessment) {
                return Err(Refusal::NotFound.into());
            }
            Some(session)
        }
    };
    let name = SessionRef::new(reviewer.org, assessment.into());
    stats(&app, &name, assessment, session.as_ref(), &asked).await
}

async fn stats(
    app: &App,
    of: &SessionRef,
    assessment: Uuid,
    session: Option<&Session>,
    asked: &Asked,
) -> Result<Json<Value>, ApiError> {
    wait_until_settled(app, of, assessment).await?;
    let subject = session.map(|session| Subject {
        session: session.name.session.clone(),
        provisional: session.record.ended_at.is_none().then(|| {
            let signals = session.signals();
            METRICS.map(|metric| metric.value_of(&signals))
        }),
    });
    let stats = app.log.cohort(of.org, assessment, subject.as_ref(), asked.distribution).await?;
    Ok(Json(json!({ "cohortStats": stats })))
}

/// Waits, a little, until the results of all sessions that have ended by now are derived: who reads the cohort right
/// after an end finds that session in it.
async fn wait_until_settled(app: &App, of: &SessionRef, assessment: Uuid) -> Result<(), ApiError> {
    let started = tokio::time::Instant::now();
    let unsettled = async || -> Result<Vec<_>, ApiError> {
        let mut all = app.redis.unsettled_sessions(of.org).await?;
        all.retain(|session| session.assessment == assessment);
        Ok(all)
    };
    let awaited = unsettled().await?;
    let mut left = awaited.clone();
    while !left.is_empty() && started.elapsed() < SETTLE_WITHIN {
        tokio::time::sleep(Duration::from_millis(25)).await;
        let now = unsettled().await?;
        left.retain(|session| now.contains(session));
    }
    Ok(())
}
