//! A child with its files: a leftover of it is stopped first, its log kept beside that of the run before.

use std::fs;

use anyhow::anyhow;
use tokio::sync::watch;

use super::child::{Child, Condition, Program, Traces, last_lines};
use super::data_dir::DataDir;
use super::process::stop_leftover;

/// A child that is kept running.
pub(super) struct Supervised {
    name: &'static str,
    traces: Traces,
    child: Child,
}

impl Supervised {
    /// Starts it.
    ///
    /// # Errors
    /// When the data directory cannot be written.
    pub(super) async fn start(program: impl Program, data_dir: &DataDir) -> anyhow::Result<Self> {
        let name = program.name();
        let log = data_dir.join(&format!("logs/{name}.log"));
        let traces = Traces { log, pid: data_dir.join(&format!("{name}.pid")) };
        stop_leftover(&traces.pid, &program.mark()).await?;
        if traces.log.exists() {
            fs::rename(&traces.log, data_dir.join(&format!("logs/{name}.log.1")))?;
        }
        Ok(Self { name, child: Child::start(program, traces.clone()), traces })
    }

    /// Its name, and how it is.
    pub(super) fn condition(&self) -> (&'static str, watch::Receiver<Condition>) {
        (self.name, self.child.condition.clone())
    }

    /// Whether it runs.
    pub(super) fn runs(&self) -> bool {
        self.child.condition.borrow().pid.is_some()
    }

    /// How often it ended without being asked to.
    pub(super) fn failures(&self) -> u32 {
        self.child.condition.borrow().failures
    }

    /// Says so, with what it wrote last.
    pub(super) fn does_not_start(&self) -> anyhow::Error {
        let log = self.traces.log.display();
        anyhow!("{} does not start; the end of {log}:\n{}", self.name, last_lines(&self.traces, 10))
    }

    /// Asks it to stop, and waits until it has.
    pub(super) async fn stop(self) {
        tracing::info!(child = self.name, "stopping");
        self.child.stop().await;
    }
}
