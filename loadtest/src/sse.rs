//! Takes Server-Sent Events apart.

/// One event of a feed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Event {
    /// The `event:`.
    pub(crate) name: String,
    /// The `data:` lines, joined.
    pub(crate) data: String,
    /// The `id:`, where it was given with this event.
    pub(crate) id: Option<String>,
}

/// Collects bytes until there are whole events.
#[derive(Debug, Default)]
pub(crate) struct Parser {
    buffer: Vec<u8>,
    name: String,
    data: Vec<String>,
    id: Option<String>,
}

impl Parser {
    /// Takes more bytes and gives the events that are complete.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<Event> {
        self.buffer.extend_from_slice(bytes);
        let mut events = Vec::new();
        while let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.buffer.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end_matches('\n').trim_end_matches('\r');
            if line.is_empty() {
                events.extend(self.finish());
            } else {
                self.line(line);
            }
        }
        events
    }

    fn line(&mut self, line: &str) {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" => self.data.push(value.to_owned()),
            "id" => self.id = Some(value.to_owned()),
            _ => {}
        }
    }

    fn finish(&mut self) -> Option<Event> {
        let (name, id) = (std::mem::take(&mut self.name), self.id.take());
        let data = std::mem::take(&mut self.data);
        (!data.is_empty()).then(|| Event { name, data: data.join("\n"), id })
    }
}

#[cfg(test)]
mod tests {
    use super::{Event, Parser};

    #[test]
    fn events_may_come_in_any_pieces() {
        let feed = ": hi\n\nevent: hello\ndata: {\"a\":1}\n\nid: 7\nevent: event\ndata: {\ndata:  \"ä\"}\r\n\r\nretry: 5\n\ndata: x";
        let expected = [
            Event { name: "hello".into(), data: "{\"a\":1}".into(), id: None },
            Event { name: "event".into(), data: "{\n \"ä\"}".into(), id: Some("7".into()) },
        ];
        for size in [1, 2, 3, 7, 1000] {
            let mut parser = Parser::default();
            let events: Vec<Event> = feed.as_bytes().chunks(size).flat_map(|piece| parser.push(piece)).collect();
            assert_eq!(events, expected, "{size}");
        }
    }
}
