//! The JSON texts of an answer, from its bytes as they come: one, or one in each `data:` of Server-Sent Events.

use super::scan::{Path, Scalar, Scanner};

const DATA: &[u8] = b"data:";

/// What was read.
#[derive(Debug)]
pub(super) enum Said<'a> {
    /// A simple value, and where it stands.
    Value(Path<'a>, Scalar<'a>),
    /// An event of a stream ended.
    End,
}

/// Reads the texts of one answer.
#[derive(Debug)]
pub(super) struct Texts {
    events: Option<Line>,
    scanner: Scanner,
}

/// Where in a line of Server-Sent Events the next byte stands.
#[derive(Debug, Clone, Copy)]
enum Line {
    /// So far it is the beginning of `data:`.
    Name(usize),
    Data,
    Other,
}

impl Texts {
    /// Those of an answer of this type; `content_type` is the header.
    pub(super) fn of(content_type: &str) -> Self {
        let kind = content_type.split(';').next().unwrap_or_default().trim();
        let events = kind.eq_ignore_ascii_case("text/event-stream").then_some(Line::Name(0));
        Self { events, scanner: Scanner::default() }
    }

    /// The same, of whose strings so many bytes are kept.
    pub(super) fn keeping(self, bytes: usize) -> Self {
        Self { scanner: Scanner::keeping(bytes), ..self }
    }

    /// Whether it is a stream of events.
    pub(super) fn is_stream(&self) -> bool {
        self.events.is_some()
    }

    /// Whether the answer has to go on, by its brackets.
    pub(super) fn is_within(&self) -> bool {
        self.scanner.is_within()
    }

    /// Reads on.
    pub(super) fn read(&mut self, chunk: &[u8], tell: &mut impl FnMut(Said<'_>)) {
        let Some(line) = &mut self.events else {
            let mut value = |path: Path<'_>, value: Scalar<'_>| tell(Said::Value(path, value));
            chunk.iter().for_each(|byte| self.scanner.push(*byte, &mut value));
            return;
        };
        for byte in chunk {
            *line = match (*line, *byte) {
                (Line::Data, b'\n' | b'\r') => {
                    self.scanner.end(&mut |path, value| tell(Said::Value(path, value)));
                    self.scanner = self.scanner.anew();
                    tell(Said::End);
                    Line::Name(0)
                }
                (_, b'\n' | b'\r') => Line::Name(0),
                (Line::Data, byte) => {
                    self.scanner.push(byte, &mut |path, value| tell(Said::Value(path, value)));
                    Line::Data
                }
                (Line::Name(n), byte) if DATA.get(n) == Some(&byte) => {
                    if n + 1 == DATA.len() {
                        Line::Data
                    } else {
                        Line::Name(n + 1)
                    }
                }
                (_, _) => Line::Other,
            };
        }
    }

    /// Tells what had begun when a whole answer was cut off. An event that was cut off is none.
    pub(super) fn cut(&mut self, tell: &mut impl FnMut(Said<'_>)) {
        if self.events.is_none() {
            self.scanner.cut(&mut |path, value| tell(Said::Value(path, value)));
        }
    }
}
