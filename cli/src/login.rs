//! The command `login`: a reviewer's API key, kept for `watch`.

use crate::api::Api;
use crate::trouble::Trouble;
use crate::workspace::write_whole;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use ratatui::crossterm::terminal;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::fs;
use std::io::{self, IsTerminal, Read, Write};
use std::path::PathBuf;

/// Longest key that is read, in bytes.
const KEY_BYTES: u64 = 4096;

/// Keep an API key of your organisation for `promptster watch` (for reviewers).
///
/// The key is asked for and not shown; where there is no terminal it is read from standard input. It is tried at the
/// server before it is kept, in a file that only you can read.
#[derive(Debug, clap::Args)]
pub(crate) struct LogIn {
    /// The server's address.
    #[arg(long, value_name = "URL", env = "PROMPTSTER_API_URL", required_unless_present = "remove")]
    server: Option<String>,

    /// Forget the key that is kept.
    #[arg(long, conflicts_with = "server")]
    remove: bool,

    /// Print the result as one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Known {
    /// The server's address.
    pub(crate) server: String,
    /// The API key.
    pub(crate) api_key: String,
}

/// What was kept last; `None` where nobody logged in.
pub(crate) fn known() -> Option<Known> {
    serde_json::from_slice(&fs::read(file()?).ok()?).ok()
}

impl LogIn {
    /// Asks, tries and keeps.
    pub(crate) async fn run(&self) -> Result<(), Trouble> {
        let file = file().ok_or_else(|| Trouble::said("there is no home to keep the key in: HOME is not set"))?;
        if self.remove {
            match fs::remove_file(&file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
                _ => return self.tell("The key is forgotten."),
            }
        }
        let server = self.server.clone().unwrap_or_default();
        let api = Api::new(&server, "")?;
        let api_key = asked()?;
        if api_key.is_empty() {
            return Err(Trouble::said("nothing was kept: the key is empty"));
        }
        let (status, _) = api.get_as_reviewer(&api_key, "/v1/sessions?limit=1").await?;
        if status != 200 {
            return Err(Trouble::said(format!("nothing was kept: the server does not take this key (HTTP {status})")));
        }
        let known = Known { server: server.trim().trim_end_matches('/').to_owned(), api_key };
        fs::create_dir_all(file.parent().unwrap_or(&file))?;
        write_whole(&file, serde_json::to_string_pretty(&known)?.as_bytes())?;
        self.tell(&format!("Logged in at {}. Watch a session with `promptster watch <SESSION>`.", known.server))
    }

    fn tell(&self, words: &str) -> Result<(), Trouble> {
        if self.json {
            println!("{}", json!({ "ok": true }));
        } else {
            println!("{words}");
        }
        Ok(())
    }
}

fn file() -> Option<PathBuf> {
    let place = |name| std::env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from);
    let config = place("XDG_CONFIG_HOME").or_else(|| Some(place("HOME")?.join(".config")))?;
    Some(config.join("promptster/login.json"))
}

/// Reads a key without showing it.
fn asked() -> Result<String, Trouble> {
    let mut key = String::new();
    if !io::stdin().is_terminal() {
        io::stdin().lock().take(KEY_BYTES).read_to_string(&mut key)?;
        return Ok(key.trim().to_owned());
    }
    eprint!("API key: ");
    io::stderr().flush()?;
    terminal::enable_raw_mode()?;
    let read = typed(&mut key);
    terminal::disable_raw_mode()?;
    eprintln!();
    read.map(|()| key.trim().to_owned())
}

fn typed(key: &mut String) -> Result<(), Trouble> {
    loop {
        let Event::Key(pressed) = event::read()? else { continue };
        if pressed.kind == KeyEventKind::Release {
            continue;
        }
        let is_control = pressed.modifiers.contains(KeyModifiers::CONTROL);
        match pressed.code {
            KeyCode::Enter => return Ok(()),
            KeyCode::Esc => return Err(Trouble::said("nothing was kept")),
            KeyCode::Char('c' | 'd') if is_control => return Err(Trouble::said("nothing was kept")),
            KeyCode::Backspace => drop(key.pop()),
            KeyCode::Char(c) if !is_control => key.push(c),
            _ => {}
        }
    }
}
