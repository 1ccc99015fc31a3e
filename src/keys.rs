//! API keys of an organisation, from the command line.

use anyhow::ensure;
use redis_scripts::Scopes;
use serde_json::json;

use crate::clock;
use crate::config::{CreateKeyOptions, KeysCommand, KeysOptions, RevokeKeyOptions, ScopeWord};
use crate::http::org::api_key_json;
use crate::org::{MAX_NAME, found};

/// Lists, makes or revokes.
///
/// # Errors
/// When Redis cannot be found or does not answer, or there is no such organisation or key.
pub async fn run(command: &KeysCommand) -> anyhow::Result<()> {
    match command {
        KeysCommand::List(options) => list(options).await,
        KeysCommand::Create(options) => create(options).await,
        KeysCommand::Revoke(options) => revoke(options).await,
    }
}

async fn list(options: &KeysOptions) -> anyhow::Result<()> {
    let (redis, org) = found(&options.store, options.org).await?;
    let keys = redis.list_api_keys(org).await?;
    for key in &keys {
        if options.json {
            println!("{}", api_key_json(key));
        } else {
            let used = key.last_used_at.map_or_else(|| "never used".to_owned(), |used| format!("used {used}"));
            println!("{}  {}…  {}  {used}  {}", key.id, key.prefix, key.scopes.words().join(","), key.name);
        }
    }
    if keys.is_empty() {
        eprintln!("No API keys. `promptster-server keys create` makes one.");
    }
    Ok(())
}

async fn create(options: &CreateKeyOptions) -> anyhow::Result<()> {
    let name = options.name.trim();
    ensure!((1..=MAX_NAME).contains(&name.chars().count()), "--name must have 1 to {MAX_NAME} characters");
    let (redis, org) = found(&options.keys.store, options.keys.org).await?;
    let allows = |word| options.scopes.contains(&word);
    let scopes = Scopes { read: allows(ScopeWord::Read), write: allows(ScopeWord::Write) };
    let (key, secret) = redis.new_api_key(org, name, scopes, clock::now()).await?;
    if options.keys.json {
        println!("{}", json!({"apiKey": api_key_json(&key), "secret": secret}));
    } else {
        println!("{secret}");
        eprintln!("Its id is {}. The key is not shown again.", key.id);
    }
    Ok(())
}

async fn revoke(options: &RevokeKeyOptions) -> anyhow::Result<()> {
    let (redis, org) = found(&options.keys.store, options.keys.org).await?;
    let revoked = redis.revoke_api_key(org, options.id, clock::now()).await?;
    ensure!(revoked, "organisation {org} has no API key {} that is not revoked", options.id);
    match options.keys.json {
        true => println!("{}", json!({"ok": true, "id": options.id})),
        false => println!("Revoked. It opens nothing any more."),
    }
    Ok(())
}
