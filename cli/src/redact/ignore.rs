//! Files whose content is never taken: `.promptsterignore`, in the manner of `.gitignore`, after a few that are obvious.

use serde_json::Value;
use std::path::Path;

/// What is ignored without being told.
const ALWAYS: [&str; 10] =
    [".env", ".env.*", "!.env.example", "*.pem", "*.key", "*.p12", "id_rsa", "id_ed25519", ".netrc", ".npmrc"];
/// Members of a payload that hold a file's content.
const CONTENT: [&str; 8] =
    ["content", "diff", "oldString", "newString", "stdout", "stderr", "inputPreview", "argsPreview"];

/// The patterns of a workspace.
#[derive(Debug)]
pub(crate) struct Ignored {
    patterns: Vec<Pattern>,
}

#[derive(Debug)]
struct Pattern {
    text: String,
    negates: bool,
    /// It names a place below the root, not a name anywhere.
    is_anchored: bool,
}

impl Ignored {
    /// Reads the patterns of a workspace; without a file there are those that always hold.
    pub(crate) fn of(root: &Path) -> Self {
        Self::read(&std::fs::read_to_string(root.join(".promptsterignore")).unwrap_or_default())
    }

    fn read(text: &str) -> Self {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self { patterns: ALWAYS.into_iter().chain(lines).map(Pattern::of).collect() }
    }

    /// Whether the content of a file, by its path below the root, is left out. The last pattern that fits counts.
    pub(crate) fn covers(&self, path: &str) -> bool {
        let path = path.trim_start_matches("./");
        self.patterns.iter().rev().find(|pattern| pattern.fits(path)).is_some_and(|pattern| !pattern.negates)
    }

    /// Takes the content out of an event about such a file.
    pub(crate) fn clean(&self, data: &mut serde_json::Map<String, Value>) {
        let named = data.get("path").and_then(Value::as_str).is_some_and(|path| self.covers(path));
        let printed = || {
            let words = data.get("command").and_then(Value::as_str).unwrap_or_default();
            words.split([' ', '<', '"', '\'', ';', '|', '&']).any(|word| !word.is_empty() && self.covers(word))
        };
        if named || printed() {
            for name in CONTENT {
                if let Some(content) = data.get_mut(name).filter(|content| content.is_string()) {
                    *content = "[redacted:ignored-file]".into();
                }
            }
        }
    }
}

impl Pattern {
    fn of(line: &str) -> Self {
        let (negates, line) = line.strip_prefix('!').map_or((false, line), |line| (true, line));
        let text = line.trim_end_matches('/');
        Self { text: text.trim_start_matches('/').to_owned(), negates, is_anchored: text.contains('/') }
    }

    fn fits(&self, path: &str) -> bool {
        // A folder covers what is in it.
        let places = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        places.filter_map(|end| path.get(..end)).any(|part| {
            let name = part.rsplit('/').next().unwrap_or(part);
            glob(self.text.as_bytes(), if self.is_anchored { part } else { name }.as_bytes())
        })
    }
}

/// Whether a name fits a pattern with `*` (within a folder), `**` (across folders) and `?`.
fn glob(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern, name) {
        ([b'*', b'*', b'/', rest @ ..], _) if glob(rest, name) => true,
        ([b'*', b'*', rest @ ..], _) => (0..=name.len()).any(|at| name.get(at..).is_some_and(|name| glob(rest, name))),
        ([b'*', rest @ ..], _) => {
            let end = name.iter().position(|byte| *byte == b'/').unwrap_or(name.len());
            (0..=end).any(|at| name.get(at..).is_some_and(|name| glob(rest, name)))
        }
        ([b'?', rest @ ..], [byte, name @ ..]) => *byte != b'/' && glob(rest, name),
        ([first, rest @ ..], [byte, name @ ..]) => first == byte && glob(rest, name),
        ([], name) => name.is_empty(),
        (_, []) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::Ignored;
    use serde_json::json;

    #[test]
    fn patterns_read_as_in_gitignore() {
        let ignored = Ignored::read("# mine\nsecrets/\n/notes.txt\ndocs/**/*.pdf\n*.bak\n!keep.bak\n");
        for path in
            [".env", "a/.env.local", "secrets/a/b.txt", "x/secrets/y", "notes.txt", "docs/a/b.pdf", "q.bak", "k.pem"]
        {
            assert!(ignored.covers(path), "{path}");
        }
        for path in ["env", ".env.example", "x/notes.txt", "a.pdf", "keep.bak", "src/main.rs", ""] {
            assert!(!ignored.covers(path), "{path}");
        }
    }

    #[test]
    fn the_event_stays_and_its_content_goes() {
        let ignored = Ignored::read("");
        let mut of_file = json!({ "path": ".env", "diff": "+A=1", "linesAdded": 1 });
        ignored.clean(of_file.as_object_mut().unwrap());
        assert_eq!(of_file, json!({ "path": ".env", "diff": "[redacted:ignored-file]", "linesAdded": 1 }));
        let mut printed = json!({ "command": "cat ./.env", "stdout": "A=1", "exitCode": 0 });
        ignored.clean(printed.as_object_mut().unwrap());
        assert_eq!(printed["stdout"], "[redacted:ignored-file]");
        let mut other = json!({ "command": "ls", "stdout": "a" });
        ignored.clean(other.as_object_mut().unwrap());
        assert_eq!(other["stdout"], "a");
    }
}
