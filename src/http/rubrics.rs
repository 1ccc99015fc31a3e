//! Rubrics.

use actix_web::{
    HttpResponse,
    web::{Data, Json},
};
use domain::rubric::{Criterion, SCORABLE, Thresholds};
use redis_scripts::{Rubric, RubricTerms};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    auth::{Reviewer, ReviewerWrite},
    body::Body,
    error::{ApiError, Refusal},
    fields::{Fields, FromFields, PatchOf, fields_of},
    path::PathId,
    query::{FromQuery, Page, Params, Query},
    rule::{Rule, distinct, fault, list, one_of, plain_number, positive_number, rule, text, verbatim},
};
use crate::{App, clock};

const MAX_DESCRIPTION_BYTES: usize = 4096;
const MAX_WEIGHT: f64 = 100.0;

struct CriterionBody(Criterion);

impl FromFields for CriterionBody {
    fn from_fields(fields: &mut Fields) -> Self {
        let criterion = Criterion {
            key: fields.required("key", text(1..=128)),
            title: fields.required("title", text(1..=255)),
            description: fields.optional("description", verbatim(MAX_DESCRIPTION_BYTES)),
            weight: fields.optional("weight", positive_number(MAX_WEIGHT)).unwrap_or(1.0),
            signal: fields.optional("signal", one_of(SCORABLE)).map(str::to_owned),
            thresholds: fields.optional("thresholds", thresholds()).flatten(),
        };
        if fields.is_given("thresholds") && !fields.is_given("signal") {
            fields.wrong("signal", "required", "is required beside `thresholds`");
        }
        Self(criterion)
    }
}

/// Four numbers that ascend, or descend.
fn thresholds() -> impl Rule<Value = Option<Thresholds>> {
    let schema = || {
        let about =
            "They part the scores 1 to 5 of the signal: ascending where more is better, descending where less is.";
        let number = json!({ "type": "number" });
        json!({ "type": "array", "minItems": 4, "maxItems": 4, "items": number, "description": about })
    };
    rule(schema, |value| {
        let numbers: Option<Vec<f64>> = value.as_array().and_then(|all| all.iter().map(Value::as_f64).collect());
        let numbers = numbers.and_then(|numbers| <[f64; 4]>::try_from(numbers).ok());
        let Some(numbers) = numbers else { return fault("invalid_type", "must be a list of four numbers") };
        Thresholds::new(numbers).map_or_else(|| fault("out_of_order", "must ascend, or descend"), |good| Ok(Some(good)))
    })
}

pub(super) struct RubricBody(RubricTerms);

impl FromFields for RubricBody {
    fn from_fields(fields: &mut Fields) -> Self {
        let criteria = distinct(list(1..=20, fields_of::<CriterionBody>()), "key", |one| &one.0.key);
        Self(RubricTerms {
            name: fields.required("name", text(1..=255)),
            criteria: fields.required("criteria", criteria).into_iter().map(|CriterionBody(one)| one).collect(),
        })
    }
}

pub(super) struct Listed(Page);

impl FromQuery for Listed {
    fn from_query(params: &mut Params) -> Self {
        Self(params.page(20, 100))
    }
}

/// `GET /v1/rubrics`
pub(super) async fn list_some(app: Data<App>, who: Reviewer, query: Query<Listed>) -> Result<HttpResponse, ApiError> {
    let Listed(page) = query.read()?;
    let all = app.redis.list_rubrics(who.org).await?;
    let rubrics: Vec<Value> = page.of(&all).iter().map(shown).collect();
    let Page { limit, offset } = page;
    Ok(HttpResponse::Ok().json(json!({"rubrics": rubrics, "total": all.len(), "limit": limit, "offset": offset})))
}

/// `POST /v1/rubrics`
pub(super) async fn create(
    app: Data<App>,
    who: ReviewerWrite,
    body: Body<RubricBody>,
) -> Result<HttpResponse, ApiError> {
    let RubricBody(terms) = body.json(&app).await?;
    let made = app.redis.create_rubric(who.0.org, Uuid::now_v7(), terms, clock::now()).await?;
    Ok(HttpResponse::Created().json(json!({"rubric": shown(&made)})))
}

/// `GET /v1/rubrics/{id}`
pub(super) async fn show(app: Data<App>, who: Reviewer, id: PathId) -> Result<Json<Value>, ApiError> {
    let rubric = app.redis.rubric(who.org, id.0).await?.ok_or(Refusal::NotFound)?;
    Ok(Json(json!({ "rubric": shown(&rubric) })))
}

/// `PATCH /v1/rubrics/{id}`
pub(super) async fn change(
    app: Data<App>,
    who: ReviewerWrite,
    id: PathId,
    body: Body<PatchOf<RubricBody>>,
) -> Result<Json<Value>, ApiError> {
    let org = who.0.org;
    let before = app.redis.rubric(org, id.0).await?.ok_or(Refusal::NotFound)?;
    let RubricBody(terms) = body.json(&app).await?.over(object(&before))?;
    app.redis.change_rubric(&before, &terms, clock::now()).await?;
    let after = app.redis.rubric(org, id.0).await?.ok_or(Refusal::NotFound)?;
    Ok(Json(json!({ "rubric": shown(&after) })))
}

/// `DELETE /v1/rubrics/{id}`
pub(super) async fn delete(app: Data<App>, who: ReviewerWrite, id: PathId) -> Result<HttpResponse, ApiError> {
    app.redis.rubric(who.0.org, id.0).await?.ok_or(Refusal::NotFound)?;
    app.redis.delete_rubric(who.0.org, id.0, clock::now()).await?;
    Ok(HttpResponse::Ok().json(json!({"ok": true, "id": id.0})))
}

fn shown(rubric: &Rubric) -> Value {
    Value::Object(object(rubric))
}

fn object(rubric: &Rubric) -> Map<String, Value> {
    let criteria: Vec<Value> = rubric.terms.criteria.iter().map(criterion_json).collect();
    let fields: [(&str, Value); 5] = [
        ("id", json!(rubric.id)),
        ("name", json!(rubric.terms.name)),
        ("criteria", json!(criteria)),
        ("createdAt", json!(rubric.created_at)),
        ("updatedAt", json!(rubric.updated_at)),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn criterion_json(criterion: &Criterion) -> Value {
    json!({
        "key": criterion.key,
        "title": criterion.title,
        "description": criterion.description,
        "weight": plain_number(criterion.weight),
        "signal": criterion.signal,
        "thresholds": criterion.thresholds.as_ref().map(thresholds_json),
    })
}

/// The numbers as they were written.
pub(super) fn thresholds_json(thresholds: &Thresholds) -> Value {
    thresholds.numbers().into_iter().map(plain_number).collect()
}
