//! Dead letters, from the command line: what ClickHouse refused, or nobody could read. They are looked at here, and
//! written again when what they were refused for is mended.

use std::collections::BTreeSet;

use actors::settle_results;
use anyhow::ensure;
use clickhouse_schema::{DeadLetter, EventLog, LoggedEvent};
use domain::{OrgId, SessionRef};
use redis_scripts::Redis;
use serde_json::{Value, json};

use crate::config::{LettersCommand, LettersOptions};

/// Letters of an organisation that are read at once.
const AT_ONCE: usize = 10_000;

/// Lists, shows or replays.
///
/// # Errors
/// When a store cannot be found or does not answer.
pub async fn run(command: &LettersCommand) -> anyhow::Result<()> {
    match command {
        LettersCommand::List(options) => list(options).await,
        LettersCommand::Show(options) => show(options).await,
        LettersCommand::Replay(options) => replay(options).await,
    }
}

async fn found(log: &EventLog, options: &LettersOptions) -> anyhow::Result<Vec<DeadLetter>> {
    let mut letters = Vec::new();
    for org in log.orgs_with_dead_letters().await? {
        if options.org.is_none_or(|wanted| wanted == org.uuid()) {
            letters.extend(log.dead_letters(org, &options.events, AT_ONCE).await?);
        }
    }
    Ok(letters)
}

async fn list(options: &LettersOptions) -> anyhow::Result<()> {
    let log = EventLog::new(&options.stores.clickhouse()?);
    let letters = found(&log, options).await?;
    for letter in &letters {
        if options.json {
            println!("{}", shown(letter));
        } else {
            let session = if letter.session.is_empty() { "-" } else { &letter.session };
            println!("{}  {}  {session}  {}  {}", letter.received_at, letter.org, letter.event_id, letter.reason);
        }
    }
    eprintln!("{}", counted(letters.len()));
    if !letters.is_empty() {
        eprintln!("`promptster-server dead-letters show ID` prints one, `… replay` writes them once more.");
    }
    Ok(())
}

async fn show(options: &LettersOptions) -> anyhow::Result<()> {
    ensure!(!options.events.is_empty(), "say which: the id of the event, as `dead-letters list` prints it");
    let log = EventLog::new(&options.stores.clickhouse()?);
    let letters = found(&log, options).await?;
    ensure!(!letters.is_empty(), "there is no such dead letter");
    for letter in &letters {
        let mut whole = shown(letter);
        if let Some(members) = whole.as_object_mut() {
            members.insert("raw".to_owned(), String::from_utf8_lossy(&letter.raw).into());
        }
        println!("{}", if options.json { whole.to_string() } else { format!("{whole:#}") });
    }
    Ok(())
}

/// Writes letters again. Those that are refused again, and those that nobody can read, stay.
async fn replay(options: &LettersOptions) -> anyhow::Result<()> {
    let redis = Redis::new(&options.stores.redis()?)?;
    let log = EventLog::new(&options.stores.clickhouse()?);
    let letters = found(&log, options).await?;
    let (mut readable, mut kept): (Vec<(&DeadLetter, LoggedEvent)>, usize) = (Vec::new(), 0);
    for letter in &letters {
        match letter.to_event() {
            Ok(event) => readable.push((letter, event)),
            Err(why) => {
                kept += 1;
                eprintln!("{}  stays: {why}", letter.event_id);
            }
        }
    }
    // A session that was deleted meanwhile gets nothing back.
    let sessions: BTreeSet<SessionRef> = readable.iter().map(|(letter, event)| name_of(letter.org, event)).collect();
    let erased = redis.erased_among(&sessions).await?;
    readable.retain(|(letter, event)| !erased.contains(&name_of(letter.org, event)));
    let events: Vec<LoggedEvent> = readable.iter().map(|(_, event)| event.clone()).collect();
    let refused = log.append_events_isolating(&events).await?;
    for (place, why) in &refused {
        if let Some((letter, _)) = readable.get(*place) {
            eprintln!("{}  stays: {why}", letter.event_id);
        }
    }
    let is_refused = |place: usize| refused.iter().any(|(refused, _)| *refused == place);
    let written: Vec<&DeadLetter> =
        readable.iter().enumerate().filter(|(place, _)| !is_refused(*place)).map(|(_, (letter, _))| *letter).collect();
    for name in sessions.difference(&erased.into_iter().collect()) {
        if let Some(session) = redis.session(name).await?
            && session.record.ended_at.is_some()
        {
            settle_results(&redis, &log, &session).await?;
        }
    }
    // Last: a crash before this leaves letters that were written, and writing them again changes nothing.
    log.remove_dead_letters(&written).await?;
    println!("Written: {}. Staying: {}.", written.len(), kept + refused.len());
    Ok(())
}

fn name_of(org: OrgId, event: &LoggedEvent) -> SessionRef {
    SessionRef::new(org, event.stored.event.session_id.clone())
}

fn shown(letter: &DeadLetter) -> Value {
    json!({
        "eventId": letter.event_id,
        "orgId": letter.org,
        "sessionId": letter.session,
        "seq": letter.seq,
        "receivedAt": letter.received_at,
        "reason": letter.reason,
        "bytes": letter.raw.len(),
    })
}

fn counted(n: usize) -> String {
    match n {
        0 => "No dead letters.".to_owned(),
        1 => "1 dead letter.".to_owned(),
        n => format!("{n} dead letters."),
    }
}
