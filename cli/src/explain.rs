//! The command `explain`: the candidate tells why, in a line or in an editor.

use crate::decision::Decision;
use crate::trouble::Trouble;
use crate::{capture, status, streamer};
use chrono::Utc;
use serde_json::json;
use std::io::{self, IsTerminal, Read};

/// Longest explanation that is read, in bytes.
const LONGEST: u64 = 256 * 1024;

/// Tell reviewers why you did something.
///
/// Without a text it is asked for: type as many lines as you like and end with Ctrl-D; Ctrl-C leaves without a trace.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  promptster explain \"The queue is bounded so that a slow disk slows the sender down.\""
)]
pub(crate) struct Explain {
    /// The explanation.
    text: Vec<String>,

    /// Say nothing when it worked.
    #[arg(long)]
    quiet: bool,

    /// Print the result as one JSON object.
    #[arg(long, conflicts_with = "quiet")]
    json: bool,
}

impl Explain {
    /// Records the explanation.
    pub(crate) fn run(&self) -> Result<(), Trouble> {
        let (workspace, session) = status::here()?;
        let words = if self.text.is_empty() { asked()? } else { self.text.join(" ") };
        if words.trim().is_empty() {
            return Err(Trouble::said("nothing was recorded: the explanation is empty"));
        }
        let decision = Decision::explained(words.trim(), "cli");
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

/// Reads until the end of what is typed or piped.
fn asked() -> Result<String, Trouble> {
    if io::stdin().is_terminal() {
        eprintln!("Why did you do it this way? End with Ctrl-D on a line of its own.");
    }
    let mut words = String::new();
    io::stdin().lock().take(LONGEST).read_to_string(&mut words)?;
    Ok(words)
}
