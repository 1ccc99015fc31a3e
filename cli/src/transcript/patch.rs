//! Unified diffs and line counts, from the patch that the tool recorded or else from the texts before and after.

use serde_json::Value;
use similar::{ChangeTag, TextDiff};

/// A change of one file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Patch {
    /// The unified diff; empty when nothing changed.
    pub(crate) diff: String,
    /// Lines that came.
    pub(crate) lines_added: u64,
    /// Lines that went.
    pub(crate) lines_removed: u64,
}

impl Patch {
    /// Reads the hunks of a `structuredPatch`; `None` when it is missing or holds no hunk.
    pub(super) fn recorded(path: &str, hunks: Option<&Value>) -> Option<Self> {
        let hunks = hunks?.as_array().filter(|hunks| !hunks.is_empty())?;
        let mut patch = Self { diff: header(path), ..Self::default() };
        for hunk in hunks {
            let number = |name: &str| hunk.get(name).and_then(Value::as_u64).unwrap_or(0);
            patch.diff.push_str(&format!(
                "@@ -{},{} +{},{} @@\n",
                number("oldStart"),
                number("oldLines"),
                number("newStart"),
                number("newLines")
            ));
            for line in hunk.get("lines")?.as_array()?.iter().filter_map(Value::as_str) {
                match line.as_bytes().first() {
                    Some(b'+') => patch.lines_added += 1,
                    Some(b'-') => patch.lines_removed += 1,
                    _ => {}
                }
                patch.diff.push_str(line);
                patch.diff.push('\n');
            }
        }
        Some(patch)
    }

    /// Compares two texts.
    pub(super) fn computed(path: &str, old: &str, new: &str) -> Self {
        if old == new {
            return Self::default();
        }
        let diff = TextDiff::from_lines(old, new);
        let mut patch = Self::default();
        for change in diff.iter_all_changes() {
            match change.tag() {
                ChangeTag::Insert => patch.lines_added += 1,
                ChangeTag::Delete => patch.lines_removed += 1,
                ChangeTag::Equal => {}
            }
        }
        patch.diff = format!("{}{}", header(path), diff.unified_diff().context_radius(3));
        patch
    }

    /// Adds the change of another place in the same file.
    pub(super) fn followed_by(mut self, next: &Self) -> Self {
        let hunks = next.diff.splitn(3, '\n').nth(2).unwrap_or_default();
        let addition = if self.diff.is_empty() { next.diff.as_str() } else { hunks };
        self.diff.push_str(addition);
        self.lines_added += next.lines_added;
        self.lines_removed += next.lines_removed;
        self
    }
}

fn header(path: &str) -> String {
    let from_root = path.trim_start_matches('/');
    format!("--- a/{from_root}\n+++ b/{from_root}\n")
}

/// The number of lines of a text; a last line without an end counts.
pub(super) fn count_lines(text: &str) -> u64 {
    u64::try_from(text.lines().count()).unwrap_or(u64::MAX)
}

/// A path as the session sees it: relative to the working directory when inside it, with forward slashes.
pub(crate) fn workspace_path(path: &str, cwd: &str) -> String {
    let windows = path.get(1..3) == Some(":\\") || path.starts_with("\\\\");
    let slashed = |text: &str| if windows { text.replace('\\', "/") } else { text.to_owned() };
    let (path, cwd) = (slashed(path), slashed(cwd));
    let cwd = cwd.trim_end_matches('/');
    match path.strip_prefix(cwd).and_then(|rest| rest.strip_prefix('/')) {
        Some(inside) if !cwd.is_empty() && !inside.is_empty() => inside.to_owned(),
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::{Patch, count_lines, workspace_path};
    use serde_json::json;

    #[test]
    fn a_recorded_patch_is_counted_and_written_as_a_unified_diff() {
        let hunks = json!([{ "oldStart": 1, "oldLines": 2, "newStart": 1, "newLines": 2,
                             "lines": [" same", "-old", "+new", "\\ No newline at end of file"] }]);
        let patch = Patch::recorded("src/a.py", Some(&hunks)).unwrap();
        assert_eq!((patch.lines_added, patch.lines_removed), (1, 1));
        assert_eq!(
            patch.diff,
            "--- a/src/a.py\n+++ b/src/a.py\n@@ -1,2 +1,2 @@\n same\n-old\n+new\n\\ No newline at end of file\n"
        );
    }

    #[test]
    fn no_hunk_is_no_patch() {
        assert_eq!(Patch::recorded("a", None), None);
        assert_eq!(Patch::recorded("a", Some(&json!([]))), None);
        assert_eq!(Patch::recorded("a", Some(&json!("odd"))), None);
    }

    #[test]
    fn texts_are_compared_line_by_line() {
        let patch = Patch::computed("a", "one\ntwo\n", "one\n2\nthree\n");
        assert_eq!((patch.lines_added, patch.lines_removed), (2, 1));
        assert!(patch.diff.starts_with("--- a/a\n+++ b/a\n@@ -1,2 +1,3 @@\n one\n-two\n+2\n"), "{}", patch.diff);
        assert_eq!(Patch::computed("a", "x", "x"), Patch::default());
    }

    #[test]
    fn two_changes_of_a_file_share_one_header() {
        let both = Patch::computed("a", "x\n", "y\n").followed_by(&Patch::computed("a", "p\n", "q\n"));
        assert_eq!(both.diff.matches("+++").count(), 1);
        assert_eq!((both.lines_added, both.lines_removed), (2, 2));
        assert!(both.diff.ends_with("-p\n+q\n"));
    }

    #[test]
    fn paths_inside_the_workspace_are_relative() {
        assert_eq!(workspace_path("/w/app/src/a.rs", "/w/app"), "src/a.rs");
        assert_eq!(workspace_path("/w/application/a.rs", "/w/app"), "/w/application/a.rs");
        assert_eq!(workspace_path("/etc/hosts", "/w/app"), "/etc/hosts");
        assert_eq!(workspace_path("C:\\w\\app\\src\\a.rs", "C:\\w\\app"), "src/a.rs");
        assert_eq!(workspace_path("/w/a\\b", "/w"), "a\\b");
        assert_eq!(workspace_path("src/a.rs", ""), "src/a.rs");
    }

    #[test]
    fn the_last_line_counts_without_its_end() {
        assert_eq!([count_lines(""), count_lines("a"), count_lines("a\n"), count_lines("a\nb")], [0, 1, 1, 2]);
    }
}
