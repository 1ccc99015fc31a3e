//! What secrets are hashed with.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use redis_scripts::Peppers;

use super::Secret;

/// What secrets are hashed with.
#[derive(Debug, Clone, Args)]
pub struct PepperOptions {
    /// What API keys, tokens and tickets are hashed with besides themselves: at least 32 random characters, the same on all
    /// nodes, kept apart from the stores. The variable or the file keeps it out of the list of processes
    #[arg(long, env = "PROMPTSTER_PEPPER", hide_env_values = true, help_heading = "Stores")]
    pub pepper: Option<Secret>,
    /// A file with the pepper; further lines are older ones, by which secrets are still found
    #[arg(
        long,
        env = "PROMPTSTER_PEPPER_FILE",
        value_name = "FILE",
        conflicts_with = "pepper",
        help_heading = "Stores"
    )]
    pub pepper_file: Option<PathBuf>,
}

impl PepperOptions {
    /// The peppers; none when nobody says which.
    ///
    /// # Errors
    /// When the file cannot be read, or one is too short.
    pub fn peppers(&self) -> anyhow::Result<Peppers> {
        match (&self.pepper_file, &self.pepper) {
            (Some(path), _) => {
                let text = Secret::in_file(path)?;
                text.expose().parse().with_context(|| format!("no pepper in {}", path.display()))
            }
            (None, Some(pepper)) => pepper.expose().parse().context("no pepper in --pepper (PROMPTSTER_PEPPER)"),
            (None, None) => Ok(Peppers::default()),
        }
    }
}
