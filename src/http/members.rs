//! The members of the reviewer's organisation: who may sign in with the identity provider.

use actix_web::{HttpResponse, web::Data};
use redis_scripts::{Holder, Member, Scopes, Standing};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    auth::{Reviewer, ReviewerWrite},
    body::Body,
    error::{ApiError, Refusal},
    fields::{Fields, FromFields},
    path::PathId,
    rule::{email, list, one_of},
};
use crate::{App, clock};

fn scopes(fields: &mut Fields) -> Scopes {
    Scopes::of_words(fields.required("scopes", list(1..=2, one_of(&["read", "write"]))))
}

pub(super) struct NewMember {
    email: String,
    scopes: Scopes,
}

impl FromFields for NewMember {
    fn from_fields(fields: &mut Fields) -> Self {
        Self { email: fields.required("email", email()), scopes: scopes(fields) }
    }
}

pub(super) struct ChangedMember(Scopes);

impl FromFields for ChangedMember {
    fn from_fields(fields: &mut Fields) -> Self {
        Self(scopes(fields))
    }
}

/// `GET /v1/org/members`
pub(super) async fn list_all(app: Data<App>, who: Reviewer) -> Result<HttpResponse, ApiError> {
    let members: Vec<_> = app.redis.list_members(who.org).await?.iter().map(member_json).collect();
    Ok(HttpResponse::Ok().json(json!({ "members": members })))
}

/// `POST /v1/org/members`
pub(super) async fn create(
    app: Data<App>,
    who: ReviewerWrite,
    body: Body<NewMember>,
) -> Result<HttpResponse, ApiError> {
    let NewMember { email, scopes } = body.json(&app).await?;
    let member = Member {
        id: Uuid::now_v7(),
        org: who.0.org,
        email,
        scopes,
        created_at: clock::now(),
        created_by: Some(who.0.id),
        last_sign_in_at: None,
    };
    if !app.redis.create_member(&member).await? {
        return Err(Refusal::MemberExists.into());
    }
    Ok(HttpResponse::Created().json(json!({ "member": member_json(&member) })))
}

/// `PATCH /v1/org/members/{id}`
pub(super) async fn change(
    app: Data<App>,
    who: ReviewerWrite,
    id: PathId,
    body: Body<ChangedMember>,
) -> Result<HttpResponse, ApiError> {
    let member = app.redis.member(who.0.org, id.0).await?.ok_or(Refusal::NotFound)?;
    let ChangedMember(scopes) = body.json(&app).await?;
    if !app.redis.change_member(who.0.org, id.0, scopes).await? {
        return Err(Refusal::NotFound.into());
    }
    let member = Member { scopes, ..member };
    Ok(HttpResponse::Ok().json(json!({ "member": member_json(&member) })))
}

/// `DELETE /v1/org/members/{id}`
pub(super) async fn remove(app: Data<App>, who: ReviewerWrite, id: PathId) -> Result<HttpResponse, ApiError> {
    if !app.redis.remove_member(who.0.org, id.0, clock::now()).await? {
        return Err(Refusal::NotFound.into());
    }
    Ok(HttpResponse::Ok().json(json!({ "ok": true, "id": id.0 })))
}

/// A member as it is shown.
pub(crate) fn member_json(member: &Member) -> Value {
    json!({
        "id": member.id,
        "email": member.email,
        "scopes": member.scopes.words(),
        "createdAt": member.created_at,
        "createdBy": member.created_by,
        "lastSignInAt": member.last_sign_in_at,
    })
}

/// Notes that a member is at work for an organisation from now on. Of API keys their use is noted.
pub(super) async fn note_sign_in(app: &App, standing: Standing) {
    let Holder::Member(id) = standing.holder else { return };
    if let Err(error) = app.redis.touch_member(standing.org, id, clock::now()).await {
        tracing::debug!(%error, "the sign-in of a member not noted");
    }
}
