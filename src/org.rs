//! Organisations, from the command line.

use std::path::Path;

use anyhow::{Context, ensure};
use domain::OrgId;
use redis_scripts::{Purpose, Redis, Scopes, keys::SecretDigest};
use uuid::Uuid;

use crate::clock;
use crate::config::{CreateOrgOptions, NewKeyOptions, OrgStoreOptions, RetentionOptions, Secret};
use crate::dev::files::{self, Credentials, DevFile};
use crate::dev::pepper as dev_pepper;

/// The longest name.
pub(crate) const MAX_NAME: usize = 255;

/// Creates an organisation and prints its id and its first API key.
///
/// # Errors
/// When Redis cannot be found or does not answer.
pub async fn run(options: &CreateOrgOptions) -> anyhow::Result<()> {
    let name = options.name.trim();
    ensure!((1..=MAX_NAME).contains(&name.chars().count()), "--name must have 1 to {MAX_NAME} characters");
    let redis = redis(&options.store)?;
    let external_id = options.external_id.as_deref();
    if let Some(external_id) = external_id {
        ensure!((1..=MAX_NAME).contains(&external_id.len()), "--external-id must have 1 to {MAX_NAME} bytes");
        let owner = redis.owner_of(Purpose::ExternalOrg, &SecretDigest::of(external_id)).await?;
        ensure!(owner.is_none(), "--external-id {external_id} belongs to another organisation");
    }
    let (org, secret) = redis.create_org(name, clock::now()).await?;
    if let Some(external_id) = external_id {
        let is_new = redis.name_org(org, external_id).await?;
        ensure!(is_new, "--external-id {external_id} was taken meanwhile; organisation {org} is left without one");
    }
    if options.json {
        println!("{}", serde_json::to_string(&Credentials { org_id: org, api_key: secret })?);
    } else {
        println!("Organisation  {org}\nAPI key       {secret}");
        eprintln!("The key is not shown again.");
    }
    Ok(())
}

/// Makes an API key for an organisation, and prints it.
///
/// # Errors
/// When Redis cannot be found or does not answer, or there is no such organisation.
#[expect(clippy::disallowed_methods, reason = "the operator says which organisation it is")]
pub async fn new_key(options: &NewKeyOptions) -> anyhow::Result<()> {
    let name = options.name.trim();
    ensure!((1..=MAX_NAME).contains(&name.chars().count()), "--name must have 1 to {MAX_NAME} characters");
    let redis = redis(&options.store)?;
    let org = OrgId::trusted(options.org);
    ensure!(redis.org(org).await?.is_some(), "there is no organisation {org}");
    println!("{}", redis.new_api_key(org, name, Scopes::ALL, clock::now()).await?.1);
    Ok(())
}

/// Says for how long the sessions of an organisation are kept.
///
/// # Errors
/// When Redis cannot be found or does not answer, or there is no such organisation.
#[expect(clippy::disallowed_methods, reason = "the operator says which organisation it is")]
pub async fn retention(options: &RetentionOptions) -> anyhow::Result<()> {
    let redis = redis(&options.store)?;
    let known = redis.set_retention(OrgId::trusted(options.org), options.days).await?;
    ensure!(known, "there is no organisation {}", options.org);
    match options.days {
        Some(days) => {
            println!("Sessions are deleted for good {days} days after their end, within ten minutes of that.")
        }
        None => println!("Sessions are kept until they are deleted one by one."),
    }
    Ok(())
}

/// The Redis where organisations are, and this one of them.
#[expect(clippy::disallowed_methods, reason = "the operator says which organisation it is")]
pub(crate) async fn found(store: &OrgStoreOptions, org: Uuid) -> anyhow::Result<(Redis, OrgId)> {
    let (redis, org) = (redis(store)?, OrgId::trusted(org));
    ensure!(redis.org(org).await?.is_some(), "there is no organisation {org}");
    Ok((redis, org))
}

pub(crate) fn redis(store: &OrgStoreOptions) -> anyhow::Result<Redis> {
    let url = redis_url(store.redis_url.as_ref(), &store.data_dir)?;
    let mut peppers = store.pepper.peppers()?;
    if peppers.is_empty() && store.redis_url.is_none() {
        peppers = dev_pepper::kept_in(&store.data_dir)?;
    }
    Ok(Redis::new(&redis_scripts::Config { peppers, ..store.replication.config(&url)? })?)
}

fn redis_url(given: Option<&Secret>, data_dir: &Path) -> anyhow::Result<String> {
    if let Some(url) = given {
        return Ok(url.expose().to_owned());
    }
    let path = data_dir.join("dev.json");
    let running: Option<DevFile> = files::read(&path)?;
    let running = running.with_context(|| {
        format!(
            "no --redis-url, and no `promptster-server dev` runs on {} (there is no {})",
            data_dir.display(),
            path.display()
        )
    })?;
    Ok(running.redis_url)
}
