//! JSON byte by byte: the simple values of an object that is not deeply nested, with the names that lead there. Nothing
//! is kept of what is longer than asked for or deeper, so that an answer of any size takes the same memory.

/// Deeper values are passed over.
const MAX_DEPTH: usize = 5;

/// Longer texts are not short, and no name is longer.
const MAX_SHORT: usize = 128;

/// A value that has no parts.
#[derive(Debug, Clone, Copy)]
pub(super) enum Scalar<'a> {
    /// A string.
    Text {
        /// Its text, unless that is long or has escapes.
        short: Option<&'a str>,
        /// How it is written, escapes and all, as far as it was to be kept.
        raw: &'a [u8],
        /// How many bytes it takes.
        n_bytes: u64,
    },
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
#[derive(Debug)]
pub(super) struct Scanner {
    /// Bytes of a string that are kept.
    keeps: usize,
    frames: Vec<Frame>,
    /// Levels beyond the deepest frame.
    deeper: usize,
    within: Within,
    expects_key: bool,
    text: Vec<u8>,
    n_bytes: u64,
}

impl Default for Scanner {
    fn default() -> Self {
        Self::keeping(MAX_SHORT)
    }
}

impl Scanner {
    /// One that keeps so many bytes of a string, at least those of short ones.
    pub(super) fn keeping(keeps: usize) -> Self {
        Self {
            keeps: keeps.max(MAX_SHORT),
            frames: Vec::new(),
            deeper: 0,
            within: Within::Nothing,
            expects_key: false,
            text: Vec::new(),
            n_bytes: 0,
        }
    }

    /// One that is as this one was at its beginning.
    pub(super) fn anew(&self) -> Self {
        Self::keeping(self.keeps)
    }

    /// Whether it is inside a text that has not ended.
    pub(super) fn is_within(&self) -> bool {
        !self.frames.is_empty() || self.within != Within::Nothing
    }

    /// Tells of a string that was cut off, as far as it came.
    pub(super) fn cut(&mut self, tell: &mut impl FnMut(Path<'_>, Scalar<'_>)) {
        if matches!(self.within, Within::Text | Within::Escape) && !self.expects_key {
            self.end_text(tell);
        }
    }

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
        if self.text.len() <= self.keeps {
            self.text.push(byte);
        }
    }

    fn kept(&self) -> Option<&str> {
        let is_short = self.text.len() <= MAX_SHORT && !self.text.contains(&b'\\');
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
            let raw = self.text.get(..self.keeps).unwrap_or(&self.text);
            self.tell(Scalar::Text { short: self.kept(), raw, n_bytes: self.n_bytes }, tell);
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
