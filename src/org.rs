//! Organisations, from the command line.

use anyhow::Context;
use redis_scripts::Redis;

use crate::config::CreateOrgOptions;
use crate::dev::files::{self, Demo, DevFile};

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
