//! The commands `done` and `abort`: handing in, and leaving without handing in.

use crate::api::Api;
use crate::decision::Decision;
use crate::envelope::{Author, Draft, Source};
use crate::journal::{Journal, Seal};
use crate::mcp::OPEN_DECISIONS;
use crate::status::Fares;
use crate::transcript::tools::filled;
use crate::trouble::Trouble;
use crate::workspace::{FOLDER, Session, Workspace};
use crate::{bundle, capture, hooks_files, import, rails, status, streamer};
use chrono::Utc;
use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// How long the streamer may take to see that it is no longer wanted.
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// How often the folder of the state is emptied before that counts as failed.
const REMOVE_TRIES: usize = 20;

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

/// That the server closed the session on request: `completed.json`.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Completed {
    /// When, as the server says.
    at: Option<String>,
    /// Files that were handed in.
    files: usize,
}

/// The state in which [`Completed`] is kept.
const COMPLETED: &str = "completed.json";

impl Done {
    /// Does it all, in an order in which everything can be repeated until the last step.
    pub(crate) async fn run(&self) -> Result<(), Trouble> {
        let (workspace, session) = status::here()?;
        let completed = match workspace.kept(COMPLETED) {
            // Everything is with the server; only the cleaning up was cut off.
            Some(completed) => completed,
            None => self.hand_in(&workspace, &session).await?,
        };
        let fares = Fares::of(&workspace)?;
        let open: Vec<Decision> = workspace.kept(OPEN_DECISIONS).unwrap_or_default();
        let seal = sealed(&workspace)?;
        let n_late = Journal::of(&workspace).n_late();
        let foreign = leave(&workspace, &session).await?;
        drop(seal);
        if self.json {
            let undocumented: Vec<Value> = open.iter().map(Decision::brief).collect();
            let told = json!({ "ok": true, "sessionId": session.session_id, "completedAt": completed.at,
                               "events": fares.cursor.stored, "refused": fares.cursor.refused, "lost": fares.lost.events,
                               "files": completed.files, "undocumented": undocumented, "afterHandIn": n_late,
                               "changedByOthers": foreign });
            println!("{told}");
            return Ok(());
        }
        println!("Handed in: {} events and {} files. Thank you.", fares.cursor.stored, completed.files);
        for decision in open {
            println!("Without a reason, as reviewers will see: {}: {}", decision.title, decision.chosen_option);
        }
        if fares.cursor.refused + fares.lost.events > 0 {
            println!("{} events were refused, {} lost to a full disk.", fares.cursor.refused, fares.lost.events);
        }
        if n_late > 0 {
            println!("{n_late} events came after you had handed in, and do not belong to the session.");
        }
        for path in foreign {
            println!("{}: changed by others meanwhile; only this tool's entries were taken out.", path.display());
        }
        Ok(())
    }

    async fn hand_in(&self, workspace: &Workspace, session: &Session) -> Result<Completed, Trouble> {
        let api = Api::new(&session.api_url, &session.key)?;
        if !self.no_input && io::stdin().is_terminal() {
            ask_for_reasons(workspace, session)?;
        }
        tell_what_is_open(workspace, session)?;
        rails::settle(workspace, self.wait).await?;
        flush(workspace, self.wait).await?;
        let files = bundle::hand_in(&api, workspace, session).await?;
        // From here on nothing is added, so that what is sent now is all there is. Should this fail, what is captured
        // meanwhile is added after all.
        let _seal = sealed(workspace)?;
        flush(workspace, self.wait).await?;
        let body = json!({ "sessionId": session.session_id, "key": session.key });
        let (status, answer) = api.post(&session.session_token, "/v1/candidate/complete", &body).await?;
        if status != 200 {
            let told = String::from_utf8_lossy(&answer);
            return Err(Trouble::said(format!("the session could not be completed: HTTP {status}: {told}")));
        }
        let answer: Value = serde_json::from_slice(&answer)?;
        let at = answer.get("completedAt").and_then(Value::as_str).map(str::to_owned);
        let completed = Completed { at, files };
        workspace.keep(COMPLETED, &completed)?;
        Ok(completed)
    }
}

impl Abort {
    /// Stops and cleans up.
    pub(crate) async fn run(&self) -> Result<(), Trouble> {
        let (workspace, session) = status::here()?;
        let seal = sealed(&workspace)?;
        let waiting = Fares::of(&workspace)?.waiting;
        if waiting > 0 && !self.force {
            return Err(Trouble::said(format!(
                "{waiting} events have not been sent; wait until they are (`promptster status`), or pass --force to throw them away"
            )));
        }
        let foreign = leave(&workspace, &session).await?;
        drop(seal);
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

/// Closes the journal, so that nothing is captured behind the back of who hands in or leaves.
fn sealed(workspace: &Workspace) -> Result<Seal, Trouble> {
    let busy = || Trouble::said("another `promptster done` or `promptster abort` is at work in this workspace");
    Journal::of(workspace).seal()?.ok_or_else(busy)
}

/// Says on the timeline which decisions are left without a reason.
fn tell_what_is_open(workspace: &Workspace, session: &Session) -> Result<(), Trouble> {
    let open: Vec<Decision> = workspace.kept(OPEN_DECISIONS).unwrap_or_default();
    if open.is_empty() {
        return Ok(());
    }
    let titles: Vec<&str> = open.iter().map(|decision| decision.title.as_str()).collect();
    let data = filled(json!({
        "label": "undocumented decisions", "trigger": "done",
        "summary": format!("No reason was given for: {}", titles.join("; ")),
        "undocumented": open.iter().map(Decision::brief).collect::<Vec<_>>(),
    }));
    // The same decisions left open by a second try are told once.
    let ids: Vec<&str> = open.iter().map(|decision| decision.decision_id.as_str()).collect();
    let key = format!("undocumented:{}", ids.join(","));
    let (source, author) = (Source::TOOL, Author::System);
    let draft = Draft { ts: Utc::now(), kind: "checkpoint", key, source, author, data };
    capture::record(workspace, session, vec![draft])?;
    Ok(())
}

/// Asks for the reasons of decisions that have none; an empty answer leaves one open.
fn ask_for_reasons(workspace: &Workspace, session: &Session) -> Result<(), Trouble> {
    let open: Vec<Decision> = workspace.kept(OPEN_DECISIONS).unwrap_or_default();
    let mut answered = HashSet::new();
    for mut decision in open {
        eprintln!("\n{}: {}", decision.title, decision.chosen_option);
        eprint!("Why? (Enter leaves it open) ");
        io::stderr().flush()?;
        let mut words = String::new();
        io::stdin().read_line(&mut words)?;
        words.trim().clone_into(&mut decision.rationale);
        if decision.is_open() {
            continue;
        }
        "cli-done".clone_into(&mut decision.captured_via);
        capture::record(workspace, session, vec![decision.draft(Utc::now())])?;
        answered.insert(decision.decision_id);
    }
    // Meanwhile others may have been added.
    let is_left = |decision: &Decision| !answered.contains(&decision.decision_id);
    Ok(workspace.change(OPEN_DECISIONS, |open: &mut Vec<Decision>| open.retain(is_left))?)
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
        // What is left of a writer that died is no event.
        if fares.waiting == 0 {
            bar.finish_and_clear();
            return Ok(());
        }
        if fares.state.link == "over" {
            bar.finish_and_clear();
            let (waiting, reason) = (fares.waiting, fares.state.reason);
            return Err(Trouble::said(format!(
                "the server takes no more events ({reason}); {waiting} were not sent and stay here. \
                 `promptster abort --force` throws them away and puts your settings back"
            )));
        }
        if started.elapsed() >= wait {
            bar.finish_and_clear();
            let (waiting, reason) = (fares.waiting, fares.state.reason);
            return Err(Trouble::said(format!(
                "{waiting} events have not reached the server: {reason}. They are kept; run `promptster done` again when you are online"
            )));
        }
        streamer::ensure_for_hand_in(workspace)?;
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
    for _ in 0..REMOVE_TRIES {
        // A hook in its last moments may put a file into the folder while it is emptied.
        match fs::remove_dir_all(workspace.root().join(FOLDER)) {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {}
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => return Ok(foreign),
        }
    }
    Err(Trouble::said(format!("{FOLDER}/ cannot be emptied; remove it by hand")))
}
