//! Whom a sign-in stands for, as it is now: an API key or a member, which may go or be allowed less at any time.

use domain::OrgId;
use redis_scripts::{
    ApiKey, Holder, Member, Owner, Scopes, SignIn, Standing,
    keys::{Partition, SecretDigest},
};

use super::{
    auth::{By, Reviewer},
    credentials::{api_key_now, is_lost},
    error::{ApiError, Refusal},
};
use crate::{App, whole};

/// An API key or a member that counts.
#[derive(Debug)]
pub(super) enum Held {
    ApiKey(ApiKey),
    Member(Member),
}

impl Held {
    pub(super) fn scopes(&self) -> Scopes {
        match self {
            Self::ApiKey(key) => key.scopes,
            Self::Member(member) => member.scopes,
        }
    }
}

/// What a standing stands for now.
///
/// # Errors
/// 401 when the key was revoked or the member removed; 503.
pub(super) async fn held_now(app: &App, standing: Standing) -> Result<Held, ApiError> {
    let Standing { org, holder } = standing;
    match holder {
        Holder::ApiKey(id) => Ok(Held::ApiKey(api_key_now(app, Owner { org, id }).await?)),
        Holder::Member(id) => {
            let member = whole::believed(app, Partition::of_org(org), app.redis.member(org, id).await?).await?;
            Ok(Held::Member(member.ok_or(Refusal::Unauthorized)?))
        }
    }
}

/// The reviewer that the sign-in with this digest is, if there is one that has that standing.
///
/// # Errors
/// 401, alike for all reasons; 503.
pub(super) async fn found(app: &App, digest: &SecretDigest, standing: Standing) -> Result<Reviewer, ApiError> {
    let sign_in = app.redis.sign_in(digest).await?;
    let sign_in = whole::believed(app, digest.partition(), sign_in).await?.ok_or(Refusal::Unauthorized)?;
    if !sign_in.standings.contains(&standing) {
        return Err(Refusal::Unauthorized.into());
    }
    reviewer(app, digest.clone(), &sign_in, standing).await
}

/// The reviewer that a sign-in is by one of its standings.
///
/// # Errors
/// 401 when what it stands for has gone; 503.
pub(super) async fn reviewer(
    app: &App,
    digest: SecretDigest,
    sign_in: &SignIn,
    standing: Standing,
) -> Result<Reviewer, ApiError> {
    let scopes = held_now(app, standing).await?.scopes();
    let Standing { org, holder } = standing;
    let by = By::SignIn { digest, holder, expires_at: sign_in.expires_at };
    Ok(Reviewer { org, scopes, id: holder.id(), by })
}

/// Whether a socket that a sign-in opened may go on. A store that does not answer does not end a socket.
pub(super) async fn still_stand(app: &App, org: OrgId, holder: Holder, digest: &SecretDigest) -> bool {
    let is_signed_in = match app.redis.sign_in(digest).await {
        Ok(Some(sign_in)) => sign_in.standings.contains(&Standing { org, holder }),
        Ok(None) => is_lost(app, digest.partition()).await,
        Err(_) => true,
    };
    is_signed_in && may_watch(app, org, holder).await
}

/// Whether an API key or a member may still watch.
pub(super) async fn may_watch(app: &App, org: OrgId, holder: Holder) -> bool {
    let may = match holder {
        Holder::ApiKey(id) => {
            app.redis.api_key(org, id).await.map(|key| key.map(|key| key.revoked_at.is_none() && key.scopes.read))
        }
        Holder::Member(id) => app.redis.member(org, id).await.map(|member| member.map(|member| member.scopes.read)),
    };
    match may {
        Ok(Some(may)) => may,
        Ok(None) => is_lost(app, Partition::of_org(org)).await,
        Err(_) => true,
    }
}
