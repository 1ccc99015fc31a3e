//! Scores of a session: those that reviewers give, those that follow from its signals, and the figure they come to.

use actix_web::{
    HttpResponse,
    web::{Data, Json},
};
use domain::{
    Session,
    rubric::{Criterion, Given, SignalScore, prompter_score, score_signals},
};
use redis_scripts::{NewScore, Score, ScoresKept};
use serde_json::{Value, json};

use super::{
    auth::{Either, ReviewerWrite},
    body::{Body, FromBody},
    error::{ApiError, Refusal},
    fields::{Fields, FromFields, fields_of},
    path::PathSession,
    rubrics::thresholds_json,
    rule::{Checked, Rule, distinct, integer, list, plain_number, text, verbatim},
    sessions::visible,
};
use crate::{App, clock};

const MAX_NOTES_BYTES: usize = 4096;

struct ScoreBody(NewScore);

impl FromFields for ScoreBody {
    fn from_fields(fields: &mut Fields) -> Self {
        Self(NewScore {
            dimension: fields.required("dimension", text(1..=128)),
            score: fields.required("score", integer(1..=5)),
            notes: fields.optional("notes", verbatim(MAX_NOTES_BYTES)),
        })
    }
}

/// A list of scores, one for each dimension.
pub(super) struct ScoreList(Vec<ScoreBody>);

fn score_list() -> impl Rule<Value = Vec<ScoreBody>> {
    distinct(list(1..=20, fields_of::<ScoreBody>()), "dimension", |one| &one.0.dimension)
}

impl FromBody for ScoreList {
    fn from_body(body: Value) -> Checked<Self> {
        score_list().check(&body).map(Self)
    }

    fn schema() -> Value {
        score_list().schema()
    }
}

/// `GET /v1/sessions/{id}/scores`
pub(super) async fn show(who: Either, app: Data<App>, id: PathSession) -> Result<Json<Value>, ApiError> {
    let session = visible(&app, &who, id.0).await?;
    of(&app, &session).await.map(Json)
}

/// The scores of a session and the figure they come to, as they are shown.
pub(super) async fn of(app: &App, session: &Session) -> Result<Value, ApiError> {
    let by_reviewers = app.redis.scores(&session.name).await?;
    let criteria = criteria(app, session).await?;
    let by_signals = match session.record.ended_at {
        Some(_) => score_signals(&criteria, &session.signals()),
        None => Vec::new(),
    };
    let signals =
        by_signals.iter().map(|one| Given { dimension: &one.criterion.key, score: one.score, by_reviewer: false });
    let reviewers = by_reviewers.iter().map(|one| Given {
        dimension: &one.given.dimension,
        score: one.given.score,
        by_reviewer: true,
    });
    let figure = prompter_score(&criteria, &signals.chain(reviewers).collect::<Vec<_>>());
    let scores = by_signals.iter().map(|one| signal_json(one, session)).chain(by_reviewers.iter().map(score_json));
    Ok(json!({ "scores": scores.collect::<Vec<_>>(), "prompterScore": figure.map(plain_number) }))
}

/// What the session is judged by: the rubric of its assessment, as it is now.
async fn criteria(app: &App, session: &Session) -> Result<Vec<Criterion>, ApiError> {
    let org = session.name.org;
    let Some(assessment) = session.record.assessment else { return Ok(Vec::new()) };
    let assessment = app.redis.assessment_even_deleted(org, assessment).await?;
    let Some(rubric) = assessment.and_then(|assessment| assessment.terms.rubric) else { return Ok(Vec::new()) };
    let rubric = app.redis.rubric_even_deleted(org, rubric).await?;
    Ok(rubric.map(|rubric| rubric.terms.criteria).unwrap_or_default())
}

/// `POST /v1/sessions/{id}/scores`
pub(super) async fn give(
    app: Data<App>,
    who: ReviewerWrite,
    id: PathSession,
    body: Body<ScoreList>,
) -> Result<HttpResponse, ApiError> {
    let reviewer = who.0.id;
    let session = visible(&app, &Either::Reviewer(who.0), id.0).await?;
    let given = body.json(&app).await?.0.into_iter().map(|ScoreBody(one)| one).collect();
    match app.redis.save_scores(&session.name, reviewer, given, clock::now()).await? {
        ScoresKept::Yes(scores) => {
            let scores: Vec<Value> = scores.iter().map(score_json).collect();
            Ok(HttpResponse::Created().json(json!({ "scores": scores })))
        }
        ScoresKept::Deleted => Err(Refusal::NotFound.into()),
        ScoresKept::TooMany => Err(Refusal::TooManyScores.into()),
    }
}

fn score_json(score: &Score) -> Value {
    json!({
        "dimension": score.given.dimension,
        "score": score.given.score,
        "notes": score.given.notes,
        "source": "reviewer",
        "reviewerId": score.reviewer,
        "evidence": null,
        "createdAt": score.created_at,
        "updatedAt": score.updated_at,
    })
}

/// It is as old as the end of the session, which it follows from.
fn signal_json(score: &SignalScore<'_>, session: &Session) -> Value {
    let ended_at = session.record.ended_at;
    json!({
        "dimension": score.criterion.key,
        "score": score.score,
        "notes": null,
        "source": "signal",
        "reviewerId": null,
        "evidence": {
            "signal": score.criterion.signal,
            "value": score.signal.get("value"),
            "confidence": score.signal.get("confidence"),
            "thresholds": thresholds_json(&score.thresholds),
        },
        "createdAt": ended_at,
        "updatedAt": ended_at,
    })
}
