//! All candidate keys of an organisation.

use std::collections::{HashMap, HashSet};

use actix_web::{HttpResponse, web::Data};
use futures_util::future::try_join_all;
use serde_json::json;
use uuid::Uuid;

use super::{
    auth::Reviewer,
    error::ApiError,
    keys::key_json,
    query::{FromQuery, Page, Params, Query},
};
use crate::{App, clock};

pub(super) struct Listed(Page);

impl FromQuery for Listed {
    fn from_query(params: &mut Params) -> Self {
        Self(params.page(50, 200))
    }
}

/// `GET /v1/candidates`
pub(super) async fn list(app: Data<App>, who: Reviewer, query: Query<Listed>) -> Result<HttpResponse, ApiError> {
    let Listed(page) = query.read()?;
    let (keys, total) = app.redis.page_candidate_keys(who.org, page.limit, page.offset).await?;
    let assessments: HashSet<Uuid> = keys.iter().map(|key| key.assessment).collect();
    let found = assessments.into_iter().map(|id| app.redis.assessment_even_deleted(who.org, id));
    let found = try_join_all(found).await?.into_iter().flatten();
    let titles: HashMap<Uuid, String> = found.map(|assessment| (assessment.id, assessment.terms.title)).collect();
    let now = clock::now();
    let candidates = keys.iter().map(|key| {
        let mut shown = key_json(key, now);
        if let Some(fields) = shown.as_object_mut() {
            fields.insert("assessmentTitle".to_owned(), json!(titles.get(&key.assessment)));
        }
        shown
    });
    Ok(HttpResponse::Ok().json(json!({
        "candidates": candidates.collect::<Vec<_>>(),
        "total": total,
        "limit": page.limit,
        "offset": page.offset,
    })))
}
