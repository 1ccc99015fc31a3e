//! The rails that run in the background, next to the hooks: what coding tools write down while they work, and the files
//! themselves. Each only adds what is not in the journal yet.

mod claude;
mod codex;
mod edits;
mod follow;
mod heard;

use crate::capture::{self, test_runs};
use crate::envelope::Draft;
use crate::journal::{Journal, Reader};
use crate::streamer;
use crate::trouble::Trouble;
use crate::workspace::{Session, Workspace};
use chrono::{DateTime, SecondsFormat, Utc};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How often the rails look.
const LOOK: Duration = Duration::from_secs(1);
/// How long hooks have to tell an act before a transcript tells it.
const AFTER_HOOKS: Duration = Duration::from_secs(3);
/// The file by which somebody asks for all that there is, now; it is gone when that is in the journal.
const ASKED: &str = "rails.ask";
/// Answers that hooks told, and that wait for the transcript: one record a line.
const REPLIES: &str = "replies.jsonl";

/// Where Claude Code keeps its own files.
pub(crate) fn claude_folder() -> Option<PathBuf> {
    let home = |name| std::env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from);
    home("CLAUDE_CONFIG_DIR").or_else(|| Some(home("HOME")?.join(".claude")))
}

/// Leaves the answer that a hook was told to the transcript, which knows its tokens; in the end it is told either way.
pub(crate) fn leave_reply(workspace: &Workspace, session: &Session, drafts: Vec<Draft>) -> std::io::Result<()> {
    let records = capture::records(workspace, session, drafts)?;
    Journal::beside(workspace, REPLIES).append_own(&records, &now())
}

/// Waits until the rails have told all that there is; an error when nobody answers in time.
pub(crate) async fn settle(workspace: &Workspace, wait: Duration) -> Result<(), Trouble> {
    let (ask, started) = (workspace.state(ASKED), Instant::now());
    std::fs::write(&ask, "")?;
    while ask.exists() {
        let state: streamer::State = workspace.kept("streamer.json").unwrap_or_default();
        if state.link == "over" && !streamer::is_running(workspace) {
            return Ok(());
        }
        if started.elapsed() >= wait {
            let what = "the process in the background does not answer; see `promptster doctor`";
            return Err(Trouble::said(format!("{what}. Everything is kept; run `promptster done` again")));
        }
        streamer::ensure_for_hand_in(workspace)?;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

/// Runs the rails beside the streamer, until the workspace is done with.
pub(crate) fn run(workspace: &Workspace, session: &Session) {
    let mut rails = match Rails::of(workspace, session) {
        Ok(rails) => rails,
        Err(error) => return capture::complain(workspace, &format!("the rails cannot start: {error}")),
    };
    while !streamer::is_stopped(workspace) {
        let ask = workspace.state(ASKED);
        let is_asked = ask.exists();
        if let Err(error) = rails.look(is_asked) {
            capture::complain(workspace, &format!("the rails: {error}"));
        } else if is_asked {
            // What was asked for is in the journal.
            let _ = std::fs::remove_file(ask);
        }
        let looked = Instant::now();
        while looked.elapsed() < LOOK && !workspace.state(ASKED).exists() {
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

struct Rails {
    workspace: Workspace,
    session: Session,
    journal: Reader,
    replies: Reader,
    heard: heard::Heard,
    transcripts: claude::Transcripts,
    rollouts: codex::Rollouts,
    edits: Option<edits::Edits>,
    /// What transcripts told, until hooks have had their time.
    held: Vec<(Instant, claude::Told)>,
}

impl Rails {
    fn of(workspace: &Workspace, session: &Session) -> Result<Self, Trouble> {
        let since: DateTime<Utc> = session.started_at.parse().unwrap_or_else(|_| Utc::now());
        let root = workspace.root();
        Ok(Self {
            journal: Journal::of(workspace).reader(0)?,
            replies: Journal::beside(workspace, REPLIES).reader(0)?,
            heard: heard::Heard::default(),
            transcripts: claude::Transcripts::of(root, since),
            rollouts: codex::Rollouts::of(root, since),
            edits: edits::Edits::of(workspace, session)?,
            held: Vec::new(),
            workspace: workspace.clone(),
            session: session.clone(),
        })
    }

    /// Looks at everything once; `all` leaves nothing for later.
    fn look(&mut self, all: bool) -> Result<(), Trouble> {
        self.listen()?;
        let at = Instant::now();
        let told = self.transcripts.news(all).into_iter().filter(|(_, draft)| !is_own(draft));
        self.held.extend(told.map(|told| (at, told)));
        let mut drafts = Vec::new();
        let is_due = |(since, _): &mut (Instant, claude::Told)| all || since.elapsed() >= AFTER_HOOKS;
        let due: Vec<_> = self.held.extract_if(.., is_due).collect();
        for (_, (session, draft)) in due {
            if self.heard.is_news(&session, &draft, draft.id(&self.session.session_id)) {
                drafts.extend(test_runs::told(draft));
            }
        }
        drafts.extend(self.rollouts.news(all).into_iter().flat_map(test_runs::told));
        self.write(drafts)?;
        Journal::of(&self.workspace).append(&self.heard.due(all), &now())?;
        // The files last: what the tools changed is known by now.
        self.listen()?;
        if let Some(edits) = &mut self.edits {
            let drafts = edits.news(all)?;
            self.write(drafts)?;
        }
        Ok(())
    }

    /// Hears what is in the journal, and which answers wait.
    fn listen(&mut self) -> Result<(), Trouble> {
        self.journal.sync()?;
        while let Some(line) = self.journal.next()? {
            self.heard.record(&line.text);
            if let Some(edits) = &mut self.edits {
                edits.record(&line.text);
            }
        }
        self.replies.sync()?;
        while let Some(line) = self.replies.next()? {
            self.heard.reply(&line.text);
        }
        Ok(())
    }

    fn write(&self, mut drafts: Vec<Draft>) -> Result<(), Trouble> {
        drafts.retain(|draft| self.heard.is_new(draft.id(&self.session.session_id)));
        capture::record(&self.workspace, &self.session, drafts)?;
        Ok(())
    }
}

/// What this tool's own MCP server is asked it records itself.
fn is_own(draft: &Draft) -> bool {
    draft.kind == "mcp_call" && draft.data.get("server").is_some_and(|server| server == "promptster")
}

fn now() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true)
}
