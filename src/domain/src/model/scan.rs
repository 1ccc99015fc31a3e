//! JSON byte by byte: the simple values of an object that is not deeply nested, with the names that lead there. Nothing
//! is kept of what is longer or deeper, so that an answer of any size takes the same memory.

/// Deeper values are passed over.
const MAX_DEPTH: usize = 4;

/// Longer texts are known by their length only.
const MAX_TEXT: usize = 128;

/// A value that has no parts.
#[derive(Debug, Clone, Copy)]
pub(super) enum Scalar<'a> {
    /// A string: its text unless that is long or has escapes, and how many bytes it takes.
    Text(Option<&'a str>, u64),
    /// A number, `true`, `false` or `null`, as it is written.
    Plain(&'a str),
}

/// Where the value stands: the names of members from the outside in, `[]` for a place in an array.
pub(super) type Path<'a> = &'a [&'a str];

#[derive(Debug, Default)]
struct Frame {
    is_object: bool,
    key: String,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Within {
    #[default]
    Nothing,
    Plain,
    Text,
    /// Right behind a backslash.
    Escape,
}

/// Reads one JSON text.
#[derive(Debug, Default)]
pub(super) struct Scanner {
    frames: Vec<Frame>,
    /// Levels beyond the deepest frame.
    deeper: usize,
    within: Within,
    expects_key: bool,
    text: Vec<u8>,
    n_bytes: u64,
}

impl Scanner {
    /// Reads one more byte, and tells of a value that ends there.
    pub(super) fn push(&mut self, byte: u8, tell: &mut impl FnMut(Path<'_>, Scalar<'_>)) {
        match (self.within, byte) {
            (Within::Escape, _) => {
                self.within = Within::Text;
                self.keep(byte);
            }
            (Within::Text, b'"') => self.end_text(tell),
            (Within::Text, _) => {
                if byte == b'\\' {
                    self.within = Within::Escape;
                }
                self.keep(byte);
            }
            (_, b'"') => {
                self.end(tell);
                self.begin(Within::Text);
            }
            (_, b'{' | b'[') => self.open(byte == b'{'),
            (_, b'}' | b']') => {
                self.end(tell);
                self.close();
            }
            (_, b',') => {
                self.end(tell);
                self.expects_key = self.deeper == 0 && self.frames.last().is_some_and(|frame| frame.is_object);
            }
            (_, b':' | b' ' | b'\t' | b'\r' | b'\n') => self.end(tell),
            (Within::Plain, _) => self.keep(byte),
            (Within::Nothing, _) => {
                self.begin(Within::Plain);
                self.keep(byte);
            }
        }
    }

    /// Tells of a value that ends with the text.
    pub(super) fn end(&mut self, tell: &mut impl FnMut(Path<'_>, Scalar<'_>)) {
        if self.within == Within::Plain {
            self.within = Within::Nothing;
            if let Some(text) = self.kept() {
                self.tell(Scalar::Plain(text), tell);
            }
        }
    }

    fn begin(&mut self, within: Within) {
        self.within = within;
        self.text.clear();
        self.n_bytes = 0;
    }

    fn keep(&mut self, byte: u8) {
        self.n_bytes += 1;
        if self.text.len() <= MAX_TEXT {
            self.text.push(byte);
        }
    }

    fn kept(&self) -> Option<&str> {
        let is_short = self.text.len() <= MAX_TEXT && !self.text.contains(&b'\\');
        std::str::from_utf8(&self.text).ok().filter(|_| is_short)
    }

    fn open(&mut self, is_object: bool) {
        self.within = Within::Nothing;
        if self.deeper > 0 || self.frames.len() == MAX_DEPTH {
            self.deeper += 1;
            self.expects_key = false;
            return;
        }
        self.frames.push(Frame { is_object, key: if is_object { String::new() } else { "[]".to_owned() } });
        self.expects_key = is_object;
    }

    fn close(&mut self) {
        self.expects_key = false;
        match self.deeper.checked_sub(1) {
            Some(deeper) => self.deeper = deeper,
            None => drop(self.frames.pop()),
        }
    }

    fn end_text(&mut self, tell: &mut impl FnMut(Path<'_>, Scalar<'_>)) {
        self.within = Within::Nothing;
        if !self.expects_key {
            self.tell(Scalar::Text(self.kept(), self.n_bytes), tell);
            return;
        }
        self.expects_key = false;
        let key = self.kept().unwrap_or_default().to_owned();
        if let Some(frame) = self.frames.last_mut() {
            frame.key = key;
        }
    }

    fn tell(&self, value: Scalar<'_>, tell: &mut impl FnMut(Path<'_>, Scalar<'_>)) {
        if self.deeper > 0 {
            return;
        }
        let mut path = [""; MAX_DEPTH];
        for (place, frame) in path.iter_mut().zip(&self.frames) {
            *place = &frame.key;
        }
        tell(path.get(..self.frames.len()).unwrap_or_default(), value);
    }
}
