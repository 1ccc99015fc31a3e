//! Changes of course: work taken back by git, work rewritten, an assistant stopped and told something else.

use serde_json::json;

use super::{
    evidence::Evidence,
    git::{GitAct, act_of_command, act_of_word},
    moment::{Moment, MomentKind, Weightiest, counted, figures, shortened},
    remembered::Remembered,
    step::{Mark, Step},
};
use crate::{Kind, json::text};

/// Lines that a change must remove to take work back: 20. Below it is ordinary editing.
const REWRITE_LINES: u64 = 20;

/// A prompt that follows an interruption within this time says where to go instead: 2 minutes.
const REDIRECT_MS: i64 = 2 * 60 * 1000;

/// What the changes so far say about the course of the work.
#[derive(Debug, Default)]
pub(super) struct Pivots {
    /// The lines that this session put into each file since the file's first change or last rewrite.
    files: Remembered<u64>,
    /// The changes since the last commit or revert.
    uncommitted: Evidence,
    uncommitted_from: Option<Mark>,
    committed: Option<Mark>,
    interrupted: Option<Mark>,
    pub(super) reverted: Weightiest,
    pub(super) rewritten: Weightiest,
    pub(super) redirected: Weightiest,
}

impl Pivots {
    pub(super) fn add(&mut self, step: &Step<'_>) {
        match &step.event.kind {
            Kind::Prompt => self.redirect(step),
            Kind::Other(word) if &**word == "interrupt" => self.interrupted = Some(step.mark()),
            Kind::Command if !step.failed() => {
                let command = step.event.facts.command.as_deref().unwrap_or_default();
                self.act(act_of_command(command), step);
            }
            Kind::GitAction => {
                let word = step.read(&["action"], |data| data.get("action").and_then(text)).flatten();
                self.act(word.and_then(|word| act_of_word(&word)), step);
            }
            kind if kind.is_file_change() => {
                self.uncommitted.add(step.at);
                self.uncommitted_from = self.uncommitted_from.or(Some(step.mark()));
                self.change(step);
            }
            _ => {}
        }
    }

    /// Rule `interrupted_and_redirected`.
    fn redirect(&mut self, step: &Step<'_>) {
        let Some(interrupt) = self.interrupted.take() else { return };
        let to = step.mark();
        let waited_ms = interrupt.millis_to(&to);
        if waited_ms > REDIRECT_MS {
            return;
        }
        self.redirected.add(Moment {
            kind: MomentKind::Pivot,
            rule: "interrupted_and_redirected",
            title: format!("The assistant was interrupted and prompted again within {} s.", waited_ms / 1000),
            from: interrupt,
            to,
            figures: figures(json!({ "waitedMs": waited_ms })),
            evidence: Evidence::of([interrupt.at, to.at]),
            weight: 0,
        });
    }

    fn act(&mut self, act: Option<GitAct>, step: &Step<'_>) {
        match act {
            Some(GitAct::Commit) => self.committed = Some(step.mark()),
            Some(GitAct::RevertCommit) => return self.revert_commit(step),
            Some(GitAct::TakeBack) => self.take_back(step),
            None => return,
        }
        self.uncommitted = Evidence::default();
        self.uncommitted_from = None;
    }

    /// Rule `reverted_by_git`. How many lines git took back cannot be told from a command line, so none are named.
    fn take_back(&mut self, step: &Step<'_>) {
        let Some(from) = self.uncommitted_from else { return };
        let count = self.uncommitted.count();
        let mut evidence = self.uncommitted.clone();
        evidence.add(step.at);
        let changes = counted(count, "change", "changes");
        self.reverted.add(Moment {
            kind: MomentKind::Pivot,
            rule: "reverted_by_git",
            title: format!("Work was taken back with git after {changes} that were not committed."),
            from,
            to: step.mark(),
            figures: figures(json!({ "uncommittedChanges": count })),
            evidence,
            weight: i64::try_from(count).unwrap_or(i64::MAX),
        });
    }

    /// Rule `commit_reverted`. A revert without a commit in this session takes back somebody else's work: no pivot.
    fn revert_commit(&mut self, step: &Step<'_>) {
        let Some(commit) = self.committed.take() else { return };
        let to = step.mark();
        self.reverted.add(Moment {
            kind: MomentKind::Pivot,
            rule: "commit_reverted",
            title: format!("git revert ran {} s after a commit of this session.", commit.millis_to(&to) / 1000),
            from: commit,
            to,
            figures: figures(json!({ "commits": 1 })),
            evidence: Evidence::of([commit.at, to.at]),
            weight: 1,
        });
    }

    /// Rule `rewritten`: a change, or a deletion, that removes at least half of what the session had put into a file.
    fn change(&mut self, step: &Step<'_>) {
        let Some(path) = step.event.facts.path.as_deref() else { return };
        let is_deletion = step.event.kind == Kind::FileDelete;
        let (&mut (first, lines), _) = self.files.entry(path, step.mark(), 0);
        let removed = if is_deletion { lines } else { u64::from(step.event.facts.lines_removed) };
        let is_rewrite = removed >= REWRITE_LINES && lines >= REWRITE_LINES && removed >= lines.div_ceil(2);
        if is_rewrite {
            self.rewrite(first, lines, removed, step);
        }
        if is_rewrite || is_deletion {
            self.files.take(path);
        }
        if !is_deletion {
            let ((_, lines), _) = self.files.entry(path, step.mark(), 0);
            *lines = lines.saturating_add(u64::from(step.event.facts.lines_added));
        }
    }

    fn rewrite(&mut self, first: Mark, lines: u64, removed: u64, step: &Step<'_>) {
        let to = step.mark();
        let is_deletion = step.event.kind == Kind::FileDelete;
        let how = if is_deletion { "deleted" } else { "rewritten" };
        self.rewritten.add(Moment {
            kind: MomentKind::Pivot,
            rule: "rewritten",
            title: format!("A file that the session had put {lines} lines into was {how}: {removed} lines removed."),
            from: first,
            to,
            figures: figures(json!({
                "path": step.event.facts.path.as_deref().map(shortened),
                "linesAddedBefore": lines,
                "linesRemoved": removed,
                "deleted": is_deletion,
            })),
            evidence: Evidence::of([first.at, to.at]),
            weight: i64::try_from(removed).unwrap_or(i64::MAX),
        });
    }
}
