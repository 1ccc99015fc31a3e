//! What is logged, and how.

use std::io::{self, IsTerminal};

use anyhow::Context;
use clap::{Args, ValueEnum};
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, layer::SubscriberExt, util::SubscriberInitExt};

/// What is told of everything that happens, besides the log.
pub(crate) type Beside = Box<dyn Layer<Registry> + Send + Sync>;

/// What is logged.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Log")]
pub struct LogOptions {
    /// What is logged: a level, or levels by module such as `info,promptster_server=debug`
    #[arg(long, env = "PROMPTSTER_LOG", value_name = "FILTER", default_value = "info,actix_server=warn")]
    pub log: String,
    /// How it is written, to standard error
    #[arg(long, env = "PROMPTSTER_LOG_FORMAT", value_name = "FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people
    Text,
    /// One JSON object per line
    Json,
}

impl LogOptions {
    /// What is logged.
    ///
    /// # Errors
    /// When the filter cannot be understood.
    pub fn filter(&self) -> anyhow::Result<EnvFilter> {
        EnvFilter::try_new(&self.log).with_context(|| format!("--log {:?} is no filter", self.log))
    }

    /// Starts logging, for the whole process.
    ///
    /// # Errors
    /// When the filter cannot be understood.
    pub fn start(&self) -> anyhow::Result<()> {
        self.start_beside(None)
    }

    /// Starts logging beside something else that is told what happens.
    ///
    /// # Errors
    /// When the filter cannot be understood.
    pub(crate) fn start_beside(&self, other: Option<Beside>) -> anyhow::Result<()> {
        let filter = self.filter()?;
        let log = fmt::layer().with_writer(io::stderr);
        let log = match self.log_format {
            LogFormat::Text => log.with_ansi(io::stderr().is_terminal()).boxed(),
            LogFormat::Json => log.json().flatten_event(true).boxed(),
        };
        let started = tracing_subscriber::registry().with(other).with(log.with_filter(filter)).try_init();
        started.map_err(|error| anyhow::anyhow!("cannot start logging: {error}"))
    }
}
