//! The commands `status` and `brief`: is it working, how much time is left, what is the task?

use crate::hooks_files;
use crate::journal::{Journal, Lost};
use crate::streamer::{self, Cursor, State};
use crate::trouble::Trouble;
use crate::workspace::{Session, Workspace};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

/// Show whether capture works, what is on its way, and the time left.
///
/// Exit codes: 0 all is well, 1 something is lost, refused or does not run.
#[derive(Debug, clap::Args)]
pub(crate) struct Status {
    /// Print it as one JSON object.
    #[arg(long)]
    json: bool,
}

/// Show the task.
#[derive(Debug, clap::Args)]
pub(crate) struct Brief {
    /// Print it as one JSON object.
    #[arg(long)]
    json: bool,
}

/// The session of the folder in which the command was called.
pub(crate) fn here() -> Result<(Workspace, Session), Trouble> {
    let folder = std::env::current_dir()?;
    let workspace = Workspace::containing(&folder).ok_or_else(|| {
        Trouble::said(format!("no session runs in {}; begin with `promptster start <KEY>`", folder.display()))
    })?;
    let session = workspace.session()?;
    Ok((workspace, session))
}

/// How a session fares on this machine.
pub(crate) struct Fares {
    /// What is settled.
    pub(crate) cursor: Cursor,
    /// Bytes of the journal that are not settled.
    pub(crate) waiting_bytes: u64,
    /// Events that are not settled.
    pub(crate) waiting: usize,
    /// Events that a full disk cost.
    pub(crate) lost: Lost,
    /// A streamer runs.
    pub(crate) is_running: bool,
    /// What it said last.
    pub(crate) state: State,
}

impl Fares {
    /// Looks.
    pub(crate) fn of(workspace: &Workspace) -> Result<Self, Trouble> {
        let journal = Journal::of(workspace);
        let cursor = Cursor::of(workspace);
        let mut reader = journal.reader(cursor.offset)?;
        reader.sync()?;
        let mut waiting = 0;
        while reader.next()?.is_some() {
            waiting += 1;
        }
        Ok(Self {
            waiting_bytes: journal.length().saturating_sub(cursor.offset),
            waiting,
            lost: journal.lost(),
            is_running: streamer::is_running(workspace),
            state: workspace.kept("streamer.json").unwrap_or_default(),
            cursor,
        })
    }

    fn is_well(&self) -> bool {
        self.lost.events == 0 && self.cursor.refused == 0 && self.is_running && self.state.link != "over"
    }

    fn link(&self) -> String {
        match (self.is_running, self.state.link.as_str()) {
            (_, "over") => format!("the session is over: {}", self.state.reason),
            (false, _) => "the streamer does not run; the next command or hook starts it".to_owned(),
            (true, "connected") => "connected".to_owned(),
            (true, "http") => "connected, in batches over HTTP".to_owned(),
            (true, "offline") => format!("offline, what is captured waits here: {}", self.state.reason),
            (true, _) => "connecting".to_owned(),
        }
    }
}

impl Status {
    /// Looks and prints; whether all is well.
    pub(crate) fn run(&self) -> Result<bool, Trouble> {
        let (workspace, session) = here()?;
        streamer::ensure(&workspace)?;
        let fares = Fares::of(&workspace)?;
        let (cursor, lost) = (&fares.cursor, &fares.lost);
        let time = time_left(&session, Utc::now());
        let unhooked = unhooked(&workspace, &session)?;
        let is_well = fares.is_well() && unhooked.is_empty();
        if self.json {
            let told = json!({
                "ok": is_well, "unhooked": unhooked, "sessionId": session.session_id, "assessmentTitle": session.assessment_title,
                "workspace": workspace.task_root(&session), "server": session.api_url, "timeLeft": time,
                "streamer": { "running": fares.is_running, "link": fares.state.link, "reason": fares.state.reason,
                              "pid": fares.state.pid },
                "stored": cursor.stored, "waiting": fares.waiting, "waitingBytes": fares.waiting_bytes,
                "refused": cursor.refused, "broken": cursor.broken, "lost": lost.events, "lastStoredAt": cursor.settled_at,
            });
            println!("{told}");
            return Ok(is_well);
        }
        println!("{}", session.assessment_title);
        println!("  workspace  {}", workspace.task_root(&session).display());
        println!("  time       {time}");
        println!("  server     {} ({})", session.api_url, fares.link());
        println!("  events     {} stored, {} waiting", cursor.stored, fares.waiting);
        if cursor.refused > 0 {
            let file = workspace.state("refused.jsonl");
            println!("  REFUSED    {} by the server, listed in {}", cursor.refused, file.display());
        }
        if lost.events > 0 {
            println!("  LOST       {}, the last at {}: the disk was full or refused to write", lost.events, lost.at);
        }
        for reason in unhooked {
            println!("  HOOKS      {reason}; `promptster start <KEY>` puts them back");
        }
        Ok(is_well)
    }
}

/// The settings in which this tool's hooks are missing, with the reason.
fn unhooked(workspace: &Workspace, session: &Session) -> Result<Vec<String>, Trouble> {
    let (root, program) = (workspace.task_root(session), std::env::current_exe()?);
    let files = [".claude/settings.local.json", ".cursor/hooks.json"];
    let reason = |file: &&str| match hooks_files::is_installed(&root.join(file), &program) {
        Ok(true) => None,
        Ok(false) => Some(format!("{file} lacks some of this tool's hooks")),
        Err(error) => Some(format!("{file}: {error}")),
    };
    Ok(files.iter().filter_map(reason).collect())
}

impl Brief {
    /// Prints the task.
    pub(crate) fn run(&self) -> Result<(), Trouble> {
        let (workspace, session) = here()?;
        if self.json {
            let told = json!({ "assessmentTitle": session.assessment_title, "taskBrief": session.task_brief,
                               "workspace": workspace.task_root(&session), "timeLeft": time_left(&session, Utc::now()) });
            println!("{told}");
        } else {
            println!("{}\n\n{}", session.assessment_title, session.task_brief.trim_end());
        }
        Ok(())
    }
}

/// The time left, in words.
pub(crate) fn time_left(session: &Session, now: DateTime<Utc>) -> String {
    let limit = i64::try_from(session.time_limit_minutes).ok().filter(|limit| *limit > 0);
    let started = session.started_at.parse::<DateTime<Utc>>().ok();
    let (Some(limit), Some(started)) = (limit, started) else { return "no limit".to_owned() };
    let left = started + TimeDelta::try_minutes(limit).unwrap_or_default() - now;
    match left.num_minutes() {
        _ if left <= TimeDelta::zero() => format!("the {limit} minutes are over"),
        minutes @ 0..60 => format!("{minutes} min left of {limit}"),
        minutes => format!("{} h {} min left of {limit} min", minutes / 60, minutes % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::time_left;
    use crate::workspace::Session;

    #[test]
    fn the_time_left_is_told_in_words() {
        let session = |limit| Session {
            started_at: "2026-01-01T10:00:00Z".into(),
            time_limit_minutes: limit,
            ..Session::default()
        };
        let at = |limit, now: &str| time_left(&session(limit), now.parse().unwrap());
        assert_eq!(at(0, "2026-01-01T10:00:00Z"), "no limit");
        assert_eq!(at(90, "2026-01-01T10:10:30Z"), "1 h 19 min left of 90 min");
        assert_eq!(at(90, "2026-01-01T11:00:00Z"), "30 min left of 90");
        assert_eq!(at(90, "2026-01-01T11:30:00Z"), "the 90 minutes are over");
    }
}
