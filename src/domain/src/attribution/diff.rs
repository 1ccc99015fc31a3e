//! Unified diffs, read strictly: one that was cut or mangled is none.

/// The most parts of a diff; placing each takes time that grows with the file.
const MAX_HUNKS: usize = 1_000;

/// A part of a diff.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Hunk<'a> {
    /// How many lines of the new file stand before it.
    pub(super) at: usize,
    /// Whether it says that there was nothing before it: the file is new or was empty.
    pub(super) is_beginning: bool,
    pub(super) lines: Vec<(Mark, &'a str)>,
}

/// What became of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Kept,
    Removed,
    Added,
}

/// The hunks of the diff of one file; `None` when it is no whole unified diff, or one of too many parts.
pub(super) fn hunks(diff: &str) -> Option<Vec<Hunk<'_>>> {
    let mut hunks = Vec::new();
    let mut n_files = 0;
    // What comes after the last line break is no line.
    let mut lines = diff.strip_suffix('\n').unwrap_or(diff).split('\n');
    while let Some(line) = lines.next() {
        n_files += usize::from(line.starts_with("+++ "));
        let Some(header) = line.strip_prefix("@@ -") else { continue };
        let (old, rest) = header.split_once(" +")?;
        let (new, _) = rest.split_once(" @@")?;
        let ((old_start, mut n_old), (new_start, mut n_new)) = (range(old)?, range(new)?);
        // Where nothing is left, the number is that of the line before.
        let at = if n_new == 0 { new_start } else { new_start.checked_sub(1)? };
        let mut hunk = Hunk { at, is_beginning: old_start == 0 && n_old == 0, lines: Vec::new() };
        while n_old > 0 || n_new > 0 {
            let line = lines.next()?;
            let (mark, text) = match line.as_bytes().first() {
                Some(b'+') => (Mark::Added, line.get(1..)?),
                Some(b'-') => (Mark::Removed, line.get(1..)?),
                Some(b' ') => (Mark::Kept, line.get(1..)?),
                // "\ No newline at end of file"
                Some(b'\\') => continue,
                // Some tools take the blank of an empty line away.
                None | Some(b'\r') => (Mark::Kept, line),
                Some(_) => return None,
            };
            if mark != Mark::Added {
                n_old = n_old.checked_sub(1)?;
            }
            if mark != Mark::Removed {
                n_new = n_new.checked_sub(1)?;
            }
            hunk.lines.push((mark, text));
        }
        hunks.push(hunk);
        if hunks.len() > MAX_HUNKS {
            return None;
        }
    }
    (n_files <= 1 && !hunks.is_empty()).then_some(hunks)
}

/// `start` or `start,count`.
fn range(text: &str) -> Option<(usize, usize)> {
    match text.split_once(',') {
        Some((start, count)) => Some((start.parse().ok()?, count.parse().ok()?)),
        None => Some((text.parse().ok()?, 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hunks_end_where_their_counts_say_and_not_where_a_line_looks_like_a_header() {
        let diff = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -2,3 +2,3 @@ fn x()\n a\n--- b\n+++ c\n \n\\ No newline\n@@ -9 +8,0 @@\n-z\n";
        let first = vec![(Mark::Kept, "a"), (Mark::Removed, "-- b"), (Mark::Added, "++ c"), (Mark::Kept, "")];
        let expected = [
            Hunk { at: 1, is_beginning: false, lines: first },
            Hunk { at: 8, is_beginning: false, lines: vec![(Mark::Removed, "z")] },
        ];
        assert_eq!(hunks(diff).unwrap(), expected);
        assert!(hunks("@@ -0,0 +1 @@\n+Hello\n").unwrap()[0].is_beginning);
    }

    #[test]
    fn what_is_cut_mangled_or_of_two_files_is_none() {
        let two = "--- a\n+++ b\n@@ -1 +1 @@\n-a\n+b\n--- c\n+++ d\n@@ -1 +1 @@\n-a\n+b\n";
        for bad in [
            "",
            "no diff",
            "@@ -1,2 +1,2 @@\n a\n",
            "@@ -1 +1 @@\nx\n",
            "@@ -1 +0 @@\n+a\n",
            "@@ -1 +1\n-a\n+b",
            "@@ -x +1 @@\n+a",
            two,
        ] {
            assert_eq!(hunks(bad), None, "{bad}");
        }
        assert_eq!(hunks(&"@@ -1 +1 @@\n-a\n+b\n".repeat(MAX_HUNKS + 1)), None);
    }
}
