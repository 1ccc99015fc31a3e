//! Draws the board.

use super::board::{Author, Board};
use ratatui::Frame;
use ratatui::crossterm::event::KeyCode;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Paragraph, Wrap};

/// Rows that PgUp and PgDn move by.
const PAGE: usize = 10;

/// What the reviewer looks at.
#[derive(Debug, Default)]
pub(super) struct View {
    /// The event that is chosen; `None` follows the newest.
    chosen: Option<usize>,
    /// All of the chosen event is shown.
    is_open: bool,
}

impl View {
    /// Obeys a key; false when it says that it is enough.
    pub(super) fn obey(&mut self, key: KeyCode, n_rows: usize) -> bool {
        let last = n_rows.saturating_sub(1);
        let at = self.chosen.unwrap_or(last);
        match key {
            KeyCode::Char('q') | KeyCode::Esc if !self.is_open => return false,
            KeyCode::Char('q') | KeyCode::Esc => self.is_open = false,
            KeyCode::Up | KeyCode::Char('k') => self.chosen = Some(at.saturating_sub(1)),
            KeyCode::Down | KeyCode::Char('j') => self.chosen = Some(at + 1).filter(|at| *at < last),
            KeyCode::PageUp => self.chosen = Some(at.saturating_sub(PAGE)),
            KeyCode::PageDown => self.chosen = Some(at + PAGE).filter(|at| *at < last),
            KeyCode::Home => self.chosen = Some(0),
            KeyCode::End | KeyCode::Char('G') => self.chosen = None,
            KeyCode::Enter => self.is_open = !self.is_open,
            _ => {}
        }
        true
    }

    /// Draws everything.
    pub(super) fn draw(&self, frame: &mut Frame<'_>, board: &Board) {
        let area = frame.area();
        let detail = if self.is_open { Constraint::Percentage(50) } else { Constraint::Length(0) };
        let rows = Layout::vertical([
            Constraint::Length(1),
            Constraint::Length(2),
            Constraint::Min(3),
            detail,
            Constraint::Length(1),
        ]);
        let [head, signals, events, below, foot] = rows.areas(area);
        let title = Line::styled(board.title(), Style::new().add_modifier(Modifier::BOLD));
        frame.render_widget(title, head);
        frame.render_widget(signals_line(board), signals);
        self.draw_events(frame, board, events);
        if self.is_open {
            let index = self.chosen.unwrap_or_else(|| board.rows.len().saturating_sub(1));
            let lines: Vec<Line<'_>> = board.detail(index).into_iter().map(coloured).collect();
            let block = Block::new().borders(Borders::TOP).title(" all of the event ");
            frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: false }).block(block), below);
        }
        let mode = if self.chosen.is_some() { "End follows" } else { "following" };
        let others = match board.watchers {
            0 | 1 => String::new(),
            n => format!(" · {n} watch"),
        };
        let told = format!("{} · {mode}{others} · ↑↓ move · Enter all of it · q ends", board.link);
        frame.render_widget(Line::styled(told, Style::new().fg(Color::DarkGray)), foot);
    }

    fn draw_events(&self, frame: &mut Frame<'_>, board: &Board, area: Rect) {
        let height = usize::from(area.height);
        let last = board.rows.len().saturating_sub(1);
        let chosen = self.chosen.unwrap_or(last).min(last);
        // The chosen one stays on the screen; following, it is the last.
        let first = (chosen + 1).saturating_sub(height);
        let lines: Vec<Line<'_>> = board
            .rows
            .iter()
            .enumerate()
            .skip(first)
            .take(height)
            .map(|(index, row)| {
                let (mark, colour) = match row.author {
                    Author::Human => ("●", Color::Green),
                    Author::Ai => ("◆", Color::Cyan),
                    Author::Other => ("·", Color::DarkGray),
                };
                let line = Line::from(vec![
                    Span::styled(format!("{} ", row.time), Style::new().fg(Color::DarkGray)),
                    Span::styled(format!("{mark} {:<16} ", row.kind), Style::new().fg(colour)),
                    Span::raw(row.text.as_str()),
                ]);
                let is_marked = index == chosen && (self.chosen.is_some() || self.is_open);
                if is_marked { line.style(Style::new().add_modifier(Modifier::REVERSED)) } else { line }
            })
            .collect();
        frame.render_widget(Paragraph::new(lines), area);
    }
}

fn signals_line(board: &Board) -> Paragraph<'static> {
    let mut spans = Vec::new();
    for (name, value) in board.signals() {
        // Blanks at which no line is broken keep a name and its value together.
        let unit = |text: &str| text.replace(' ', "\u{a0}");
        spans.push(Span::styled(format!("{}\u{a0}", unit(name)), Style::new().fg(Color::DarkGray)));
        spans.push(Span::raw(format!("{}   ", unit(&value))));
    }
    Paragraph::new(Line::from(spans)).wrap(Wrap { trim: true })
}

/// Colours what a diff adds and removes.
fn coloured(line: String) -> Line<'static> {
    let colour = match line.trim_start().as_bytes().first() {
        Some(b'+') => Color::Green,
        Some(b'-') => Color::Red,
        _ => return Line::raw(line),
    };
    Line::styled(line, Style::new().fg(colour))
}

#[cfg(test)]
mod tests {
    use super::View;
    use crate::watch::board::Board;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use ratatui::crossterm::event::KeyCode;
    use serde_json::json;

    fn board(n_events: u64) -> Board {
        let mut board = Board { link: "live".to_owned(), ..Board::default() };
        let session = json!({ "id": "s-1", "candidateName": "Ada", "status": "active" });
        let signals = json!({ "promptCount": { "value": 2 }, "commandFailRate": { "value": 0.25 } });
        board.take(&json!({ "type": "hello", "session": session, "signals": signals }));
        for seq in 1..=n_events {
            let data = json!({ "command": format!("echo {seq}"), "exitCode": 0, "stdout": "a\nb" });
            let event = json!({ "seq": seq, "kind": "command", "ts": "2026-01-01T10:20:30Z", "data": data,
                                "actor": { "type": "ai" } });
            board.take(&json!({ "type": "event", "event": event }));
        }
        board
    }

    fn drawn(view: &View, board: &Board) -> String {
        let mut terminal = Terminal::new(TestBackend::new(80, 12)).unwrap();
        terminal.draw(|frame| view.draw(frame, board)).unwrap();
        terminal.backend().to_string().replace('\u{a0}', " ")
    }

    #[test]
    fn the_newest_is_followed_until_another_is_chosen() {
        let board = board(30);
        let mut view = View::default();
        let screen = drawn(&view, &board);
        assert!(
            screen.contains("Ada · active · s-1") && screen.contains("prompts 2") && screen.contains("failed 25 %")
        );
        assert!(screen.contains("[0] echo 30") && !screen.contains("[0] echo 20"), "{screen}");
        assert!(screen.contains("live · following"), "{screen}");
        for _ in 0..2 {
            assert!(view.obey(KeyCode::PageUp, board.rows.len()));
        }
        let screen = drawn(&view, &board);
        assert!(screen.contains("[0] echo 10") && !screen.contains("[0] echo 30"), "{screen}");
        view.obey(KeyCode::End, board.rows.len());
        assert!(drawn(&view, &board).contains("[0] echo 30"));
    }

    #[test]
    fn all_of_an_event_is_shown_on_demand_and_q_closes_it_first() {
        let board = board(3);
        let mut view = View::default();
        view.obey(KeyCode::Enter, 3);
        let screen = drawn(&view, &board);
        assert!(screen.contains("stdout:") && screen.contains("exitCode: 0"), "{screen}");
        assert!(view.obey(KeyCode::Char('q'), 3));
        assert!(!view.obey(KeyCode::Char('q'), 3));
    }
}
