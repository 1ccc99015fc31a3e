//! Assessments.

use actix_web::{HttpResponse, web::Data};
use domain::OrgId;
use futures_util::future::try_join_all;
use redis_scripts::{Assessment, AssessmentTerms};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    auth::{Either, Reviewer, ReviewerWrite},
    body::Body,
    error::{ApiError, Refusal},
    fields::{Fields, FromFields, PatchOf},
    issues,
    path::PathId,
    rule::{document, integer, list, one_of, positive_number, repo_url, text, uuid},
};
use crate::{App, clock};

const TOOLS: &[&str] = &["claude", "codex", "cursor"];
const DEFAULT_EXPIRES_IN_DAYS: i64 = 7;
const MAX_BRIEF_BYTES: usize = 64 << 10;

pub(super) struct Terms(AssessmentTerms);

impl FromFields for Terms {
    fn from_fields(fields: &mut Fields) -> Self {
        let title = fields.required("title", text(1..=255));
        let role = fields.required("role", text(1..=255));
        // An issue brings a brief of its own; a wrong `issueId` is told as such, not as a missing brief.
        let task_brief = fields.required_unless("issueId", "taskBrief", document(MAX_BRIEF_BYTES));
        let mut tools = fields.optional("allowedTools", list(1..=3, one_of(TOOLS))).unwrap_or_else(|| TOOLS.to_vec());
        tools.sort_unstable();
        tools.dedup();
        Self(AssessmentTerms {
            title,
            role,
            task_brief,
            repo_url: fields.optional("repoUrl", repo_url()),
            repo_commit: None,
            repo_subdir: None,
            setup_instructions: None,
            time_limit_minutes: fields.optional("timeLimitMinutes", integer(1..=10_080)),
            expires_in_days: fields.optional("expiresInDays", integer(1..=365)).unwrap_or(DEFAULT_EXPIRES_IN_DAYS),
            issue: fields.optional("issueId", uuid()),
            rubric: fields.optional("rubricId", uuid()),
            token_budget_usd: fields.optional("tokenBudgetUsd", positive_number(1000.0)),
            allowed_tools: tools.into_iter().map(str::to_owned).collect(),
        })
    }
}

impl Terms {
    /// The terms with what their issue brings, as it is now: whatever becomes of the issue, all candidates of an assessment
    /// get the same task. What they refer to has to exist, or to stand there already.
    async fn resolved(
        self,
        app: &App,
        org: OrgId,
        before: Option<&AssessmentTerms>,
    ) -> Result<AssessmentTerms, ApiError> {
        let Self(mut terms) = self;
        if let Some(id) = terms.rubric.filter(|_| terms.rubric != before.and_then(|before| before.rubric))
            && app.redis.rubric(org, id).await?.is_none()
        {
            return Err(ApiError::names_nothing(Refusal::RubricNotFound, "rubricId"));
        }
        let Some(id) = terms.issue else { return Ok(terms) };
        let issue = issues::find(app, org, id).await?;
        if let Some(before) = before.filter(|before| before.issue == terms.issue) {
            terms.task_brief.clone_from(&before.task_brief);
            terms.repo_commit.clone_from(&before.repo_commit);
            terms.repo_subdir.clone_from(&before.repo_subdir);
            terms.setup_instructions.clone_from(&before.setup_instructions);
            terms.repo_url = terms.repo_url.or_else(|| issue?.terms.repo_url);
            return Ok(terms);
        }
        let issue = issue.filter(|issue| issue.deleted_at.is_none());
        let issue = issue.ok_or_else(|| ApiError::names_nothing(Refusal::IssueNotFound, "issueId"))?.terms;
        terms.task_brief = Some(issue.task_brief);
        terms.repo_url = terms.repo_url.or(issue.repo_url);
        terms.repo_commit = issue.broken_sha;
        terms.repo_subdir = issue.repo_subdir;
        terms.setup_instructions = issue.setup_instructions;
        Ok(terms)
    }
}

/// `POST /v1/assessments`
pub(super) async fn create(app: Data<App>, who: ReviewerWrite, body: Body<Terms>) -> Result<HttpResponse, ApiError> {
    let terms = body.json(&app).await?.resolved(&app, who.0.org, None).await?;
    let made = app.redis.create_assessment(who.0.org, Uuid::now_v7(), terms, clock::now()).await?;
    Ok(HttpResponse::Created().json(json!({"assessment": assessment_json(&made)})))
}

/// `GET /v1/assessments`
pub(super) async fn list_all(app: Data<App>, who: Reviewer) -> Result<HttpResponse, ApiError> {
    let assessments = app.redis.list_assessments(who.org).await?;
    let who = Either::Reviewer(who);
    let shown = assessments.iter().map(|assessment| with_issue(&app, &who, assessment));
    Ok(HttpResponse::Ok().json(json!({"assessments": try_join_all(shown).await?})))
}

/// `GET /v1/assessments/{id}`
pub(super) async fn show(app: Data<App>, who: Either, id: PathId) -> Result<HttpResponse, ApiError> {
    let found = match &who {
        Either::Reviewer(reviewer) => app.redis.assessment(reviewer.org, id.0).await?,
        // Its own only; and a session goes on when its assessment is deleted.
        Either::Candidate(candidate) if candidate.key.assessment == id.0 => {
            app.redis.assessment_even_deleted(candidate.org, id.0).await?
        }
        Either::Candidate(_) => None,
    };
    let assessment = found.ok_or(Refusal::NotFound)?;
    Ok(HttpResponse::Ok().json(json!({"assessment": with_issue(&app, &who, &assessment).await?})))
}

/// `PATCH /v1/assessments/{id}`
pub(super) async fn change(
    app: Data<App>,
    who: ReviewerWrite,
    id: PathId,
    body: Body<PatchOf<Terms>>,
) -> Result<HttpResponse, ApiError> {
    let before = app.redis.assessment(who.0.org, id.0).await?.ok_or(Refusal::NotFound)?;
    let patch = body.json(&app).await?;
    let mut standing = assessment_object(&before);
    if patch.replaces("issueId", &standing) {
        // That of the issue which goes is not that of the one which comes.
        standing.shift_remove("repoUrl");
    }
    let terms = patch.over(standing)?.resolved(&app, who.0.org, Some(&before.terms)).await?;
    app.redis.change_assessment(&before, &terms, clock::now()).await?;
    let after = app.redis.assessment(who.0.org, id.0).await?.ok_or(Refusal::NotFound)?;
    Ok(HttpResponse::Ok().json(json!({"assessment": assessment_json(&after)})))
}

/// `DELETE /v1/assessments/{id}`
pub(super) async fn delete(app: Data<App>, who: ReviewerWrite, id: PathId) -> Result<HttpResponse, ApiError> {
    app.redis.assessment(who.0.org, id.0).await?.ok_or(Refusal::NotFound)?;
    app.redis.delete_assessment(who.0.org, id.0, clock::now()).await?;
    Ok(HttpResponse::Ok().json(json!({"ok": true, "id": id.0})))
}

fn assessment_object(assessment: &Assessment) -> Map<String, Value> {
    let terms = &assessment.terms;
    let fields: [(&str, Value); 14] = [
        ("id", json!(assessment.id)),
        ("orgId", json!(assessment.org)),
        ("title", json!(terms.title)),
        ("role", json!(terms.role)),
        ("taskBrief", json!(terms.task_brief)),
        ("repoUrl", json!(terms.repo_url)),
        ("timeLimitMinutes", json!(terms.time_limit_minutes)),
        ("expiresInDays", json!(terms.expires_in_days)),
        ("issueId", json!(terms.issue)),
        ("rubricId", json!(terms.rubric)),
        ("tokenBudgetUsd", json!(terms.token_budget_usd)),
        ("allowedTools", json!(terms.allowed_tools)),
        ("createdAt", json!(assessment.created_at)),
        ("updatedAt", json!(assessment.updated_at)),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn assessment_json(assessment: &Assessment) -> Value {
    Value::Object(assessment_object(assessment))
}

async fn with_issue(app: &App, who: &Either, assessment: &Assessment) -> Result<Value, ApiError> {
    let mut object = assessment_object(assessment);
    let issue = match assessment.terms.issue {
        Some(id) => issues::find(app, assessment.org, id).await?,
        None => None,
    };
    object.insert("issue".to_owned(), issue.map_or(Value::Null, |issue| issues::shown_to(who, &issue)));
    Ok(Value::Object(object))
}
