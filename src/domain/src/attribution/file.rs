//! The lines of one file as far as changes have shown them, each with the change that wrote it.

use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash, Hasher},
};

use super::diff::{Hunk, Mark};

/// The most lines of a file that are followed.
pub(super) const MAX_LINES: usize = 20_000;

/// The most lines that are compared to find where one diff belongs.
const MAX_COMPARED: usize = 1_000_000;

/// A line; the default is one of which nothing is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Line {
    /// Of what it says; 0 when that is not known.
    hash: u64,
    /// The number of the change that wrote it, from 1; 0 when it stood there before or that is not known.
    change: u32,
}

/// A file. Lines after the last one are unknown, unless the file is known as a whole.
#[derive(Debug, Clone, Default)]
pub(super) struct File {
    lines: Vec<Line>,
    is_whole: bool,
}

impl File {
    pub(super) fn n_lines(&self) -> usize {
        self.lines.len()
    }

    /// The changes that wrote the lines, in the order of the lines: 0 for those of nobody.
    pub(super) fn changes(&self) -> impl Iterator<Item = u32> {
        self.lines.iter().map(|line| line.change)
    }

    /// The file says this from now on. Lines before and after what is new stay whose they were. `None` when it is too long.
    pub(super) fn replace(&mut self, lines: &[&str], change: u32) -> Option<()> {
        if lines.len() > MAX_LINES {
            return None;
        }
        let hashes: Vec<u64> = lines.iter().map(|line| hash(line)).collect();
        let same = |(hash, line): &(&u64, &Line)| **hash == line.hash;
        let head = hashes.iter().zip(&self.lines).take_while(same).count();
        let rest = hashes.len().min(self.lines.len()) - head;
        let ends = hashes.iter().rev().zip(self.lines.iter().rev());
        let tail = if self.is_whole { ends.take(rest).take_while(same).count() } else { 0 };
        let new = hashes.get(head..hashes.len() - tail)?.iter().map(|&hash| Line { hash, change });
        self.lines.splice(head..self.lines.len() - tail, new);
        self.is_whole = true;
        Some(())
    }

    /// The file has so many new lines, of which only that is known.
    pub(super) fn fill(&mut self, n: usize, change: u32) -> Option<()> {
        if n > MAX_LINES {
            return None;
        }
        *self = Self { lines: vec![Line { hash: 0, change }; n], is_whole: true };
        Some(())
    }

    /// Applies a diff. `has_positions` says whether its line numbers can be believed. `None` when it does not fit what is
    /// known, or nobody can say where it belongs: then nothing is known of the file any more.
    pub(super) fn apply(&mut self, hunks: &[Hunk<'_>], change: u32, has_positions: bool) -> Option<()> {
        let mut left_to_compare = MAX_COMPARED;
        for hunk in hunks {
            let side = |left_out: Mark| hunk.lines.iter().filter(move |(mark, _)| *mark != left_out);
            if hunk.is_beginning {
                let added: Vec<&str> = side(Mark::Removed).map(|(_, text)| *text).collect();
                self.replace(&added, change)?;
                continue;
            }
            let old: Vec<u64> = side(Mark::Added).map(|(_, text)| hash(text)).collect();
            let new: Vec<u64> = side(Mark::Removed).map(|(_, text)| hash(text)).collect();
            // Tools report a change twice, each in its way.
            if has_positions && !old.is_empty() && self.says(hunk.at, &new) {
                continue;
            }
            let at = if self.may_say(hunk.at, &old, has_positions) {
                hunk.at
            } else {
                self.only_place_of(&old, &mut left_to_compare)?
            };
            self.put(at, hunk, change)?;
        }
        Some(())
    }

    /// Whether these lines are known to stand there.
    fn says(&self, at: usize, lines: &[u64]) -> bool {
        let there = self.lines.get(at..at.saturating_add(lines.len()));
        there.is_some_and(|there| !lines.is_empty() && there.iter().map(|line| line.hash).eq(lines.iter().copied()))
    }

    /// Whether these lines can stand there, as far as anything is known.
    fn may_say(&self, at: usize, lines: &[u64], has_positions: bool) -> bool {
        if !has_positions {
            return false;
        }
        let fits = |(place, hash): (usize, &u64)| match self.lines.get(place) {
            Some(line) => line.hash == 0 || line.hash == *hash,
            None => !self.is_whole,
        };
        let end = at.saturating_add(lines.len());
        (!self.is_whole || end <= self.lines.len()) && (at..end).zip(lines).all(fits)
    }

    /// Where these lines stand, if that is one place.
    fn only_place_of(&self, lines: &[u64], left_to_compare: &mut usize) -> Option<usize> {
        let mut found = None;
        for (at, there) in self.lines.windows(lines.len().max(1)).enumerate() {
            let equal = there.iter().zip(lines).take_while(|(line, hash)| line.hash == **hash).count();
            *left_to_compare = left_to_compare.checked_sub(equal + 1)?;
            if !lines.is_empty() && equal == lines.len() && found.replace(at).is_some() {
                return None;
            }
        }
        found
    }

    fn put(&mut self, at: usize, hunk: &Hunk<'_>, change: u32) -> Option<()> {
        let n_old = hunk.lines.iter().filter(|(mark, _)| *mark != Mark::Added).count();
        let end = at.checked_add(n_old)?;
        if end > MAX_LINES {
            return None;
        }
        if end > self.lines.len() {
            self.lines.resize(end, Line::default());
        }
        let mut place = at;
        let mut new = Vec::with_capacity(hunk.lines.len());
        for (mark, text) in &hunk.lines {
            let before = self.lines.get(place).copied().unwrap_or_default();
            match mark {
                Mark::Added => new.push(Line { hash: hash(text), change }),
                Mark::Kept => new.push(Line { hash: hash(text), change: before.change }),
                Mark::Removed => {}
            }
            place += usize::from(*mark != Mark::Added);
        }
        self.lines.splice(at..end, new);
        (self.lines.len() <= MAX_LINES).then_some(())
    }
}

/// Never 0. Line ends are no part of a line.
fn hash(line: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    line.strip_suffix('\r').unwrap_or(line).hash(&mut hasher);
    hasher.finish() | 1
}
