//! The command `start`: from a key to a workspace in which everything is captured.

use crate::api::{Api, Redeemed};
use crate::journal::Journal;
use crate::sign::Key;
use crate::trouble::Trouble;
use crate::workspace::{FOLDER, Session, Workspace};
use crate::{consent, git, hooks_files, import, status, streamer};
use chrono::{SecondsFormat, Utc};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};

/// Start an assessment.
///
/// Shows what is captured and asks for your consent, prepares the workspace (a clone of the task's repository, where it
/// has one), adds this tool to the settings of Claude Code and Cursor in that workspace, and streams what happens from
/// then on. Started again in the same workspace it goes on with the session that runs there.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  promptster start PST-AB12-CD34 --server https://promptster.example.com")]
pub(crate) struct Start {
    /// The key that you were given.
    #[arg(value_name = "KEY", env = "PROMPTSTER_KEY", hide_env_values = true, value_parser = import::parse_key)]
    key: String,

    /// The server's address.
    #[arg(long, value_name = "URL", env = "PROMPTSTER_API_URL")]
    server: String,

    /// The folder to work in; by default one named after the assessment where there is a repository to clone, else this
    /// folder.
    #[arg(long, value_name = "PATH")]
    workspace: Option<PathBuf>,

    /// Agree to the disclosure without being asked.
    #[arg(long)]
    accept_tos: bool,

    /// Print the result as one JSON object on standard output.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Start {
    /// Does it all, each step so that it can be repeated.
    pub(crate) async fn run(&self) -> Result<(), Trouble> {
        let api = Api::new(&self.server, &self.key)?;
        let here = self.workspace.clone().map_or_else(std::env::current_dir, Ok)?;
        // A new folder is not there yet, and no session runs in it.
        let here = fs::canonicalize(&here).unwrap_or(here);
        if let Some(running) = Workspace::containing(&here) {
            let session = running.session()?;
            if session.key != self.key {
                let root = running.root().display();
                return Err(Trouble::said(format!(
                    "another session runs in {root}; end it with `promptster done` or `promptster abort`, or pass another --workspace"
                )));
            }
            return self.ready(&running, &session, true);
        }
        consent::obtain(&api, self.accept_tos).await?;
        let key = Key::random();
        let redeemed = api.redeem(Some(&key.public())).await?;
        let root = self.root(&redeemed)?;
        let workspace = Workspace::at(&root);
        let session = prepare(&workspace, &redeemed, &key, &self.server, &self.key)?;
        if !session.base_sha.is_empty() {
            let body = json!({ "sessionId": session.session_id, "commitSha": session.base_sha });
            if let Err(error) = api.post(&session.session_token, "/v1/candidate/workspace-commit", &body).await {
                eprintln!("warning: the server was not told the commit: {error}");
            }
        }
        self.ready(&workspace, &session, false)
    }

    fn root(&self, redeemed: &Redeemed) -> Result<PathBuf, Trouble> {
        let chosen = match (&self.workspace, &redeemed.repo_url) {
            (Some(path), _) => path.clone(),
            (None, Some(url)) if !url.is_empty() => {
                std::env::current_dir()?.join(folder_name(redeemed.assessment_title.as_deref().unwrap_or_default()))
            }
            (None, _) => std::env::current_dir()?,
        };
        fs::create_dir_all(&chosen)?;
        Ok(fs::canonicalize(chosen)?)
    }

    fn ready(&self, workspace: &Workspace, session: &Session, again: bool) -> Result<(), Trouble> {
        let root = workspace.task_root(session);
        let problems = hooks_files::install(workspace, &root, &std::env::current_exe()?)?;
        let _ = fs::remove_file(workspace.state("stop"));
        streamer::ensure(workspace)?;
        if self.json {
            let told = json!({ "ok": true, "sessionId": session.session_id, "workspace": root, "again": again,
                               "assessmentTitle": session.assessment_title, "problems": problems });
            println!("{told}");
            return Ok(());
        }
        for problem in &problems {
            eprintln!("warning: {problem}");
        }
        let verb = if again { "Goes on" } else { "Started" };
        println!("{verb}: {}", session.assessment_title);
        println!("  workspace  {}", root.display());
        println!("  time       {}", status::time_left(session, Utc::now()));
        println!("  task       TASK.md, or `promptster brief`");
        println!();
        println!("Open your editor or coding agent in the workspace and work as you are used to.");
        println!("Claude Code asks once whether it may trust the folder: its hooks run after you agree.");
        println!("  promptster status    is it working?");
        println!("  promptster explain   tell why you did something");
        println!("  promptster done      hand in");
        Ok(())
    }
}

/// Makes the workspace: the repository, the task, the state.
fn prepare(
    workspace: &Workspace,
    redeemed: &Redeemed,
    key: &Key,
    server: &str,
    candidate_key: &str,
) -> Result<Session, Trouble> {
    let said = |field: &Option<String>| field.clone().unwrap_or_default();
    let root = workspace.root();
    let url = said(&redeemed.repo_url);
    if !url.is_empty() && !root.join(".git").exists() {
        if fs::read_dir(root)?.next().is_some() {
            let root = root.display();
            return Err(Trouble::said(format!("{root} is not empty; pass an empty or new folder with --workspace")));
        }
        git::fetch(&url, &said(&redeemed.repo_commit), root)
            .map_err(|reason| Trouble::said(format!("{url} cannot be fetched: {reason}")))?;
    }
    let subfolder = said(&redeemed.repo_subdir);
    if Path::new(&subfolder).components().any(|part| !matches!(part, std::path::Component::Normal(_))) {
        return Err(Trouble::said(format!("the server names {subfolder:?} as the folder of the task, which is none")));
    }
    fs::create_dir_all(root.join(FOLDER))?;
    fs::create_dir_all(root.join(&subfolder))?;
    let session = Session {
        api_url: server.trim().trim_end_matches('/').to_owned(),
        key: candidate_key.to_owned(),
        session_id: redeemed.session_id.clone(),
        session_token: redeemed.session_token.clone(),
        consent_accepted: true,
        expires_at: redeemed.expires_at.clone(),
        started_at: Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true),
        time_limit_minutes: redeemed.time_limit_minutes.unwrap_or(0),
        assessment_title: said(&redeemed.assessment_title),
        task_brief: task(redeemed),
        repo_url: url,
        base_sha: git::head(root).unwrap_or_default(),
        task_root: subfolder,
        tools: vec!["claude".to_owned(), "cursor".to_owned()],
    };
    key.keep(&workspace.state("signing.key"))?;
    Journal::of(workspace).create()?;
    let task_file = workspace.task_root(&session).join("TASK.md");
    if !task_file.exists() {
        fs::write(&task_file, &session.task_brief)?;
        fs::write(workspace.state("task-made"), "")?;
    }
    workspace.keep_session(&session)?;
    crate::capture::record(workspace, &session, vec![started(workspace, &session)])?;
    Ok(session)
}

fn started(workspace: &Workspace, session: &Session) -> crate::envelope::Draft {
    let data = crate::transcript::tools::filled(json!({
        "cwd": workspace.task_root(session), "repoUrl": Some(&session.repo_url).filter(|url| !url.is_empty()),
        "cliVersion": env!("CARGO_PKG_VERSION"), "editorVersion": "promptster-cli", "os": std::env::consts::OS,
    }));
    crate::envelope::Draft {
        ts: Utc::now(),
        kind: "session_start",
        key: format!("start:{}", session.started_at),
        source: crate::envelope::Source::TOOL,
        author: crate::envelope::Author::System,
        data,
    }
}

fn task(redeemed: &Redeemed) -> String {
    let mut text = redeemed.task_brief.clone().unwrap_or_default();
    if let Some(setup) = redeemed.setup_instructions.as_deref().filter(|setup| !setup.trim().is_empty()) {
        text = format!("{}\n\n## Setup\n\n{setup}", text.trim_end());
    }
    format!("{}\n", text.trim_end())
}

/// A title as the name of a folder.
fn folder_name(title: &str) -> String {
    let dashed: String =
        title.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let words: Vec<&str> = dashed.split('-').filter(|word| !word.is_empty()).take(8).collect();
    if words.is_empty() { "assessment".to_owned() } else { words.join("-") }
}

#[cfg(test)]
mod tests {
    use super::folder_name;

    #[test]
    fn a_title_becomes_a_folder() {
        assert_eq!(folder_name("Fix the parser: ÄÖ & more!"), "fix-the-parser-more");
        assert_eq!(folder_name("../.."), "assessment");
    }
}
