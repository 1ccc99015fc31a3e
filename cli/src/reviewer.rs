//! The command `login`: a reviewer's key, kept for the commands of reviewers.

use crate::api::Api;
use crate::plain::plain;
use crate::trouble::Trouble;
use serde::{Deserialize, Serialize};
use std::fs::{self, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

/// The server that is taken when none is named.
const SERVER: &str = "http://127.0.0.1:8080";

/// Keep a reviewer's API key on this machine, for `watch`.
///
/// The key is read from the terminal or from standard input, never from the command line, where others could see it.
#[derive(Debug, clap::Args)]
pub(crate) struct Login {
    /// Address of the server.
    #[arg(long, env = "PROMPTSTER_SERVER", default_value = SERVER)]
    server: String,

    /// Forget the key that is kept.
    #[arg(long)]
    forget: bool,
}

/// A reviewer at a server.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Reviewer {
    /// The server's address.
    pub(crate) server: String,
    /// The API key.
    pub(crate) api_key: String,
}

impl Login {
    /// Asks for the key, tries it, and keeps it.
    pub(crate) async fn run(&self) -> Result<(), Trouble> {
        let file = file()?;
        if self.forget {
            match fs::remove_file(&file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
                _ => println!("No key is kept on this machine."),
            }
            return Ok(());
        }
        if io::stdin().is_terminal() {
            eprint!("API key of {} (psk_…): ", self.server);
            io::stderr().flush()?;
        }
        let mut key = String::new();
        io::stdin().read_line(&mut key)?;
        let key = key.trim();
        if key.is_empty() {
            return Err(Trouble::said("no key was given; an API key begins with psk_"));
        }
        let org = Reviewer { server: self.server.clone(), api_key: key.to_owned() }.org().await?;
        let kept = Reviewer { server: self.server.clone(), api_key: key.to_owned() };
        let folder = file.parent().map(fs::create_dir_all).transpose();
        folder?;
        // A file that is there keeps its mode: one that others can read must go first.
        let _ = fs::remove_file(&file);
        let mut open = OpenOptions::new();
        let mut out = open.write(true).create_new(true).mode(0o600).open(&file)?;
        out.write_all(&serde_json::to_vec_pretty(&kept)?)?;
        println!("Signed in to {} at {}.\nNext: promptster watch <SESSION-ID>", plain(&org), self.server);
        Ok(())
    }
}

impl Reviewer {
    /// The one that the environment names, or else the one that was kept.
    pub(crate) fn find(server: Option<&str>) -> Result<Self, Trouble> {
        let kept = fs::read(file()?).ok().and_then(|text| serde_json::from_slice::<Self>(&text).ok());
        let from_environment = std::env::var("PROMPTSTER_API_KEY").ok().filter(|key| !key.is_empty());
        match (from_environment, kept) {
            (Some(api_key), kept) => {
                let server = server.map(str::to_owned).or(kept.map(|kept| kept.server));
                Ok(Self { server: server.unwrap_or_else(|| SERVER.to_owned()), api_key })
            }
            // A key is for the server that it was kept for, and shown to no other.
            (None, Some(kept)) if server.is_none_or(|server| server == kept.server) => Ok(kept),
            _ => Err(Trouble::said("no key for that server; sign in with `promptster login --server URL` first")),
        }
    }

    /// The name of its organisation.
    pub(crate) async fn org(&self) -> Result<String, Trouble> {
        let api = Api::new(&self.server, "")?;
        let (status, body) = api.get_as_reviewer(&self.api_key, "/v1/org").await?;
        let told: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        match status {
            200 => Ok(told.pointer("/org/name").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()),
            401 => Err(Trouble::said("the server does not know this key, or it was revoked")),
            _ => Err(Trouble::said(format!("the server answers HTTP {status}"))),
        }
    }
}

/// Where the key is kept.
fn file() -> Result<PathBuf, Trouble> {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let config = folder("XDG_CONFIG_HOME").or_else(|| Some(folder("HOME")?.join(".config")));
    let config = config.ok_or_else(|| Trouble::said("neither XDG_CONFIG_HOME nor HOME names a folder for settings"))?;
    Ok(config.join("promptster").join("reviewer.json"))
}
