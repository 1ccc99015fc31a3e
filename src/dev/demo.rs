//! The organisation that a newcomer gets, and the one copy of its API key.

use std::path::Path;

use domain::OrgId;
use redis_scripts::{Purpose, Redis, Scopes};

use super::files::{self, Credentials};
use crate::clock;

/// The organisation "Demo": that of the first start, kept in `file`. What Redis does not know any more, because the data of
/// both stores was removed or the key revoked, is made again.
///
/// # Errors
/// When Redis does not answer or the file cannot be used.
pub async fn credentials(redis: &Redis, file: &Path) -> anyhow::Result<Credentials> {
    let now = clock::now();
    let (org_id, api_key) = match files::read::<Credentials>(file)? {
        Some(known) if is_valid(redis, &known).await? => return Ok(known),
        Some(known) if redis.org(known.org_id).await?.is_some() => {
            (known.org_id, redis.new_api_key(known.org_id, "demo", Scopes::ALL, now).await?.1)
        }
        _ => redis.create_org("Demo", now).await?,
    };
    let credentials = Credentials { org_id, api_key };
    files::write(file, &credentials)?;
    Ok(credentials)
}

async fn is_valid(redis: &Redis, Credentials { org_id, api_key }: &Credentials) -> anyhow::Result<bool> {
    for digest in redis.digests(api_key) {
        if let Some(owner) = redis.owner_of(Purpose::Api, &digest).await? {
            return Ok(owner.org == *org_id && is_active(redis, *org_id, owner.id).await?);
        }
    }
    Ok(false)
}

async fn is_active(redis: &Redis, org: OrgId, id: uuid::Uuid) -> anyhow::Result<bool> {
    Ok(redis.api_key(org, id).await?.is_some_and(|key| key.revoked_at.is_none()))
}
