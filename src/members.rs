//! Members of an organisation, from the command line.

use anyhow::{bail, ensure};
use redis_scripts::{Member, Scopes};
use serde_json::json;
use uuid::Uuid;

use crate::clock;
use crate::config::{AddMemberOptions, MembersCommand, MembersOptions, RemoveMemberOptions, ScopeWord};
use crate::http::members::member_json;
use crate::http::rule::{Rule, email};
use crate::org::found;

/// Lists, adds or removes.
///
/// # Errors
/// When Redis cannot be found or does not answer, or there is no such organisation or member.
pub async fn run(command: &MembersCommand) -> anyhow::Result<()> {
    match command {
        MembersCommand::List(options) => list(options).await,
        MembersCommand::Add(options) => add(options).await,
        MembersCommand::Remove(options) => remove(options).await,
    }
}

async fn list(options: &MembersOptions) -> anyhow::Result<()> {
    let (redis, org) = found(&options.store, options.org).await?;
    let members = redis.list_members(org).await?;
    for member in &members {
        if options.json {
            println!("{}", member_json(member));
        } else {
            let seen =
                member.last_sign_in_at.map_or_else(|| "never signed in".to_owned(), |at| format!("signed in {at}"));
            println!("{}  {}  {seen}  {}", member.id, member.scopes.words().join(","), member.email);
        }
    }
    if members.is_empty() {
        eprintln!("No members. `promptster-server org members add` adds one.");
    }
    Ok(())
}

async fn add(options: &AddMemberOptions) -> anyhow::Result<()> {
    let Ok(email) = email().check(&json!(options.email)) else {
        bail!("{:?} is not an e-mail address", options.email);
    };
    let (redis, org) = found(&options.members.store, options.members.org).await?;
    let allows = |word| options.scopes.contains(&word);
    let member = Member {
        id: Uuid::now_v7(),
        org,
        email,
        scopes: Scopes { read: allows(ScopeWord::Read), write: allows(ScopeWord::Write) },
        created_at: clock::now(),
        created_by: None,
        last_sign_in_at: None,
    };
    ensure!(redis.create_member(&member).await?, "{} is a member of organisation {org} already", member.email);
    match options.members.json {
        true => println!("{}", json!({ "member": member_json(&member) })),
        false => println!("{}", member.id),
    }
    Ok(())
}

async fn remove(options: &RemoveMemberOptions) -> anyhow::Result<()> {
    let (redis, org) = found(&options.members.store, options.members.org).await?;
    let removed = redis.remove_member(org, options.id, clock::now()).await?;
    ensure!(removed, "organisation {org} has no member {}", options.id);
    match options.members.json {
        true => println!("{}", json!({"ok": true, "id": options.id})),
        false => println!("Removed. Whoever that was is signed out of this organisation."),
    }
    Ok(())
}
