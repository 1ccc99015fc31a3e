//! What a language model is asked about sessions while they are derived.

use std::cell::Cell;

use actors::{Analysed, Analyst};
use anyhow::bail;
use domain::Session;

/// Has sessions judged, and counts what came of it.
pub(super) struct Judged {
    analyst: Analyst,
    kept: Cell<u64>,
    known: Cell<u64>,
    no_prompts: Cell<u64>,
    not_told: Cell<u64>,
    failed: Cell<u64>,
}

impl Judged {
    pub(super) fn new(analyst: Analyst) -> Self {
        let none = || Cell::new(0);
        Self { analyst, kept: none(), known: none(), no_prompts: none(), not_told: none(), failed: none() }
    }

    pub(super) async fn judge(&self, session: &Session) {
        let counter = match self.analyst.analyse_and_keep(session).await {
            Ok(Analysed::Kept) => &self.kept,
            Ok(Analysed::Known | Analysed::Erased) => &self.known,
            Ok(Analysed::NoPrompts) => &self.no_prompts,
            Ok(Analysed::NotTold) => &self.not_told,
            Err(error) => {
                eprintln!("{}: not judged: {error}", session.name);
                &self.failed
            }
        };
        counter.set(counter.get() + 1);
    }

    /// Says what came of it.
    ///
    /// # Errors
    /// When a session could not be judged; the others are.
    pub(super) fn finish(&self) -> anyhow::Result<()> {
        let [kept, known, no_prompts, not_told, failed] =
            [&self.kept, &self.known, &self.no_prompts, &self.not_told, &self.failed].map(Cell::get);
        println!(
            "Judged. new {kept}, known {known}, without prompts {no_prompts}, candidates who were not told {not_told}, failed {failed}"
        );
        match failed {
            0 => Ok(()),
            n => bail!("{n} sessions could not be judged; run the command again"),
        }
    }
}
