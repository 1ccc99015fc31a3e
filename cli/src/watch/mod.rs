//! The command `watch`: a reviewer's live view of one session in the terminal.

mod board;
mod feed;
pub(crate) mod shown;
mod view;

use crate::api::Api;
use crate::login;
use crate::trouble::Trouble;
use board::Board;
use feed::{News, Place};
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use std::io::{self, IsTerminal, Write};
use std::time::Duration;
use tokio::sync::mpsc;
use view::View;

/// How often the keyboard is asked, and the time it may take until a key is felt.
const KEYS: Duration = Duration::from_millis(50);
/// How often the screen is drawn, at most.
const DRAW: Duration = Duration::from_millis(50);
/// Messages that wait to be drawn; a terminal that is slower makes the server wait, which then starts anew.
const WAITING: usize = 256;

/// Watch a session live in the terminal (for reviewers).
///
/// Shows what happens as it happens, after what has happened so far, with the signals. The address and the API key are
/// those of `promptster login`, unless they are given.
///
/// Keys: up, down, PgUp and PgDn move, End follows the newest event, Enter shows all of an event, q ends.
#[derive(Debug, clap::Args)]
pub(crate) struct Watch {
    /// The session's id.
    #[arg(value_name = "SESSION")]
    session: String,

    /// The server's address.
    #[arg(long, value_name = "URL", env = "PROMPTSTER_API_URL")]
    server: Option<String>,

    /// An API key of the organisation.
    #[arg(long, value_name = "psk_live_...", env = "PROMPTSTER_API_KEY", hide_env_values = true)]
    key: Option<String>,

    /// Print every message of the server as one line of JSON instead of drawing.
    #[arg(long)]
    json: bool,
}

impl Watch {
    /// Watches until the reviewer has seen enough.
    pub(crate) async fn run(&self) -> Result<(), Trouble> {
        let known = login::known();
        let server = self.server.clone().or_else(|| known.as_ref().map(|login| login.server.clone()));
        let key = self.key.clone().or_else(|| known.map(|login| login.api_key));
        let (Some(server), Some(key)) = (server, key) else {
            return Err(Trouble::said("log in first with `promptster login`, or pass --server and --key"));
        };
        if !self.json && !io::stdout().is_terminal() {
            return Err(Trouble::said("there is no terminal to draw on; pass --json"));
        }
        let is_name = |c: char| c.is_ascii_alphanumeric() || "._:-".contains(c);
        if self.session.is_empty() || !self.session.chars().all(is_name) {
            return Err(Trouble::said(format!("{:?} is not the id of a session", self.session)));
        }
        let url = Api::new(&server, "")?.live_url(&self.session);
        let (sender, mut receiver) = mpsc::channel(WAITING);
        let place = Place { url, key };
        let watching = feed::watch(&place, &sender);
        if self.json {
            let printing = async {
                while let Some(news) = receiver.recv().await {
                    if let News::Message(message) = news
                        && writeln!(io::stdout(), "{message}").is_err()
                    {
                        break;
                    }
                }
            };
            return tokio::select! { ended = watching => ended, () = printing => Ok(()) };
        }
        let mut terminal = ratatui::try_init()?;
        let ended = tokio::select! {
            ended = watching => ended,
            drawn = draw(&mut terminal, &mut receiver) => drawn.map_err(Trouble::from),
        };
        ratatui::restore();
        ended
    }
}

/// Draws what comes in, and obeys the keys, until one says that it is enough.
async fn draw(terminal: &mut ratatui::DefaultTerminal, news: &mut mpsc::Receiver<News>) -> io::Result<()> {
    let (mut board, mut view) = (Board { link: "connecting".to_owned(), ..Board::default() }, View::default());
    let mut keys = keys();
    let mut is_new = true;
    let mut tick = tokio::time::interval(DRAW);
    loop {
        tokio::select! {
            Some(news) = news.recv() => {
                match news {
                    News::Message(message) => board.take(&message),
                    News::Link(link) => board.link = link,
                }
                is_new = true;
            }
            key = keys.recv() => match key {
                Some(Event::Key(key)) if key.kind != KeyEventKind::Release => {
                    let is_interrupt = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
                    if is_interrupt || !view.obey(key.code, board.rows.len()) {
                        return Ok(());
                    }
                    is_new = true;
                }
                Some(_) => is_new = true,
                None => return Ok(()),
            },
            _ = tick.tick(), if is_new => {
                terminal.draw(|frame| view.draw(frame, &board))?;
                is_new = false;
            }
        }
    }
}

/// The keyboard, asked by a thread of its own; it ends when nobody listens any more.
fn keys() -> mpsc::Receiver<Event> {
    let (sender, receiver) = mpsc::channel(16);
    std::thread::spawn(move || {
        while !sender.is_closed() {
            match event::poll(KEYS) {
                Ok(true) => match event::read().map(|event| sender.blocking_send(event)) {
                    Ok(Ok(())) => {}
                    _ => return,
                },
                Ok(false) => {}
                Err(_) => return,
            }
        }
    });
    receiver
}
