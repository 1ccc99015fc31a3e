//! A few lines of text, written in the terminal: Ctrl-D keeps them, Esc leaves without a trace.

use ratatui::Frame;
use ratatui::crossterm::event::{
    self, DisableBracketedPaste, EnableBracketedPaste, Event, KeyCode, KeyEventKind, KeyModifiers,
};
use ratatui::crossterm::execute;
use ratatui::layout::{Constraint, Layout, Position};
use ratatui::style::{Color, Style};
use ratatui::text::Line;
use ratatui::widgets::{Block, Borders, Paragraph, Wrap};
use std::io;

/// What is being written.
#[derive(Debug, Default)]
struct Editor {
    /// What there is, in characters.
    text: Vec<char>,
    /// Where the next one goes.
    at: usize,
}

/// What a key means.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    GoOn,
    Keep,
    Leave,
}

/// Lets the person write below some lines of what is known; `None` when nothing is to be kept.
pub(crate) fn write(question: &str, known: &[String]) -> io::Result<Option<String>> {
    let mut terminal = ratatui::try_init()?;
    // A paste in one piece; a terminal that does not know it sends keys.
    let _ = execute!(io::stdout(), EnableBracketedPaste);
    let written = loop_of(&mut terminal, question, known);
    let _ = execute!(io::stdout(), DisableBracketedPaste);
    ratatui::restore();
    written
}

fn loop_of(terminal: &mut ratatui::DefaultTerminal, question: &str, known: &[String]) -> io::Result<Option<String>> {
    let mut editor = Editor::default();
    loop {
        terminal.draw(|frame| editor.draw(frame, question, known))?;
        match event::read()? {
            Event::Paste(text) => text.replace("\r\n", "\n").replace('\r', "\n").chars().for_each(|c| editor.put(c)),
            Event::Key(key) if key.kind != KeyEventKind::Release => match editor.obey(key.code, key.modifiers) {
                Step::GoOn => {}
                Step::Keep => return Ok(Some(editor.text.iter().collect())),
                Step::Leave => return Ok(None),
            },
            _ => {}
        }
    }
}

impl Editor {
    fn put(&mut self, c: char) {
        self.text.insert(self.at.min(self.text.len()), c);
        self.at += 1;
    }

    fn obey(&mut self, key: KeyCode, modifiers: KeyModifiers) -> Step {
        let is_control = modifiers.contains(KeyModifiers::CONTROL);
        let (start, end) = self.line();
        match key {
            KeyCode::Char('d') if is_control => return Step::Keep,
            KeyCode::Esc => return Step::Leave,
            KeyCode::Char('c') if is_control => return Step::Leave,
            KeyCode::Char('a') if is_control => self.at = start,
            KeyCode::Char('e') if is_control => self.at = end,
            KeyCode::Char('u') if is_control => {
                self.text.drain(start..self.at);
                self.at = start;
            }
            KeyCode::Char(c) if !is_control => self.put(c),
            KeyCode::Enter => self.put('\n'),
            KeyCode::Backspace if self.at > 0 => {
                self.at -= 1;
                self.text.remove(self.at);
            }
            KeyCode::Delete if self.at < self.text.len() => drop(self.text.remove(self.at)),
            KeyCode::Left => self.at = self.at.saturating_sub(1),
            KeyCode::Right => self.at = (self.at + 1).min(self.text.len()),
            KeyCode::Home => self.at = start,
            KeyCode::End => self.at = end,
            KeyCode::Up if start > 0 => self.up(start),
            KeyCode::Down if end < self.text.len() => self.down(start, end),
            _ => {}
        }
        Step::GoOn
    }

    /// Where the line of the cursor begins and ends.
    fn line(&self) -> (usize, usize) {
        let is_end = |c: &char| *c == '\n';
        let before = self.text.get(..self.at).unwrap_or_default();
        let start = before.iter().rposition(is_end).map_or(0, |at| at + 1);
        let after = self.text.get(self.at..).unwrap_or_default();
        (start, after.iter().position(is_end).map_or(self.text.len(), |at| self.at + at))
    }

    fn up(&mut self, start: usize) {
        let column = self.at - start;
        self.at = start - 1;
        let (above, end) = self.line();
        self.at = (above + column).min(end);
    }

    fn down(&mut self, start: usize, end: usize) {
        let column = self.at - start;
        self.at = end + 1;
        let (below, end) = self.line();
        self.at = (below + column).min(end);
    }

    fn draw(&self, frame: &mut Frame<'_>, question: &str, known: &[String]) {
        let n_known = u16::try_from(known.len()).unwrap_or(u16::MAX).min(frame.area().height / 3);
        let rows = Layout::vertical([Constraint::Length(n_known), Constraint::Min(4), Constraint::Length(1)]);
        let [above, middle, below] = rows.areas(frame.area());
        let known: Vec<Line<'_>> = known.iter().map(|line| Line::raw(line.as_str())).collect();
        frame.render_widget(Paragraph::new(known).style(Style::new().fg(Color::DarkGray)), above);
        let block = Block::new().borders(Borders::ALL).title(format!(" {question} "));
        let inner = block.inner(middle);
        let width = usize::from(inner.width.max(1));
        // Lines are broken where the box ends, so that the cursor is where the text says.
        let (mut lines, mut cursor) = (vec![String::new()], (0, 0));
        for (index, c) in self.text.iter().chain([&' ']).enumerate() {
            if lines.last().is_some_and(|line| line.chars().count() >= width) {
                lines.push(String::new());
            }
            if index == self.at {
                cursor = (lines.len() - 1, lines.last().map_or(0, |line| line.chars().count()));
            }
            match (c, lines.last_mut()) {
                ('\n', _) => lines.push(String::new()),
                (c, Some(line)) => line.push(if c.is_control() { ' ' } else { *c }),
                _ => {}
            }
        }
        let skip = (cursor.0 + 1).saturating_sub(usize::from(inner.height));
        let shown: Vec<Line<'_>> = lines.into_iter().skip(skip).map(Line::raw).collect();
        frame.render_widget(Paragraph::new(shown).wrap(Wrap { trim: false }).block(block), middle);
        let to_cell = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
        let position = Position::new(inner.x + to_cell(cursor.1), inner.y + to_cell(cursor.0 - skip));
        frame.set_cursor_position(position);
        let told = "Ctrl-D records it · Esc leaves without a trace";
        frame.render_widget(Line::styled(told, Style::new().fg(Color::DarkGray)), below);
    }
}

#[cfg(test)]
mod tests {
    use super::{Editor, Step};
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use ratatui::crossterm::event::{KeyCode, KeyModifiers};

    fn typed(keys: &[KeyCode]) -> Editor {
        let mut editor = Editor::default();
        for key in keys {
            assert_eq!(editor.obey(*key, KeyModifiers::NONE), Step::GoOn);
        }
        editor
    }

    #[test]
    fn lines_are_written_and_mended_where_the_cursor_is() {
        use KeyCode::{Backspace, Char, Down, End, Enter, Home, Left, Up};
        let editor = typed(&[
            Char('a'),
            Char('c'),
            Left,
            Char('b'),
            End,
            Enter,
            Char('x'),
            Up,
            End,
            Char('!'),
            Down,
            Home,
            Char('y'),
            Char('z'),
            Backspace,
        ]);
        assert_eq!(editor.text.iter().collect::<String>(), "abc!\nyx");
    }

    #[test]
    fn control_d_keeps_and_escape_leaves() {
        let mut editor = typed(&[KeyCode::Char('d')]);
        assert_eq!(editor.obey(KeyCode::Char('d'), KeyModifiers::CONTROL), Step::Keep);
        assert_eq!(editor.obey(KeyCode::Esc, KeyModifiers::NONE), Step::Leave);
    }

    #[test]
    fn the_cursor_stands_where_the_next_letter_goes() {
        let editor = typed(&[KeyCode::Char('a'), KeyCode::Enter, KeyCode::Char('b')]);
        let mut terminal = Terminal::new(TestBackend::new(40, 10)).unwrap();
        terminal.draw(|frame| editor.draw(frame, "Why?", &["known".to_owned()])).unwrap();
        let screen = terminal.backend().to_string();
        assert!(
            screen.contains("known") && screen.contains(" Why? ") && screen.contains("Ctrl-D records it"),
            "{screen}"
        );
        terminal.backend_mut().assert_cursor_position((2, 3));
    }
}
