//! What goes on, for whoever waits: a line that changes on a terminal, else a line every few seconds.

use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

/// How often something is printed where there is no terminal.
const EVERY: Duration = Duration::from_secs(5);

/// Says what goes on until it is dropped.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    started: Instant,
    is_terminal: bool,
    now: Arc<Mutex<String>>,
    printing: JoinHandle<()>,
}

impl Progress {
    /// Begins.
    pub(crate) fn start() -> Self {
        let (started, is_terminal) = (Instant::now(), std::io::stderr().is_terminal());
        let bar = if is_terminal { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        // A template that does not parse would only cost the looks.
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed}  {wide_msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        let now: Arc<Mutex<String>> = Arc::default();
        let said = Arc::clone(&now);
        let printing = tokio::spawn(async move {
            if is_terminal {
                return;
            }
            loop {
                sleep(EVERY).await;
                let text = said.lock().unwrap_or_else(PoisonError::into_inner).clone();
                eprintln!("{:>6.1} s  {text}", started.elapsed().as_secs_f64());
            }
        });
        Self { bar, started, is_terminal, now, printing }
    }

    /// What goes on now.
    pub(crate) fn say(&self, text: impl Into<String>) {
        let text = text.into();
        self.bar.set_message(text.clone());
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = text;
    }

    /// Something that is to stay on the screen.
    pub(crate) fn note(&self, text: &str) {
        let line = format!("{:>6.1} s  {text}", self.started.elapsed().as_secs_f64());
        if self.is_terminal {
            self.bar.println(line);
        } else {
            eprintln!("{line}");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.printing.abort();
        self.bar.finish_and_clear();
    }
}
