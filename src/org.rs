//! Organisations, from the command line.

use anyhow::Context;
use domain::OrgId;
use redis_scripts::{ApiKey, Redis, Scopes, keys::SecretDigest, random_secret};
use uuid::Uuid;

use crate::clock;
use crate::config::CreateOrgOptions;
use crate::dev::files::{self, Demo, DevFile};
use crate::http::auth::API_KEY_PREFIX;

/// Creates an organisation and prints its id and its first API key.
///
/// # Errors
/// When Redis cannot be found or does not answer.
pub async fn run(options: &CreateOrgOptions) -> anyhow::Result<()> {
    let redis = redis_scripts::Config::new(redis_url(options)?);
    let created = create(&redis, &options.name).await?;
    if options.json {
        println!("{}", serde_json::to_string(&created)?);
    } else {
        println!("Organisation  {}\nAPI key       {}", created.org_id, created.api_key);
        eprintln!("The key is not shown again.");
    }
    Ok(())
}

/// Creates an organisation and its first API key, which may do everything.
///
/// # Errors
/// When Redis does not answer.
pub async fn create(redis: &redis_scripts::Config, _name: &str) -> anyhow::Result<Demo> {
    let org = OrgId(Uuid::now_v7());
    let secret = random_secret(API_KEY_PREFIX)?;
    let key = ApiKey {
        id: Uuid::now_v7(),
        org,
        name: "first key".to_owned(),
        prefix: secret.chars().take(API_KEY_PREFIX.len() + 4).collect(),
        scopes: Scopes::ALL,
        created_at: clock::now(),
        last_used_at: None,
        revoked_at: None,
    };
    Redis::new(redis)?.create_api_key(&key, &SecretDigest::of(&secret)).await?;
    Ok(Demo { org_id: org.to_string(), api_key: secret })
}

/// Whether Redis knows the organisation.
///
/// # Errors
/// When Redis does not answer.
pub async fn exists(redis: &redis_scripts::Config, org_id: &str) -> anyhow::Result<bool> {
    let Ok(org) = org_id.parse() else { return Ok(false) };
    Ok(!Redis::new(redis)?.list_api_keys(OrgId(org)).await?.is_empty())
}

fn redis_url(options: &CreateOrgOptions) -> anyhow::Result<String> {
    if let Some(url) = &options.redis_url {
        return Ok(url.expose().to_owned());
    }
    let path = options.data_dir.join("dev.json");
    let running: Option<DevFile> = files::read(&path)?;
    let running = running.with_context(|| {
        format!(
            "no --redis-url, and no `promptster-server dev` runs on {} (no {})",
            options.data_dir.display(),
            path.display()
        )
    })?;
    Ok(running.redis_url)
}
