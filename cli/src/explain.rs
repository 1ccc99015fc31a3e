//! The command `explain`: the candidate tells why, in a line or in an editor.

use crate::api::Api;
use crate::decision::Decision;
use crate::plain::plain;
use crate::trouble::Trouble;
use crate::workspace::Session;
use crate::{capture, editor, import, status, streamer};
use chrono::Utc;
use serde::Deserialize;
use serde_json::json;
use std::io::{self, IsTerminal, Read};
use std::time::Duration;

/// Files and commands of each that are shown.
const SHOWN: usize = 4;
/// Longest explanation that is read, in bytes.
const LONGEST: u64 = 256 * 1024;

/// How long the server may take to say what happened.
const PATIENCE: Duration = Duration::from_secs(3);

/// Tell reviewers why you did something.
///
/// Without a text it is asked for, below what you did lately: Ctrl-D records it, Esc leaves without a trace. Where there
/// is no terminal the text is read from standard input.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  promptster explain \"The queue is bounded so that a slow disk slows the sender down.\"\n  promptster explain --last 20m"
)]
pub(crate) struct Explain {
    /// The explanation.
    text: Vec<String>,

    /// How far back to look for what the explanation is about (such as 20m, 1h at most).
    #[arg(long, value_name = "DURATION", default_value = "20m", value_parser = import::parse_duration)]
    last: Duration,

    /// Say nothing when it worked.
    #[arg(long)]
    quiet: bool,

    /// Print the result as one JSON object.
    #[arg(long, conflicts_with = "quiet")]
    json: bool,
}

/// What happened lately, as the server tells it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Recent {
    summary: String,
    recent_activity: Activity,
    event_count: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Activity {
    files_changed: Vec<String>,
    commands: Vec<String>,
    prompt_count: u64,
}

impl Explain {
    /// Records the explanation.
    pub(crate) async fn run(&self) -> Result<(), Trouble> {
        let (workspace, session) = status::here()?;
        // Without a network the explanation counts as well.
        let recent = recent(&session, self.last).await.unwrap_or_default();
        let words = if self.text.is_empty() { asked(&recent)? } else { self.text.join(" ") };
        if words.trim().is_empty() {
            return Err(Trouble::said("nothing was recorded: the explanation is empty"));
        }
        let decision = Decision { context: recent.summary, ..Decision::explained(words.trim(), "cli") };
        capture::record(&workspace, &session, vec![decision.draft(Utc::now())])?;
        streamer::ensure(&workspace)?;
        if self.json {
            println!("{}", json!({ "ok": true, "decisionId": decision.decision_id }));
        } else if !self.quiet {
            println!("Recorded. Reviewers will see it next to your code.");
        }
        Ok(())
    }
}

async fn recent(session: &Session, last: Duration) -> Option<Recent> {
    let minutes = last.as_secs().div_ceil(60).clamp(1, 60);
    let path = format!("/v1/sessions/{}/recent-activity?minutes={minutes}", session.session_id);
    let api = Api::new(&session.api_url, &session.key).ok()?;
    let answer = tokio::time::timeout(PATIENCE, api.get(&session.session_token, &path)).await.ok()?;
    let (_, body) = answer.ok().filter(|(status, _)| *status == 200)?;
    serde_json::from_slice(&body).ok()
}

impl Recent {
    /// What happened, in a few lines.
    fn lines(&self) -> Vec<String> {
        if self.event_count == 0 {
            return Vec::new();
        }
        let some = |words: &[String]| {
            let shown: Vec<String> =
                words.iter().take(SHOWN).map(|word| plain(word.trim_end()).chars().take(100).collect()).collect();
            let more = if words.len() > SHOWN { format!(", and {} more", words.len() - SHOWN) } else { String::new() };
            format!("{}{more}", shown.join(", "))
        };
        let activity = &self.recent_activity;
        let mut lines = vec![format!("Lately: {} events, {} prompts", self.event_count, activity.prompt_count)];
        for (name, words) in [("changed", &activity.files_changed), ("ran", &activity.commands)] {
            if !words.is_empty() {
                lines.push(format!("  {name:<8} {}", some(words)));
            }
        }
        lines
    }
}

/// Lets the person write, or reads what is piped.
fn asked(recent: &Recent) -> Result<String, Trouble> {
    if io::stdin().is_terminal() && io::stdout().is_terminal() {
        let written = editor::write("Why did you do it this way?", &recent.lines())?;
        return written.ok_or_else(|| Trouble::said("nothing was recorded"));
    }
    let mut words = String::new();
    io::stdin().lock().take(LONGEST).read_to_string(&mut words)?;
    Ok(words)
}
