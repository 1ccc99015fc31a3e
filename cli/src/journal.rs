//! The journal of a workspace: every event that was captured, in the order of capture, on this machine's disk.
//!
//! Hooks append to it, each a whole record under a file lock; the streamer reads it. A record is one line of JSON, the
//! event's envelope without its signature. Nothing is ever changed or taken out.
//!
//! What survives: an append that returned survives the death of any process. Appends do not wait for the disk; the
//! streamer writes them through to it within its next look ([`Reader::sync`]), a fraction of a second, so a power cut
//! may cost that much, and all that it costs lies before the first byte sent. A writer that dies in the middle leaves
//! a line without an end; the next one ends it, and readers count it as broken. A disk that is full costs the event,
//! and that is counted in a file whose room was taken beforehand ([`Lost`]).

use crate::workspace::{Workspace, private};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Longest line that a reader holds in memory, in bytes; the server takes no event as long as that.
const LINE_BYTES: u64 = 64 * 1024 * 1024;
/// How long to wait for writers when the journal is closed.
const SEAL_WITHIN: std::time::Duration = std::time::Duration::from_secs(5);
/// Room of the count of lost events: a number and a time.
const LOST_BYTES: usize = 64;

/// The journal.
#[derive(Debug, Clone)]
pub(crate) struct Journal {
    path: PathBuf,
    lost: PathBuf,
    /// Held by whoever hands in; see [`Journal::seal`].
    seal: PathBuf,
    /// What was captured meanwhile.
    late: PathBuf,
}

/// While it lives nothing is added to the journal: what is captured goes to a file beside it. Dropping it, or the death
/// of its process, lets the next writer add that.
#[derive(Debug)]
pub(crate) struct Seal {
    _file: File,
}

/// Events that could not be written.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Lost {
    /// How many.
    pub(crate) events: u64,
    /// When the last one was lost, RFC 3339.
    pub(crate) at: String,
}

impl Journal {
    /// The journal of a workspace.
    pub(crate) fn of(workspace: &Workspace) -> Self {
        Self {
            path: workspace.state("journal.jsonl"),
            lost: workspace.state("lost"),
            seal: workspace.state("seal.lock"),
            late: workspace.state("late.jsonl"),
        }
    }

    /// A file of records beside the journal, written in the same way.
    pub(crate) fn beside(workspace: &Workspace, name: &str) -> Self {
        Self { path: workspace.state(name), ..Self::of(workspace) }
    }

    /// Makes the journal and takes the room for the count of lost events.
    pub(crate) fn create(&self) -> io::Result<()> {
        private().append(true).create(true).open(&self.path)?;
        if !self.lost.exists() {
            let mut file = private().write(true).create(true).truncate(true).open(&self.lost)?;
            file.write_all(&[b' '; LOST_BYTES])?;
            file.sync_all()?;
        }
        Ok(())
    }

    /// Closes the journal; waits for the writers that are at work. `None` while another process has it closed.
    pub(crate) fn seal(&self) -> io::Result<Option<Seal>> {
        let file = private().append(true).create(true).open(&self.seal)?;
        // Writers hold their share for as long as an append takes.
        let deadline = std::time::Instant::now() + SEAL_WITHIN;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(fs::TryLockError::Error(error)) => return Err(error),
                Err(fs::TryLockError::WouldBlock) if std::time::Instant::now() >= deadline => return Ok(None),
                Err(fs::TryLockError::WouldBlock) => std::thread::sleep(std::time::Duration::from_millis(20)),
            }
        }
        self.take_in_late()?;
        Ok(Some(Seal { _file: file }))
    }

    /// Appends what was captured while the journal was closed.
    pub(crate) fn take_in_late(&self) -> io::Result<()> {
        if fs::metadata(&self.late).map_or(0, |late| late.len()) == 0 {
            return Ok(());
        }
        let mut late = private().read(true).append(true).open(&self.late)?;
        late.lock()?;
        let mut text = String::new();
        late.read_to_string(&mut text)?;
        let lines: Vec<String> = text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
        Self::write(&self.path, &lines)?;
        // Dying here appends them once more later, and each id counts once. The file stays: a writer may wait for it.
        late.set_len(0)
    }

    /// Events that were captured while the journal was closed.
    pub(crate) fn n_late(&self) -> usize {
        fs::read_to_string(&self.late).map_or(0, |text| text.lines().filter(|line| !line.is_empty()).count())
    }

    /// Appends records, all or none of them. `now` is for the count of those that were lost.
    ///
    /// While the journal is closed they go to a file beside it.
    pub(crate) fn append(&self, records: &[String], now: &str) -> io::Result<()> {
        if records.is_empty() {
            return Ok(());
        }
        let share = private().append(true).create(true).open(&self.seal);
        match share.map_err(fs::TryLockError::Error).and_then(|share| share.try_lock_shared().map(|()| share)) {
            Ok(_share) => {
                // What waits there may be older; an error leaves it where it is.
                let _ = self.take_in_late();
                self.append_own(records, now)
            }
            Err(fs::TryLockError::WouldBlock) => self.counted(Self::write(&self.late, records), records.len(), now),
            // On a full disk the lock cannot be made; the journal may still have room.
            Err(fs::TryLockError::Error(_)) => self.append_own(records, now),
        }
    }

    /// Appends what belongs to the journal even while it is closed.
    pub(crate) fn append_own(&self, records: &[String], now: &str) -> io::Result<()> {
        self.counted(Self::write(&self.path, records), records.len(), now)
    }

    fn counted(&self, written: io::Result<()>, n_records: usize, now: &str) -> io::Result<()> {
        if written.is_err() {
            self.count_lost(n_records, now)?;
        }
        written
    }

    fn write(path: &Path, records: &[String]) -> io::Result<()> {
        let mut file = private().read(true).append(true).create(true).open(path)?;
        file.lock()?;
        let length = file.metadata()?.len();
        let mut lines = String::new();
        if length > 0 {
            let mut last = [0];
            file.read_exact_at(&mut last, length - 1)?;
            if last != [b'\n'] {
                lines.push('\n');
            }
        }
        for record in records {
            lines.push_str(record);
            lines.push('\n');
        }
        let written = file.write_all(lines.as_bytes());
        if written.is_err() {
            // Half a record would be counted as broken later; giving room back works on a full disk, too.
            drop(file.set_len(length));
        }
        written
    }

    /// The events that could not be written so far.
    pub(crate) fn lost(&self) -> Lost {
        let text = fs::read_to_string(&self.lost).unwrap_or_default();
        let mut words = text.split_whitespace();
        let events = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
        Lost { events, at: words.next().unwrap_or_default().to_owned() }
    }

    /// Its length, in bytes.
    pub(crate) fn length(&self) -> u64 {
        fs::metadata(&self.path).map_or(0, |file| file.len())
    }

    /// Reads from an offset on.
    pub(crate) fn reader(&self, offset: u64) -> io::Result<Reader> {
        let mut file = private().read(true).append(true).create(true).open(&self.path)?;
        file.seek(SeekFrom::Start(offset))?;
        Ok(Reader { file: BufReader::new(file), offset, synced: 0 })
    }

    fn count_lost(&self, n_records: usize, now: &str) -> io::Result<()> {
        let file = private().write(true).create(true).truncate(false).open(&self.lost)?;
        file.lock()?;
        let events = self.lost().events.saturating_add(u64::try_from(n_records).unwrap_or(u64::MAX));
        let text = format!("{:<LOST_BYTES$}", format!("{events} {now}"));
        file.write_all_at(text.as_bytes(), 0)
    }
}

/// Reads records one after the other, and goes on where it was when there are more.
#[derive(Debug)]
pub(crate) struct Reader {
    file: BufReader<File>,
    offset: u64,
    synced: u64,
}

/// A line of the journal.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// Its text, without the end.
    pub(crate) text: String,
    /// Where the next one begins.
    pub(crate) end: u64,
}

impl Reader {
    /// Writes through to the disk what has been appended since the last time, and lets it be read.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        let length = self.file.get_ref().metadata()?.len();
        if length > self.synced {
            self.file.get_ref().sync_data()?;
            self.synced = length;
        }
        Ok(())
    }

    /// The next whole line among those that are on the disk.
    pub(crate) fn next(&mut self) -> io::Result<Option<Line>> {
        if self.offset >= self.synced {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        let n_read = (&mut self.file).take(LINE_BYTES).read_until(b'\n', &mut bytes)?;
        let is_whole = bytes.pop() == Some(b'\n');
        if !is_whole && u64::try_from(n_read).is_ok_and(|n_read| n_read < LINE_BYTES) {
            // Its writer is at work, or died: the next writer ends the line.
            self.file.seek(SeekFrom::Start(self.offset))?;
            return Ok(None);
        }
        self.offset += u64::try_from(n_read).unwrap_or(0);
        Ok(Some(Line { text: String::from_utf8_lossy(&bytes).into_owned(), end: self.offset }))
    }
}

#[cfg(test)]
mod tests {
    use super::{Journal, Lost};
    use crate::workspace::Workspace;
    use std::io::Write;
    use tempfile::TempDir;

    fn journal() -> (TempDir, Journal) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(".promptster")).unwrap();
        let journal = Journal::of(&Workspace::at(folder.path()));
        journal.create().unwrap();
        (folder, journal)
    }

    fn lines(journal: &Journal, offset: u64) -> Vec<String> {
        let mut reader = journal.reader(offset).unwrap();
        reader.sync().unwrap();
        std::iter::from_fn(|| reader.next().unwrap()).map(|line| line.text).collect()
    }

    #[test]
    fn what_is_appended_is_read_in_order_and_from_anywhere() {
        let (_folder, journal) = journal();
        journal.append(&["one".into(), "two".into()], "").unwrap();
        let middle = journal.length();
        journal.append(&["three".into()], "").unwrap();
        assert_eq!(lines(&journal, 0), ["one", "two", "three"]);
        assert_eq!(lines(&journal, middle), ["three"]);
    }

    #[test]
    fn what_is_captured_while_the_journal_is_closed_waits_beside_it() {
        let (_folder, journal) = journal();
        journal.append(&["one".into()], "").unwrap();
        let seal = journal.seal().unwrap().unwrap();
        journal.append(&["late".into()], "").unwrap();
        assert_eq!((lines(&journal, 0).len(), journal.n_late()), (1, 1));
        drop(seal);
        journal.append(&["two".into()], "").unwrap();
        assert_eq!(lines(&journal, 0), ["one", "late", "two"]);
        assert_eq!(journal.n_late(), 0);
    }

    #[test]
    fn a_torn_line_is_not_read_until_the_next_writer_ends_it() {
        let (_folder, journal) = journal();
        journal.append(&["one".into()], "").unwrap();
        let mut torn = std::fs::OpenOptions::new().append(true).open(&journal.path).unwrap();
        torn.write_all(b"{\"tor").unwrap();
        let mut reader = journal.reader(0).unwrap();
        reader.sync().unwrap();
        assert_eq!(reader.next().unwrap().map(|line| line.text), Some("one".into()));
        assert_eq!(reader.next().unwrap(), None);
        journal.append(&["two".into()], "").unwrap();
        reader.sync().unwrap();
        let rest: Vec<String> = std::iter::from_fn(|| reader.next().unwrap()).map(|line| line.text).collect();
        assert_eq!(rest, ["{\"tor", "two"]);
    }

    #[test]
    fn many_writers_at_once_lose_and_mix_nothing() {
        let (_folder, journal) = journal();
        std::thread::scope(|scope| {
            for writer in 0..8 {
                let journal = &journal;
                scope.spawn(move || {
                    for n in 0..50 {
                        let text = format!("{writer}-{n}-{}", "x".repeat(9_000));
                        journal.append(&[text], "").unwrap();
                    }
                });
            }
        });
        let lines = lines(&journal, 0);
        assert_eq!(lines.len(), 400);
        assert!(lines.iter().all(|line| line.ends_with(&"x".repeat(9_000)) && line.len() < 9_010));
    }

    #[test]
    fn what_a_full_disk_costs_is_counted() {
        let (folder, journal) = journal();
        assert_eq!(journal.lost(), Lost::default());
        let state = |name: &str| folder.path().join(".promptster").join(name);
        let full = Journal {
            path: "/dev/full".into(),
            lost: state("lost"),
            seal: state("seal.lock"),
            late: state("late.jsonl"),
        };
        if full.path.exists() {
            assert!(full.append(&["a".into(), "b".into()], "2026-01-01T00:00:00Z").is_err());
            assert!(full.append(&["c".into()], "2026-01-01T00:00:01Z").is_err());
            assert_eq!(journal.lost(), Lost { events: 3, at: "2026-01-01T00:00:01Z".into() });
        }
    }
}
