//! The command `watch`: a session live in the terminal, for reviewers.

mod feed;
mod model;
mod row;
mod screen;

use crate::api::Api;
use crate::reviewer::Reviewer;
use crate::trouble::Trouble;
use chrono::Utc;
use domain::SessionId;
use feed::{News, follow};
use model::{Link, Model};
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use row::Row;
use serde_json::Value;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

/// News that wait for the screen; the server's own queue is what bounds the rest.
const WAITING: usize = 256;
/// The screen is drawn at most this often.
const FRAME: Duration = Duration::from_millis(50);

/// Watch a session live, as a reviewer (sign in with `login` first, or set PROMPTSTER_API_KEY).
///
/// Draws it in a terminal; prints a line for each event where the output is none, or with --json the rows of the timeline.
#[derive(Debug, clap::Args)]
pub(crate) struct Watch {
    /// The session's id.
    session: SessionId,

    /// Address of the server [default: the one of `login`].
    #[arg(long, env = "PROMPTSTER_SERVER")]
    server: Option<String>,

    /// How many of the earlier events to show.
    #[arg(long, value_name = "N", default_value_t = 500)]
    last: u64,

    /// Print each event as one JSON object a line.
    #[arg(long)]
    json: bool,
}

impl Watch {
    /// Watches until the reader has enough, or nothing more can come.
    pub(crate) async fn run(&self) -> Result<(), Trouble> {
        let reviewer = Reviewer::find(self.server.as_deref())?;
        let url = Api::new(&reviewer.server, "")?.socket_url(&format!("/v1/sessions/{}/live", self.session.as_str()));
        let (sender, news) = mpsc::channel(WAITING);
        let following = tokio::spawn(follow(reviewer, url, self.last, sender));
        let watched =
            if !self.json && io::stdout().is_terminal() { self.draw(news).await } else { self.print(news).await };
        following.abort();
        watched
    }

    /// A line for each event.
    async fn print(&self, mut news: mpsc::Receiver<News>) -> Result<(), Trouble> {
        while let Some(one) = news.recv().await {
            let message = match one {
                News::Message(message) => message,
                News::Lost(reason) => {
                    eprintln!("lost, trying again: {reason}");
                    continue;
                }
                News::Over(reason) => return Err(Trouble::said(reason)),
            };
            let ended = message.pointer("/session/endedAt").is_some_and(Value::is_string);
            match (message.get("type").and_then(Value::as_str), message.get("event")) {
                (Some("event"), Some(event)) => {
                    let mut out = io::stdout().lock();
                    // Whoever reads may have had enough.
                    let written = if self.json {
                        writeln!(out, "{event}")
                    } else {
                        let row = Row::of(event);
                        writeln!(out, "{:>6}  {}  {:<14} {}", row.seq, row.ts, row.kind, row.text)
                    };
                    if written.and_then(|()| out.flush()).is_err() {
                        return Ok(());
                    }
                }
                (Some("reset"), _) => eprintln!("too much was missed at once; what follows begins later"),
                (Some("session"), _) if ended => eprintln!("the session has ended"),
                _ => {}
            }
        }
        Ok(())
    }

    /// The screen.
    async fn draw(&self, mut news: mpsc::Receiver<News>) -> Result<(), Trouble> {
        let mut model = Model::new(self.session.as_str());
        let (pressed, mut keys) = mpsc::channel(16);
        // Reading keys blocks; the thread ends with the process.
        std::thread::spawn(move || {
            while let Ok(event) = event::read() {
                if pressed.blocking_send(event).is_err() {
                    return;
                }
            }
        });
        let mut terminal = ratatui::try_init()?;
        let mut frames = interval(FRAME);
        frames.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let outcome = loop {
            tokio::select! {
                Some(one) = news.recv() => {
                    model.take(one);
                    while let Ok(one) = news.try_recv() {
                        model.take(one);
                    }
                }
                Some(event) = keys.recv() => {
                    if let Event::Key(key) = event && key.kind != KeyEventKind::Release && !obeys(&mut model, key) {
                        break Ok(());
                    }
                }
                _ = frames.tick() => {
                    if let Err(error) = terminal.draw(|frame| screen::draw(frame, &model, Utc::now())) {
                        break Err(error.into());
                    }
                }
            }
        };
        ratatui::restore();
        if let Link::Over(reason) = &model.link {
            eprintln!("{reason}");
        }
        outcome
    }
}

/// Does what a key asks for; not when it asks to quit.
fn obeys(model: &mut Model, key: KeyEvent) -> bool {
    let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Char('q') | KeyCode::Esc => return false,
        KeyCode::Char('c' | 'd') if is_control => return false,
        KeyCode::Up | KeyCode::Char('k') => model.scroll(1),
        KeyCode::Down | KeyCode::Char('j') => model.scroll(-1),
        KeyCode::PageUp => model.scroll(20),
        KeyCode::PageDown | KeyCode::Char(' ') => model.scroll(-20),
        KeyCode::Home | KeyCode::Char('g') => model.scroll(isize::MAX),
        KeyCode::End | KeyCode::Char('G' | 'l') => model.scroll(isize::MIN),
        _ => {}
    }
    true
}
