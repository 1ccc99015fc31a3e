//! The background streamer, one for each workspace: signs what is in the journal and sends it until the server has it.
//!
//! What it knows between two lives is one small file ([`Cursor`]): up to where everything is settled, and the signature
//! there. From that place on it signs again, byte for byte the same, and the server takes each event once. So it may
//! die at any time. It sends over the WebSocket; where that cannot be had, by batches over HTTP.

mod batches;
mod cursor;
mod feed;

use crate::api::Api;
use crate::rails;
use crate::stream::{News, StreamError, Target, stream};
use crate::trouble::Trouble;
use crate::workspace::{Session, Workspace};
use batches::Fate;
use chrono::{SecondsFormat, Utc};
pub(crate) use cursor::Cursor;
use feed::Feed;
pub(crate) use feed::REFUSED;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::fs;
use std::io;
use std::pin::pin;
use std::process::{Command, Stdio};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::sleep;

/// How often the journal is looked at.
const LOOK: Duration = Duration::from_millis(150);
/// How long the WebSocket may fail before HTTP is tried.
const GIVE_UP_AFTER: Duration = Duration::from_secs(10);
/// Longest wait between two tries, in seconds.
const LONGEST_WAIT_SECS: u64 = 30;
/// After a start that did not help, how long until the next is tried.
const START_AGAIN: Duration = Duration::from_secs(2);
/// Set to anything, it keeps commands from starting a streamer.
pub(crate) const NO_BACKGROUND: &str = "PROMPTSTER_NO_BACKGROUND";

/// How the streamer fares: `streamer.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct State {
    /// Its process.
    pub(crate) pid: u32,
    /// `starting`, `connected`, `http` (in batches, without a WebSocket), `offline`, or `over` (the session takes no
    /// more events).
    pub(crate) link: String,
    /// Why, where it is not connected.
    pub(crate) reason: String,
    /// Since when, RFC 3339.
    pub(crate) since: String,
}

/// Whether a streamer runs in a workspace.
pub(crate) fn is_running(workspace: &Workspace) -> bool {
    matches!(workspace.streamer_lock(), Ok(None))
}

/// Starts a streamer where none runs, unless its user wants none that outlives a command.
pub(crate) fn ensure(workspace: &Workspace) -> io::Result<()> {
    if std::env::var_os(NO_BACKGROUND).is_some() { Ok(()) } else { ensure_for_hand_in(workspace) }
}

/// Starts a streamer where none runs, as handing in cannot do without one and ends it.
pub(crate) fn ensure_for_hand_in(workspace: &Workspace) -> io::Result<()> {
    if workspace.state("stop").exists() || is_running(workspace) {
        return Ok(());
    }
    // Many hooks at once need not start as many.
    let mark = workspace.state("streamer.started");
    let age = fs::metadata(&mark).and_then(|mark| mark.modified()).ok().and_then(|at| at.elapsed().ok());
    if age.is_some_and(|age| age < START_AGAIN) {
        return Ok(());
    }
    fs::write(&mark, "")?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("streamer").arg(workspace.root()).current_dir("/");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().map(drop)
}

/// Send what was captured (started by the other commands in the background).
#[derive(Debug, clap::Args)]
pub(crate) struct Streamer {
    /// The workspace.
    workspace: std::path::PathBuf,
}

impl Streamer {
    /// Runs until it is told to stop or the session is over.
    pub(crate) async fn run(&self) -> Result<(), Trouble> {
        let workspace = Workspace::at(&self.workspace);
        let Some(_lock) = workspace.streamer_lock()? else { return Ok(()) };
        // The terminal that it was started from may close. Fails where it has a session of its own already.
        let _ = rustix::process::setsid();
        let session = workspace.session()?;
        let told = Told { workspace: &workspace, state: RefCell::default() };
        told.say("starting", "");
        // They read files, call git, and write to the journal, which is all that connects them to what follows.
        let (beside, of) = (workspace.clone(), session.clone());
        std::thread::spawn(move || rails::run(&beside, &of));
        let ended = run(&workspace, &session, &told).await;
        if let Err(error) = &ended {
            told.say("offline", &error.to_string());
        }
        ended
    }
}

/// Tells the other commands how it goes.
struct Told<'a> {
    workspace: &'a Workspace,
    state: RefCell<State>,
}

impl Told<'_> {
    fn say(&self, link: &str, reason: &str) {
        let mut state = self.state.borrow_mut();
        if state.link == link && state.reason == reason {
            return;
        }
        let since = Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true);
        *state = State { pid: std::process::id(), link: link.to_owned(), reason: reason.to_owned(), since };
        // On a full disk it cannot be told; the events count more.
        let _ = self.workspace.keep("streamer.json", &*state);
    }
}

async fn run(workspace: &Workspace, session: &Session, told: &Told<'_>) -> Result<(), Trouble> {
    let api = Api::new(&session.api_url, &session.key)?;
    let target =
        Target { url: api.stream_url(), credential: session.session_token.clone(), give_up_after: GIVE_UP_AFTER };
    let mut wait_secs = 1;
    loop {
        let error = match over_websocket(workspace, &target, told).await? {
            Ok(()) => return Ok(()),
            Err(StreamError::Closed { reason, .. }) => {
                told.say("over", &reason);
                return Ok(());
            }
            Err(error) => error,
        };
        told.say("offline", &error.to_string());
        match over_http(workspace, &api, session, told).await? {
            Sent::Some => wait_secs = 1,
            Sent::Nothing if is_stopped(workspace) => return Ok(()),
            Sent::Nothing => {}
            Sent::Over(reason) => {
                told.say("over", &reason);
                return Ok(());
            }
        }
        sleep(Duration::from_secs(wait_secs).mul_f64(rand::random_range(0.5..=1.0))).await;
        wait_secs = (wait_secs * 2).min(LONGEST_WAIT_SECS);
    }
}

/// Whether the streamer is asked to end.
pub(crate) fn is_stopped(workspace: &Workspace) -> bool {
    workspace.state("stop").exists() || !workspace.state("session.json").exists()
}

/// Streams until the session ends, the workspace is done with, or the WebSocket fails for too long.
async fn over_websocket(
    workspace: &Workspace,
    target: &Target,
    told: &Told<'_>,
) -> Result<Result<(), StreamError>, Trouble> {
    let feed = RefCell::new(Feed::open(workspace)?);
    let (sender, receiver) = mpsc::channel(64);
    let mut streaming = pin!(stream(target, receiver, |news| match news {
        News::Connected => told.say("connected", ""),
        News::Lost { reason, .. } => told.say("offline", &reason),
        News::Recorded { id } | News::AlreadyThere { id } => feed.borrow_mut().settle(id, None),
        News::Refused { id, status, error } => feed.borrow_mut().settle(id, Some((status, error))),
        News::Slowed(_) => {}
    }));
    let mut pumping = pin!(async {
        loop {
            let next = feed.borrow_mut().next()?;
            match next {
                // It only fails when the stream has ended, and then this is dropped.
                Some(envelope) => {
                    let _ = sender.send(envelope).await;
                }
                None if is_stopped(workspace) => return Ok::<(), Trouble>(()),
                None => sleep(LOOK).await,
            }
        }
    });
    let mut ended = None;
    let outcome = loop {
        tokio::select! {
            outcome = &mut streaming => break outcome,
            pumped = &mut pumping, if ended.is_none() => {
                pumped?;
                ended = Some(());
                // Everything has been handed over; the workspace is done with, whatever the stream still waits for.
                if feed.borrow().is_settled() {
                    break Ok(());
                }
            }
            () = sleep(LOOK), if ended.is_some() => if feed.borrow().is_settled() { break Ok(()) },
        }
    };
    feed.borrow_mut().keep()?;
    Ok(outcome)
}

/// What came of sending over HTTP.
enum Sent {
    /// Some got through.
    Some,
    /// There was nothing to send, or nothing got through.
    Nothing,
    /// The session takes no more.
    Over(String),
}

/// Sends batch after batch, as long as there are any and they get through.
async fn over_http(workspace: &Workspace, api: &Api, session: &Session, told: &Told<'_>) -> Result<Sent, Trouble> {
    let mut feed = Feed::open(workspace)?;
    let mut sent = Sent::Nothing;
    loop {
        let mut batch = Vec::new();
        let mut n_bytes = 0;
        while batch.len() < batches::EVENTS
            && n_bytes < batches::BYTES
            && let Some(envelope) = feed.next()?
        {
            n_bytes += envelope.text().len();
            batch.push(envelope);
        }
        if batch.is_empty() {
            return Ok(sent);
        }
        let fates = match batches::send(api, &session.session_token, &batch).await {
            Ok(fates) => fates,
            Err(batches::Failure::Over(reason)) => return Ok(Sent::Over(reason)),
            Err(batches::Failure::Later(reason)) => {
                told.say("offline", &reason);
                return Ok(sent);
            }
        };
        let mut is_whole = true;
        for (envelope, fate) in batch.iter().zip(fates) {
            match fate {
                Fate::Stored => feed.settle(envelope.id, None),
                Fate::Refused(status, error) => feed.settle(envelope.id, Some((status, error))),
                Fate::Later => is_whole = false,
            }
        }
        feed.keep()?;
        told.say("http", "the WebSocket cannot be had; events are sent in batches");
        sent = Sent::Some;
        if !is_whole {
            return Ok(sent);
        }
    }
}
