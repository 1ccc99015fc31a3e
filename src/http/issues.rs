//! Issues: tasks that assessments may be about, an organisation's own and those of the shared [catalogue](crate::Catalogue).

use actix_web::{
    HttpResponse,
    web::{Data, Json},
};
use domain::OrgId;
use redis_scripts::{Issue, IssueTerms};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    auth::{Either, Reviewer, ReviewerWrite},
    body::Body,
    error::{ApiError, Refusal},
    fields::{Fields, FromFields, PatchOf},
    path::PathId,
    query::{FromQuery, Page, Params, Query},
    rule::{MAX_SAFE_INTEGER, document, hex, integer, list, one_of, relative_path, repo_url, text, verbatim, web_url},
};
use crate::{App, clock};

const DIFFICULTIES: &[&str] = &["easy", "medium", "hard"];
const STATUSES: &[&str] = &["active", "archived"];
/// Bytes of each long text; all of them fit into one body.
const MAX_TEXT_BYTES: usize = 64 << 10;

/// What is said about an issue, in a body or in the file of the catalogue.
pub struct IssueBody(pub IssueTerms);

impl FromFields for IssueBody {
    fn from_fields(fields: &mut Fields) -> Self {
        Self(IssueTerms {
            title: fields.required("issueTitle", text(1..=255)),
            language: fields.required("language", text(1..=64)),
            difficulty: fields.required("difficulty", one_of(DIFFICULTIES)).to_owned(),
            task_brief: fields.required("taskBrief", document(MAX_TEXT_BYTES)),
            source: fields.optional("source", text(1..=64)),
            repo_url: fields.optional("repoUrl", repo_url()),
            repo_slug: fields.optional("repoSlug", text(1..=255)),
            repo_subdir: fields.optional("repoSubdir", relative_path()),
            number: fields.optional("issueNumber", integer(1..=MAX_SAFE_INTEGER)),
            url: fields.optional("issueUrl", web_url()),
            body: fields.optional("issueBody", verbatim(MAX_TEXT_BYTES)),
            skill_tags: fields.optional("skillTags", list(0..=20, text(1..=64))).unwrap_or_default(),
            estimated_minutes: fields.optional("estimatedMinutes", integer(1..=10_080)),
            broken_sha: fields.optional("brokenSha", hex(7..=64)),
            reference_sha: fields.optional("referenceSha", hex(7..=64)),
            setup_instructions: fields.optional("setupInstructions", document(MAX_TEXT_BYTES)),
            status: fields.optional("status", one_of(STATUSES)).unwrap_or("active").to_owned(),
        })
    }
}

pub(super) struct Listed {
    language: Option<String>,
    difficulty: Option<&'static str>,
    status: &'static str,
    page: Page,
}

impl FromQuery for Listed {
    fn from_query(params: &mut Params) -> Self {
        Self {
            language: params.text("language", "In this language only; upper and lower case are the same."),
            difficulty: params.word("difficulty", "Of this difficulty only.", DIFFICULTIES),
            status: params
                .word("status", "Of this status only, `active` if it is absent.", STATUSES)
                .unwrap_or("active"),
            page: params.page(20, 50),
        }
    }
}

impl Listed {
    fn has(&self, terms: &IssueTerms) -> bool {
        let speaks = |language: &String| language.trim().to_lowercase() == terms.language.to_lowercase();
        self.language.as_ref().is_none_or(speaks)
            && self.difficulty.is_none_or(|difficulty| difficulty == terms.difficulty)
            && self.status == terms.status
    }
}

/// `GET /v1/issues`: the organisation's own, the oldest first, then those of the catalogue in its order.
pub(super) async fn list_some(app: Data<App>, who: Reviewer, query: Query<Listed>) -> Result<HttpResponse, ApiError> {
    let asked = query.read()?;
    let own = app.redis.list_issues(who.org).await?;
    let all: Vec<&Issue> = own.iter().chain(app.issues.all()).filter(|issue| asked.has(&issue.terms)).collect();
    let issues: Vec<Value> = asked.page.of(&all).iter().map(|issue| shown_to_reviewers(issue)).collect();
    let Page { limit, offset } = asked.page;
    Ok(HttpResponse::Ok().json(json!({"issues": issues, "total": all.len(), "limit": limit, "offset": offset})))
}

/// `GET /v1/issues/{id}`
pub(super) async fn show(app: Data<App>, who: Either, id: PathId) -> Result<Json<Value>, ApiError> {
    let issue = match &who {
        Either::Reviewer(reviewer) => find(&app, reviewer.org, id.0).await?.filter(|issue| issue.deleted_at.is_none()),
        // That of its own assessment only; and a session goes on when its issue is deleted.
        Either::Candidate(candidate) => {
            let own = app.redis.assessment_even_deleted(candidate.org, candidate.key.assessment).await?;
            match own.and_then(|assessment| assessment.terms.issue) {
                Some(own) if own == id.0 => find(&app, candidate.org, own).await?,
                _ => None,
            }
        }
    };
    let issue = issue.ok_or(Refusal::NotFound)?;
    Ok(Json(json!({ "issue": shown_to(&who, &issue) })))
}

/// `POST /v1/issues`
pub(super) async fn create(
    app: Data<App>,
    who: ReviewerWrite,
    body: Body<IssueBody>,
) -> Result<HttpResponse, ApiError> {
    let IssueBody(terms) = body.json(&app).await?;
    let made = app.redis.create_issue(who.0.org, Uuid::now_v7(), terms, clock::now()).await?;
    Ok(HttpResponse::Created().json(json!({"issue": shown_to_reviewers(&made)})))
}

/// `PATCH /v1/issues/{id}`
pub(super) async fn change(
    app: Data<App>,
    who: ReviewerWrite,
    id: PathId,
    body: Body<PatchOf<IssueBody>>,
) -> Result<HttpResponse, ApiError> {
    let org = who.0.org;
    let before = own(&app, org, id.0).await?;
    let IssueBody(terms) = body.json(&app).await?.over(object(&before))?;
    app.redis.change_issue(org, &before, &terms, clock::now()).await?;
    let after = own(&app, org, id.0).await?;
    Ok(HttpResponse::Ok().json(json!({"issue": shown_to_reviewers(&after)})))
}

/// `DELETE /v1/issues/{id}`
pub(super) async fn delete(app: Data<App>, who: ReviewerWrite, id: PathId) -> Result<HttpResponse, ApiError> {
    own(&app, who.0.org, id.0).await?;
    app.redis.delete_issue(who.0.org, id.0, clock::now()).await?;
    Ok(HttpResponse::Ok().json(json!({"ok": true, "id": id.0})))
}

/// An issue that the organisation may change.
async fn own(app: &App, org: OrgId, id: Uuid) -> Result<Issue, ApiError> {
    if app.issues.get(id).is_some() {
        return Err(Refusal::SharedIssue.into());
    }
    app.redis.issue(org, id).await?.ok_or_else(|| Refusal::NotFound.into())
}

/// An issue of the catalogue or of the organisation's own, deleted or not.
pub(super) async fn find(app: &App, org: OrgId, id: Uuid) -> Result<Option<Issue>, ApiError> {
    match app.issues.get(id) {
        Some(issue) => Ok(Some(issue.clone())),
        None => Ok(app.redis.issue_even_deleted(org, id).await?),
    }
}

/// An issue as it is shown to whoever asks: what solves it is not for candidates.
pub(super) fn shown_to(who: &Either, issue: &Issue) -> Value {
    let mut shown = object(issue);
    if matches!(who, Either::Candidate(_)) {
        shown.shift_remove("referenceSha");
    }
    Value::Object(shown)
}

fn shown_to_reviewers(issue: &Issue) -> Value {
    Value::Object(object(issue))
}

fn object(issue: &Issue) -> Map<String, Value> {
    let terms = &issue.terms;
    let fields: [(&str, Value); 21] = [
        ("id", json!(issue.id)),
        ("source", json!(terms.source)),
        ("repoUrl", json!(terms.repo_url)),
        ("repoSlug", json!(terms.repo_slug)),
        ("repoSubdir", json!(terms.repo_subdir)),
        ("issueNumber", json!(terms.number)),
        ("issueTitle", json!(terms.title)),
        ("issueUrl", json!(terms.url)),
        ("issueBody", json!(terms.body)),
        ("language", json!(terms.language)),
        ("difficulty", json!(terms.difficulty)),
        ("skillTags", json!(terms.skill_tags)),
        ("estimatedMinutes", json!(terms.estimated_minutes)),
        ("brokenSha", json!(terms.broken_sha)),
        ("referenceSha", json!(terms.reference_sha)),
        ("taskBrief", json!(terms.task_brief)),
        ("setupInstructions", json!(terms.setup_instructions)),
        ("isCustom", json!(issue.org.is_some())),
        ("status", json!(terms.status)),
        ("createdAt", json!(issue.created_at)),
        ("updatedAt", json!(issue.updated_at)),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
