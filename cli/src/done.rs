//! The commands `done` and `abort`: handing in, and leaving without handing in.

use crate::api::Api;
use crate::decision::Decision;
use crate::mcp::OPEN_DECISIONS;
use crate::status::Fares;
use crate::trouble::Trouble;
use crate::workspace::{FOLDER, Session, Workspace};
use crate::{bundle, capture, hooks_files, import, status, streamer};
use chrono::Utc;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// How long the streamer may take to see that it is no longer wanted.
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// Hand in: send all that was captured, the code, and close the session.
///
/// Asks for the reasons that are still open, waits until the server has every event, uploads the files of the
/// repository, completes the session, and puts every settings file back as it was. When something fails nothing is
/// lost: the session stays as it is, and the command can be repeated.
#[derive(Debug, clap::Args)]
pub(crate) struct Done {
    /// Do not ask for open reasons.
    #[arg(long)]
    no_input: bool,

    /// How long to wait for the server (such as 30s, 10m).
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = import::parse_duration)]
    wait: Duration,

    /// Print the result as one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Leave without handing in: stop capturing and put every settings file back.
///
/// What was sent stays with the server, and the session stays open there until its time is over.
#[derive(Debug, clap::Args)]
pub(crate) struct Abort {
    /// Also throw away events that have not been sent.
    #[arg(long)]
    force: bool,

    /// Print the result as one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Done {
    /// Does it all, in an order in which everything can be repeated until the last step.
    pub(crate) async fn run(&self) -> Result<(), Trouble> {
        let (workspace, session) = status::here()?;
        let api = Api::new(&session.api_url, &session.key)?;
        if !self.no_input && io::stdin().is_terminal() {
            ask_for_reasons(&workspace, &session)?;
        }
        flush(&workspace, self.wait).await?;
        let n_files = bundle::hand_in(&api, &workspace, &session).await?;
        let body = json!({ "sessionId": session.session_id, "key": session.key });
        let (status, answer) = api.post(&session.session_token, "/v1/candidate/complete", &body).await?;
        if status != 200 {
            let told = String::from_utf8_lossy(&answer);
            return Err(Trouble::said(format!("the session could not be completed: HTTP {status}: {told}")));
        }
        let answer: Value = serde_json::from_slice(&answer)?;
        let fares = Fares::of(&workspace)?;
        let foreign = leave(&workspace, &session).await?;
        if self.json {
            let told = json!({ "ok": true, "sessionId": session.session_id, "completedAt": answer.get("completedAt"),
                               "events": fares.cursor.stored, "refused": fares.cursor.refused, "lost": fares.lost.events,
                               "files": n_files, "changedByOthers": foreign });
            println!("{told}");
            return Ok(());
        }
        println!("Handed in: {} events and {n_files} files. Thank you.", fares.cursor.stored);
        if fares.cursor.refused + fares.lost.events > 0 {
            println!("{} events were refused, {} lost to a full disk.", fares.cursor.refused, fares.lost.events);
        }
        for path in foreign {
            println!("{}: changed by others meanwhile; only this tool's entries were taken out.", path.display());
        }
        Ok(())
    }
}

impl Abort {
    /// Stops and cleans up.
    pub(crate) async fn run(&self) -> Result<(), Trouble> {
        let (workspace, session) = status::here()?;
        let waiting = Fares::of(&workspace)?.waiting;
        if waiting > 0 && !self.force {
            return Err(Trouble::said(format!(
                "{waiting} events have not been sent; wait until they are (`promptster status`), or pass --force to throw them away"
            )));
        }
        let foreign = leave(&workspace, &session).await?;
        if self.json {
            println!(
                "{}",
                json!({ "ok": true, "sessionId": session.session_id, "thrownAway": waiting, "changedByOthers": foreign })
            );
        } else {
            println!("Nothing is captured any more. What was sent stays with the server.");
        }
        Ok(())
    }
}

/// Asks for the reasons of decisions that have none; an empty answer leaves one open.
fn ask_for_reasons(workspace: &Workspace, session: &Session) -> Result<(), Trouble> {
    let open: Vec<Decision> = workspace.kept(OPEN_DECISIONS).unwrap_or_default();
    let mut left = Vec::new();
    for mut decision in open {
        eprintln!("\n{}: {}", decision.title, decision.chosen_option);
        eprint!("Why? (Enter leaves it open) ");
        io::stderr().flush()?;
        let mut words = String::new();
        io::stdin().read_line(&mut words)?;
        words.trim().clone_into(&mut decision.rationale);
        if decision.is_open() {
            left.push(decision);
            continue;
        }
        "cli-done".clone_into(&mut decision.captured_via);
        capture::record(workspace, session, vec![decision.draft(Utc::now())])?;
    }
    Ok(workspace.keep(OPEN_DECISIONS, &left)?)
}

/// Waits until every event has its fate.
async fn flush(workspace: &Workspace, wait: Duration) -> Result<(), Trouble> {
    let started = Instant::now();
    let first = Fares::of(workspace)?;
    let bar = ProgressBar::new(u64::try_from(first.waiting).unwrap_or(u64::MAX));
    // A template that does not parse would only cost the looks.
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} events sent  {msg}") {
        bar.set_style(style);
    }
    loop {
        let fares = Fares::of(workspace)?;
        if fares.waiting_bytes == 0 || (fares.waiting == 0 && fares.cursor.offset > 0) {
            bar.finish_and_clear();
            return Ok(());
        }
        if fares.state.link == "over" {
            bar.finish_and_clear();
            let (waiting, reason) = (fares.waiting, fares.state.reason);
            return Err(Trouble::said(format!("the server takes no more events ({reason}); {waiting} were not sent")));
        }
        if started.elapsed() >= wait {
            bar.finish_and_clear();
            let (waiting, reason) = (fares.waiting, fares.state.reason);
            return Err(Trouble::said(format!(
                "{waiting} events have not reached the server: {reason}. They are kept; run `promptster done` again when you are online"
            )));
        }
        streamer::ensure(workspace)?;
        bar.set_position(u64::try_from(first.waiting.saturating_sub(fares.waiting)).unwrap_or(0));
        bar.set_message(fares.state.reason);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Stops the streamer, puts the files back and takes the state away.
async fn leave(workspace: &Workspace, session: &Session) -> Result<Vec<std::path::PathBuf>, Trouble> {
    fs::write(workspace.state("stop"), "")?;
    let foreign = hooks_files::restore(workspace)?;
    let started = Instant::now();
    while streamer::is_running(workspace) && started.elapsed() < STOP_WITHIN {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    if workspace.state("task-made").exists() {
        let task = workspace.task_root(session).join("TASK.md");
        if fs::read_to_string(&task).is_ok_and(|text| text == session.task_brief) {
            fs::remove_file(task)?;
        }
    }
    fs::remove_dir_all(workspace.root().join(FOLDER))?;
    Ok(foreign)
}
