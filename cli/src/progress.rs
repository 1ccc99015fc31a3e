//! Shows how far the import is: a bar on a terminal, now and then a line elsewhere.

use crate::stream::{News, human_duration};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How often a line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// The progress of one import, on standard error.
pub(crate) struct Progress {
    bar: ProgressBar,
    /// When the last line was written, where lines are written.
    last_line: Option<Mutex<Instant>>,
}

impl Progress {
    /// Starts at none of `n_events`.
    pub(crate) fn of(n_events: usize) -> Self {
        let bar = ProgressBar::new(u64::try_from(n_events).unwrap_or(u64::MAX));
        // A template that does not parse would only cost the looks.
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} events  {elapsed}  {msg}") {
            bar.set_style(style);
        }
        if std::io::stderr().is_terminal() {
            bar.enable_steady_tick(Duration::from_millis(250));
            return Self { bar, last_line: None };
        }
        Self { bar, last_line: Some(Mutex::new(Instant::now())) }
    }

    /// Shows what just happened.
    pub(crate) fn tell(&self, news: &News) {
        match news {
            News::Connected => self.say("connected"),
            News::Slowed(pause) => self.say(&format!("the server asks to wait {}", human_duration(*pause))),
            News::Lost { reason, retry_in } => {
                self.say(&format!("{reason}; trying again in {}", human_duration(*retry_in)));
            }
            News::Recorded { .. } | News::AlreadyThere { .. } | News::Refused { .. } => {
                self.bar.inc(1);
                self.bar.set_message("");
                self.line_if_due();
            }
        }
    }

    /// Leaves the screen to what follows.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn say(&self, text: &str) {
        self.bar.set_message(text.to_owned());
        if self.last_line.is_some() {
            eprintln!("{text}");
        }
    }

    fn line_if_due(&self) {
        let Some(Ok(mut last)) = self.last_line.as_ref().map(Mutex::lock) else { return };
        if last.elapsed() >= LINE_EVERY {
            *last = Instant::now();
            eprintln!("{} of {} events", self.bar.position(), self.bar.length().unwrap_or_default());
        }
    }
}
