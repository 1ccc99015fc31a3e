//! Reads the lines that a tool appends to a file of its own.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Most that is read at once, in bytes; a longer line is left out.
const CHUNK_BYTES: u64 = 16 * 1024 * 1024;

/// A place in a file that grows.
#[derive(Debug)]
pub(super) struct Follow {
    path: PathBuf,
    inode: u64,
    offset: u64,
    number: usize,
}

/// What is new in a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct News {
    /// It is another file than before, or was written anew: all that was read does not count.
    pub(super) is_other: bool,
    /// Whole lines with their numbers, the first of a file is 1.
    pub(super) lines: Vec<(usize, String)>,
}

impl Follow {
    /// Begins before the first line.
    pub(super) fn of(path: &Path) -> Self {
        Self { path: path.to_owned(), inode: 0, offset: 0, number: 0 }
    }

    /// Reads the whole lines that were not read before, a bounded part of them at once.
    pub(super) fn news(&mut self) -> io::Result<News> {
        let mut news = News::default();
        let mut file = File::open(&self.path)?;
        let (inode, length) = (file.metadata()?.ino(), file.metadata()?.len());
        if inode != self.inode || length < self.offset {
            news.is_other = self.inode != 0;
            (self.inode, self.offset, self.number) = (inode, 0, 0);
        }
        if length == self.offset {
            return Ok(news);
        }
        file.seek(SeekFrom::Start(self.offset))?;
        let mut bytes = Vec::new();
        file.take(CHUNK_BYTES).read_to_end(&mut bytes)?;
        let is_full = u64::try_from(bytes.len()).is_ok_and(|n_bytes| n_bytes == CHUNK_BYTES);
        let end = match bytes.iter().rposition(|byte| *byte == b'\n') {
            Some(last) => last + 1,
            None if is_full => bytes.len(),
            None => return Ok(news),
        };
        bytes.truncate(end);
        self.offset += u64::try_from(end).unwrap_or(0);
        for line in String::from_utf8_lossy(&bytes).lines() {
            self.number += 1;
            news.lines.push((self.number, line.to_owned()));
        }
        Ok(news)
    }
}

#[cfg(test)]
mod tests {
    use super::Follow;
    use std::fs;
    use std::io::Write;

    #[test]
    fn whole_lines_are_read_once_and_a_file_that_is_written_anew_from_its_beginning() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jsonl");
        fs::write(&path, "one\ntw").unwrap();
        let mut follow = Follow::of(&path);
        assert_eq!(follow.news().unwrap().lines, [(1, "one".to_owned())]);
        assert_eq!(follow.news().unwrap().lines, []);
        fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"o\nthree\n").unwrap();
        assert_eq!(follow.news().unwrap().lines, [(2, "two".to_owned()), (3, "three".to_owned())]);
        fs::write(&path, "new\n").unwrap();
        let news = follow.news().unwrap();
        assert_eq!((news.is_other, news.lines), (true, vec![(1, "new".to_owned())]));
    }
}
