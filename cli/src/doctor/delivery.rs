//! The way to the server: the streamer, the network, the clock, the key, the disk, and whether what goes in comes out.

use super::{Check, State};
use crate::api::Api;
use crate::journal::Journal;
use crate::status::Fares;
use crate::streamer::{self, NO_BACKGROUND};
use crate::trouble::Trouble;
use crate::workspace::{Session, Workspace};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

/// The clock may be off by this much, in seconds, before times mislead.
const SKEW_SECS: i64 = 120;
/// An event that waits for longer than this is stuck, in seconds.
const STUCK_SECS: i64 = 30;
/// Room on the disk below which a warning is due, in bytes.
const LITTLE_ROOM: u64 = 256 * 1024 * 1024;

/// Looks at all of it.
pub(super) async fn checks(workspace: &Workspace, session: &Session, fares: &Fares) -> Result<Vec<Check>, Trouble> {
    let api = Api::new(&session.api_url, &session.key)?;
    let mut checks = vec![streamer(workspace, fares)];
    let health = api.health().await;
    let now = Utc::now();
    match &health {
        Ok((200, date)) => {
            checks.push(Check::ok("server", format!("{} answers", session.api_url)));
            checks.push(clock(*date, now));
        }
        Ok((status, _)) => {
            let found = format!("{} answers with HTTP {status}", session.api_url);
            checks.push(Check::fault("server", found, "it may be at work on itself; what is captured waits here"));
        }
        Err(error) => {
            checks.push(Check::fault("server", error.to_string(), "look at your network; what is captured waits here"));
        }
    }
    checks.push(key(&api, session, health.is_ok(), now).await);
    checks.push(arriving(workspace, fares, now)?);
    checks.push(kept(fares));
    checks.push(room(workspace));
    Ok(checks)
}

fn streamer(workspace: &Workspace, fares: &Fares) -> Check {
    let name = "streamer";
    let state = &fares.state;
    if !fares.is_running {
        let mend = match std::env::var_os(NO_BACKGROUND) {
            Some(_) => {
                format!("{NO_BACKGROUND} is set, so only `promptster done` starts it; unset it to be watched live")
            }
            None => "the next hook or `promptster status` starts it".to_owned(),
        };
        return Check::fault(name, "the process that sends does not run; what is captured waits here", mend);
    }
    if streamer::is_stopped(workspace) {
        return Check::new(name, State::Warning, "the process that sends is about to end", "");
    }
    match state.link.as_str() {
        "connected" => Check::ok(name, format!("connected since {}", state.since)),
        "http" => Check::ok(name, format!("sends in batches over HTTP since {}", state.since)),
        "over" => {
            Check::fault(name, format!("the session is over: {}", state.reason), "hand in with `promptster done`")
        }
        _ => Check::fault(name, format!("not connected since {}: {}", state.since, state.reason), "it goes on trying"),
    }
}

fn clock(date: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Check {
    let Some(date) = date else { return Check::new("clock", State::Unknown, "the server tells no time", "") };
    let skew = (now - date).num_seconds();
    let side = if skew > 0 { "ahead of" } else { "behind" };
    let found = format!("this machine's clock is {} s {side} the server's", skew.abs());
    if skew.abs() <= SKEW_SECS {
        return Check::ok("clock", found);
    }
    Check::fault("clock", found, "set it by the network: the times of what you do are wrong")
}

/// Whether the server still takes what this session sends.
async fn key(api: &Api, session: &Session, is_reachable: bool, now: DateTime<Utc>) -> Check {
    let name = "key";
    let expires: Option<DateTime<Utc>> = session.expires_at.as_deref().and_then(|at| at.parse().ok());
    if let Some(at) = expires.filter(|at| *at <= now) {
        let found = format!("the key expired at {}", at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
        return Check::fault(name, found, "ask those who invited you; `promptster done` hands in what you have");
    }
    if !is_reachable {
        return Check::new(name, State::Unknown, "the server has to be asked", "");
    }
    let path = format!("/v1/sessions/{}", session.session_id);
    match api.get(&session.session_token, &path).await {
        Ok((200, body)) => {
            let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
            match answer.get("status").and_then(Value::as_str) {
                None | Some("active") => Check::ok(name, "the session is open"),
                Some(status) => {
                    Check::fault(name, format!("the session is {status} on the server"), "it takes no more")
                }
            }
        }
        Ok((status @ (401 | 403 | 404 | 410), _)) => {
            let mend = "ask those who invited you: the key was revoked, or its session deleted";
            Check::fault(name, format!("the server does not take the key any more (HTTP {status})"), mend)
        }
        Ok((status, _)) => Check::new(name, State::Unknown, format!("the server answers with HTTP {status}"), ""),
        Err(error) => Check::new(name, State::Unknown, error.to_string(), ""),
    }
}

/// Whether what was captured reaches the server.
fn arriving(workspace: &Workspace, fares: &Fares, now: DateTime<Utc>) -> Result<Check, Trouble> {
    let name = "arriving";
    let mut reader = Journal::of(workspace).reader(fares.cursor.offset)?;
    reader.sync()?;
    let first = reader.next()?.and_then(|line| serde_json::from_str::<Value>(&line.text).ok());
    let since = first.as_ref().and_then(|event| event.get("ts")?.as_str()?.parse::<DateTime<Utc>>().ok());
    let age = since.map(|since| now - since).filter(|_| fares.waiting > 0);
    Ok(match age {
        Some(age) if age > TimeDelta::seconds(STUCK_SECS) => {
            let found = format!("{} events wait, the first for {} s", fares.waiting, age.num_seconds());
            let mend = "see the checks above; nothing is lost while it waits. Should all of them be well, end the process \
                        that `promptster status --json` names, and the next hook starts another";
            Check::fault(name, found, mend)
        }
        _ => Check::ok(name, format!("{} events stored, {} on their way", fares.cursor.stored, fares.waiting)),
    })
}

/// What will never arrive.
fn kept(fares: &Fares) -> Check {
    let (refused, lost) = (fares.cursor.refused, &fares.lost);
    if lost.events > 0 {
        let found = format!("{} events could not be written, the last at {}", lost.events, lost.at);
        return Check::fault("kept", found, "make room on the disk; tell those who invited you");
    }
    if refused > 0 {
        let found = format!("{refused} events were refused by the server; .promptster/refused.jsonl says why");
        return Check::fault("kept", found, "tell those who invited you");
    }
    Check::ok("kept", "nothing was lost or refused")
}

fn room(workspace: &Workspace) -> Check {
    let Ok(disk) = rustix::fs::statvfs(workspace.root()) else {
        return Check::new("disk", State::Unknown, "the disk does not say how full it is", "");
    };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let found = format!("{} MiB free", free / 1024 / 1024);
    if free < LITTLE_ROOM {
        return Check::new("disk", State::Warning, found, "make room: events that cannot be written are lost");
    }
    Check::ok("disk", found)
}
