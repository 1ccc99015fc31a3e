//! A command line as a POSIX shell would cut it into commands and words. What a substitution runs is not looked into.

use std::{iter, mem, str::Chars};

/// The commands of a command line, each as its words without quotes and redirections. May yield empty commands.
pub(crate) struct Commands<'a> {
    rest: Chars<'a>,
    /// Here-documents whose bodies begin behind the line.
    here_documents: Vec<HereDocument>,
    /// How many subshells are open.
    depth: usize,
}

struct HereDocument {
    end: String,
    strip_tabs: bool,
}

/// What is open while a substitution is skipped.
#[derive(Clone, Copy, PartialEq)]
enum Nest {
    /// `$(…)`, `<(…)`, `(…)`.
    Parentheses,
    /// `$((…))`, where `<<` is no here-document.
    Arithmetic,
    /// `${…}`.
    Braces,
    /// `${…}` in double quotes, where `'` is a letter.
    QuotedBraces,
    Backticks,
    Quotes,
}

impl<'a> Commands<'a> {
    pub(crate) fn of(line: &'a str) -> Self {
        Self { rest: line.chars(), here_documents: Vec::new(), depth: 0 }
    }

    fn next_is(&self, wanted: char) -> bool {
        self.rest.as_str().starts_with(wanted)
    }

    fn eat(&mut self, wanted: char) -> bool {
        let found = self.next_is(wanted);
        if found {
            self.rest.next();
        }
        found
    }

    fn take_line(&mut self) -> Option<&'a str> {
        let text = self.rest.as_str();
        let (line, rest) = text.split_once('\n').unwrap_or((text, ""));
        self.rest = rest.chars();
        (!text.is_empty()).then_some(line)
    }

    /// Skips to the end of the line, but not past it.
    fn skip_comment(&mut self) {
        let text = self.rest.as_str();
        self.rest = text.find('\n').and_then(|end| text.get(end..)).unwrap_or_default().chars();
    }

    fn double_quoted(&mut self, words: &mut Words) {
        while let Some(letter) = self.rest.next() {
            match letter {
                '"' => return,
                '\\' => match self.rest.next() {
                    Some(escaped @ ('$' | '`' | '"' | '\\')) => words.push(escaped),
                    Some('\n') | None => {}
                    Some(other) => words.extend(['\\', other]),
                },
                '$' | '`' => self.expansion(letter, true, words),
                letter => words.push(letter),
            }
        }
    }

    /// Reads `'…'`, of which the first quote is read already; `$'…'` knows backslashes.
    fn single_quoted(&mut self, escapes: bool, words: &mut Words) {
        words.open();
        while let Some(letter) = self.rest.next() {
            match letter {
                '\'' => return,
                '\\' if escapes => words.extend(self.rest.next()),
                letter => words.push(letter),
            }
        }
    }

    /// Copies `$(…)`, `${…}` or `` `…` `` into the word as it stands; a lone `$` is a letter.
    fn expansion(&mut self, first: char, quoted: bool, words: &mut Words) {
        words.push(first);
        let text = self.rest.as_str();
        let nest = if first == '`' {
            Nest::Backticks
        } else if self.eat('(') {
            if self.next_is('(') { Nest::Arithmetic } else { Nest::Parentheses }
        } else if self.eat('{') {
            if quoted { Nest::QuotedBraces } else { Nest::Braces }
        } else {
            return;
        };
        self.copy_nested(nest, text, words);
    }

    /// Skips to where `nest` closes and copies what was read of `text` into the word.
    fn copy_nested(&mut self, nest: Nest, text: &str, words: &mut Words) {
        self.skip_nested(nest);
        let read = text.len() - self.rest.as_str().len();
        words.extend(text.get(..read).unwrap_or_default().chars());
    }

    fn skip_nested(&mut self, outermost: Nest) {
        let mut open = vec![outermost];
        let mut word_begins = true;
        while let Some(&nest) = open.last() {
            let Some(letter) = self.rest.next() else { return };
            let begins =
                mem::replace(&mut word_begins, letter.is_whitespace() || matches!(letter, ';' | '|' | '&' | '('));
            match (nest, letter) {
                (_, '\\') => drop(self.rest.next()),
                (Nest::Quotes, '"')
                | (Nest::Braces | Nest::QuotedBraces, '}')
                | (Nest::Backticks, '`')
                | (Nest::Parentheses | Nest::Arithmetic, ')') => drop(open.pop()),
                (_, '`') => open.push(Nest::Backticks),
                (_, '$') if self.eat('(') => {
                    open.push(if self.next_is('(') { Nest::Arithmetic } else { Nest::Parentheses });
                }
                (Nest::Quotes | Nest::QuotedBraces, '$') if self.eat('{') => open.push(Nest::QuotedBraces),
                (_, '$') if self.eat('{') => open.push(Nest::Braces),
                (Nest::Quotes, _) => {}
                (_, '"') => open.push(Nest::Quotes),
                (Nest::QuotedBraces, _) => {}
                (_, '$') if self.eat('\'') => self.single_quoted(true, &mut Words::default()),
                (_, '\'') => self.single_quoted(false, &mut Words::default()),
                (Nest::Parentheses | Nest::Arithmetic, '(') => open.push(nest),
                (Nest::Parentheses | Nest::Backticks, '#') if begins => self.skip_comment(),
                (Nest::Parentheses | Nest::Backticks, '<') if self.eat('<') && !self.eat('<') => self.here_document(),
                (Nest::Parentheses | Nest::Backticks, '\n') => self.skip_here_documents(),
                _ => {}
            }
        }
    }

    fn redirection(&mut self, first: char, words: &mut Words) {
        if self.next_is('(') {
            words.push(first);
            let text = self.rest.as_str();
            self.eat('(');
            return self.copy_nested(Nest::Parentheses, text, words);
        }
        words.end_before_redirection();
        if first == '<' && self.eat('<') {
            if !self.eat('<') {
                return self.here_document();
            }
        } else if let Some(next @ ('>' | '|' | '&')) = self.rest.clone().next() {
            self.eat(next);
        }
        words.target = true;
    }

    /// Reads the word behind `<<`.
    fn here_document(&mut self) {
        let strip_tabs = self.eat('-');
        let text = self.rest.as_str().trim_start_matches([' ', '\t']);
        let word = text.split([' ', '\t', '\r', '\n', ';', '&', '|', '<', '>', '(', ')']).next().unwrap_or_default();
        self.rest = text.get(word.len()..).unwrap_or_default().chars();
        let end = word.replace(['\'', '"', '\\'], "");
        self.here_documents.push(HereDocument { end, strip_tabs });
    }

    fn skip_here_documents(&mut self) {
        for document in mem::take(&mut self.here_documents) {
            let lines = iter::from_fn(|| self.take_line());
            for line in lines {
                let line = if document.strip_tabs { line.trim_start_matches('\t') } else { line };
                if line.trim_end_matches('\r') == document.end {
                    break;
                }
            }
        }
    }
}

impl Iterator for Commands<'_> {
    type Item = Vec<String>;

    fn next(&mut self) -> Option<Vec<String>> {
        if self.rest.as_str().is_empty() {
            return None;
        }
        let mut words = Words::default();
        while let Some(letter) = self.rest.next() {
            match letter {
                ' ' | '\t' | '\r' => words.end(),
                '\n' => {
                    self.skip_here_documents();
                    break;
                }
                '&' if self.next_is('>') => words.end(),
                ';' | '|' | '&' => break,
                '(' if words.word.is_some() && !self.next_is(')') => {
                    // An array or a pattern: `tests=(pytest jest)`, `!(*.py)`.
                    words.push('(');
                    self.copy_nested(Nest::Parentheses, self.rest.as_str(), &mut words);
                }
                '(' => {
                    self.depth += 1;
                    break;
                }
                ')' => match self.depth.checked_sub(1) {
                    Some(depth) => {
                        self.depth = depth;
                        break;
                    }
                    // The pattern of a `case`.
                    None => words = Words::default(),
                },
                '<' | '>' => self.redirection(letter, &mut words),
                '#' if words.word.is_none() => self.skip_comment(),
                '\'' => self.single_quoted(false, &mut words),
                '"' => {
                    words.open();
                    self.double_quoted(&mut words);
                }
                '$' if self.eat('\'') => self.single_quoted(true, &mut words),
                '$' if self.next_is('"') => {}
                '$' | '`' => self.expansion(letter, false, &mut words),
                '\\' => match self.rest.next() {
                    Some('\n') | None => {}
                    Some(escaped) => words.push(escaped),
                },
                letter => words.push(letter),
            }
        }
        words.end();
        Some(words.done)
    }
}

/// The words of a command while they are read.
#[derive(Default)]
struct Words {
    done: Vec<String>,
    word: Option<String>,
    /// Whether the next word is where a redirection goes to.
    target: bool,
}

impl Words {
    /// Begins a word, also an empty one (`''`).
    fn open(&mut self) {
        self.word.get_or_insert_default();
    }

    fn push(&mut self, letter: char) {
        self.word.get_or_insert_default().push(letter);
    }

    fn end(&mut self) {
        if let Some(word) = self.word.take()
            && !mem::take(&mut self.target)
        {
            self.done.push(word);
        }
    }

    /// Ends the word; digits that touch a redirection name a file descriptor.
    fn end_before_redirection(&mut self) {
        self.word = self.word.take().filter(|word| !word.bytes().all(|byte| byte.is_ascii_digit()));
        self.end();
    }
}

impl Extend<char> for Words {
    fn extend<T: IntoIterator<Item = char>>(&mut self, letters: T) {
        letters.into_iter().for_each(|letter| self.push(letter));
    }
}
