//! Draws a session.

use super::model::{Link, Model};
use super::row::{Row, Tone};
use chrono::{DateTime, Local, Utc};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Sparkline};
use serde_json::Value;

/// Minutes of the strip.
const MINUTES: usize = 60;
/// The signals in one line, with their names for people.
const SIGNALS: [(&str, &str); 6] = [
    ("promptCount", "prompts"),
    ("commandCount", "commands"),
    ("commandFailCount", "failed"),
    ("verificationCount", "checks"),
    ("fileChangeCount", "changes"),
    ("aiAttributionPct", "by AI, %"),
];

/// Draws it all.
pub(super) fn draw(frame: &mut Frame<'_>, model: &Model, now: DateTime<Utc>) {
    let heights = [
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Length(2),
        Constraint::Min(1),
        Constraint::Length(1),
    ];
    let [title, signals, strip, rows, keys] = Layout::vertical(heights).areas(frame.area());
    frame.render_widget(Paragraph::new(heading(model, now)), title);
    frame.render_widget(Paragraph::new(values(model)), signals);
    draw_strip(frame, strip, model, now);
    draw_rows(frame, rows, model);
    let help = "q quit   ↑↓ PgUp PgDn Home look back   End live";
    frame.render_widget(Paragraph::new(help).style(Style::new().add_modifier(Modifier::DIM)), keys);
}

fn heading(model: &Model, now: DateTime<Utc>) -> Line<'static> {
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let (link, colour) = match &model.link {
        Link::Connecting => ("connecting".to_owned(), Color::Yellow),
        Link::Catching => ("catching up".to_owned(), Color::Yellow),
        Link::Live if model.ended_at.is_some() => ("ended".to_owned(), Color::Blue),
        Link::Live if model.above > 0 => (format!("{} later", model.above), Color::Yellow),
        Link::Live => ("live".to_owned(), Color::Green),
        Link::Lost(reason) => (format!("lost, trying again: {reason}"), Color::Red),
        Link::Over(reason) => (format!("over: {reason}"), Color::Red),
    };
    let mut spans = vec![
        Span::styled(format!(" {} ", model.title), bold.add_modifier(Modifier::REVERSED)),
        Span::raw(" "),
        Span::styled(format!("● {link}"), Style::new().fg(colour)),
    ];
    if let Some(started) = model.started_at {
        let minutes = (model.ended_at.unwrap_or(now) - started).num_minutes().max(0);
        spans.push(Span::raw(format!("   {} h {:02} min", minutes / 60, minutes % 60)));
    }
    if model.watchers > 1 {
        spans.push(Span::raw(format!("   {} watch", model.watchers)));
    }
    Line::from(spans)
}

fn values(model: &Model) -> Line<'static> {
    let mut spans = vec![Span::raw(" ")];
    for (name, words) in SIGNALS {
        let value = match model.signal(name) {
            Some(Value::Number(number)) => match number.as_f64() {
                Some(real) if real.fract() != 0.0 => format!("{real:.1}"),
                _ => number.to_string(),
            },
            _ => "–".to_owned(),
        };
        spans.push(Span::styled(value, Style::new().add_modifier(Modifier::BOLD)));
        spans.push(Span::styled(format!(" {words}   "), Style::new().add_modifier(Modifier::DIM)));
    }
    Line::from(spans)
}

fn draw_strip(frame: &mut Frame<'_>, area: Rect, model: &Model, now: DateTime<Utc>) {
    let width = usize::from(area.width).clamp(1, MINUTES);
    let until = model.ended_at.unwrap_or(now);
    let strip = Sparkline::default().data(model.per_minute(width, until)).style(Style::new().fg(Color::Cyan));
    frame.render_widget(strip, area);
}

fn draw_rows(frame: &mut Frame<'_>, area: Rect, model: &Model) {
    let end = model.rows.len().saturating_sub(model.above);
    let start = end.saturating_sub(usize::from(area.height));
    let lines: Vec<Line<'_>> = model.rows.range(start..end).map(line).collect();
    let lines = if lines.is_empty() { vec![Line::from(" No events yet.")] } else { lines };
    frame.render_widget(Paragraph::new(lines), area);
}

fn line(row: &Row) -> Line<'_> {
    let style = match row.tone {
        Tone::Human => Style::new().fg(Color::Cyan).add_modifier(Modifier::BOLD),
        Tone::Model => Style::new().fg(Color::Magenta),
        Tone::Change => Style::new().fg(Color::Yellow),
        Tone::Good => Style::new().fg(Color::Green),
        Tone::Bad => Style::new().fg(Color::Red).add_modifier(Modifier::BOLD),
        Tone::Decision => Style::new().fg(Color::Blue).add_modifier(Modifier::BOLD),
        Tone::Quiet => Style::new(),
    };
    let dim = Style::new().add_modifier(Modifier::DIM);
    Line::from(vec![
        Span::styled(format!(" {} ", clock(&row.ts)), dim),
        Span::styled(format!("{:<14.14} ", row.kind), dim),
        Span::styled(row.text.as_str(), style),
    ])
}

/// The time of day on this machine.
fn clock(ts: &str) -> String {
    let parsed = ts.parse::<DateTime<Utc>>().map(|at| at.with_timezone(&Local).format("%H:%M:%S").to_string());
    parsed.unwrap_or_else(|_| "--:--:--".to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::feed::News;
    use super::*;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use serde_json::json;

    fn shown(model: &Model, width: u16, height: u16) -> Vec<String> {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, model, "2026-01-01T00:42:00Z".parse().unwrap())).unwrap();
        let buffer = terminal.backend().buffer().clone();
        let rows = (0..height).map(|y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>());
        rows.map(|row| row.trim_end().to_owned()).collect()
    }

    #[test]
    fn a_session_is_drawn_at_any_size() {
        let mut model = Model::new("s");
        let hello = json!({ "type": "hello", "session": { "candidateName": "Heron", "startedAt": "2026-01-01T00:00:00Z" },
                            "signals": { "promptCount": { "value": 1 } } });
        model.take(News::Message(hello));
        for seq in 1..=30 {
            let event = json!({ "seq": seq, "ts": "2026-01-01T00:40:00Z", "kind": "command",
                                "data": { "command": format!("make {seq}"), "exitCode": seq % 2 } });
            model.take(News::Message(json!({ "type": "event", "event": event })));
        }
        let rows = shown(&model, 80, 12);
        assert!(rows[0].starts_with(" Heron  ● live   0 h 42 min"), "{rows:?}");
        assert!(rows[1].contains("1 prompts") && rows[1].contains("– commands"), "{rows:?}");
        assert!(rows[10].contains("command") && rows[10].ends_with("$ make 30  → 0"), "{rows:?}");
        assert!(rows[4].ends_with("$ make 24  → 0"), "{rows:?}");
        model.scroll(5);
        let rows = shown(&model, 80, 12);
        assert!(rows[0].contains("5 later") && rows[10].ends_with("$ make 25  → 1"), "{rows:?}");
        for (width, height) in [(1, 1), (3, 2), (20, 5), (400, 100)] {
            shown(&model, width, height);
        }
    }

    #[test]
    fn a_lost_link_says_why() {
        let mut model = Model::new("s");
        model.take(News::Lost("the server is silent".into()));
        let rows = shown(&model, 80, 8);
        assert!(rows[0].contains("lost, trying again: the server is silent"), "{rows:?}");
        assert!(rows[4].contains("No events yet."), "{rows:?}");
    }
}
