//! A repository in which several work.

use super::Edits;
use crate::git;
use crate::workspace::{Session, Workspace};
use serde_json::{Value, json};
use std::fs;
use tempfile::TempDir;

struct Repository {
    folder: TempDir,
    workspace: Workspace,
    session: Session,
}

impl Repository {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::at(folder.path());
        fs::create_dir(folder.path().join(".promptster")).unwrap();
        fs::write(folder.path().join("a.py"), "one\ntwo\n").unwrap();
        fs::write(folder.path().join("b.py"), "one\n").unwrap();
        git::run(folder.path(), &["init", "--quiet"]).unwrap();
        let repository = Self { folder, workspace, session: Session::default() };
        repository.commit();
        let session = Session { base_sha: git::head(repository.folder.path()).unwrap(), ..Session::default() };
        Self { session, ..repository }
    }

    fn commit(&self) {
        let author = ["-c", "user.name=a", "-c", "user.email=a@example.org"];
        git::run(self.folder.path(), &["add", "a.py", "b.py"]).unwrap();
        git::run(self.folder.path(), &[&author[..], &["commit", "--quiet", "--all", "-m", "x"]].concat()).unwrap();
    }

    fn edits(&self) -> Edits {
        Edits::of(&self.workspace, &self.session).unwrap().unwrap()
    }

    fn write(&self, path: &str, text: &str) {
        fs::write(self.folder.path().join(path), text).unwrap();
    }
}

fn seen(edits: &mut Edits) -> Vec<(&'static str, Value, &'static str)> {
    let drafts = edits.news(true).unwrap();
    drafts.into_iter().map(|draft| (draft.kind, draft.data["path"].clone(), draft.author.attribution())).collect()
}

fn told(kind: &str, data: &Value, ts: &str) -> String {
    json!({ "kind": kind, "ts": ts, "data": data, "source": { "integration": "claude-code" }, "actor": { "type": "ai" } })
        .to_string()
}

#[test]
fn what_nobody_told_of_was_done_by_hand_and_is_told_once() {
    let repository = Repository::new();
    let mut edits = repository.edits();
    assert_eq!(seen(&mut edits), []);
    repository.write("a.py", "one\n2\nthree\n");
    repository.write("new.py", "x\n");
    fs::remove_file(repository.folder.path().join("b.py")).unwrap();
    let drafts = edits.news(true).unwrap();
    let kinds: Vec<_> = drafts.iter().map(|draft| (draft.kind, draft.author.attribution())).collect();
    assert_eq!(
        kinds,
        [("file_delete", "likely_human"), ("file_diff", "likely_human"), ("file_create", "likely_human")]
    );
    assert_eq!((&drafts[1].data["linesAdded"], &drafts[1].data["linesRemoved"]), (&json!(2), &json!(1)));
    assert_eq!(seen(&mut edits), []);
    // Another life of the process knows it as well.
    assert_eq!(seen(&mut repository.edits()), []);
}

#[test]
fn what_a_tool_told_of_is_known_and_what_follows_is_a_revision() {
    let repository = Repository::new();
    let mut edits = repository.edits();
    repository.write("a.py", "by the tool\n");
    edits.record(&told("file_diff", &json!({ "path": "a.py" }), "2099-01-01T00:00:00Z"));
    assert_eq!(seen(&mut edits), []);
    repository.write("a.py", "by the tool, and then by hand\n");
    assert_eq!(seen(&mut edits), [("file_diff", json!("a.py"), "ai_revised_by_human")]);
}

#[test]
fn what_a_tool_told_of_is_known_when_the_file_comes_to_rest() {
    let repository = Repository::new();
    let mut edits = repository.edits();
    repository.write("a.py", "by the tool\n");
    edits.record(&told("file_diff", &json!({ "path": "a.py" }), "2099-01-01T00:00:00Z"));
    assert!(edits.news(false).unwrap().is_empty(), "it was written just now");
    assert_eq!(seen(&mut edits), []);
}

#[test]
fn what_was_told_to_an_earlier_life_of_the_process_excuses_no_later_edit() {
    let repository = Repository::new();
    let mut edits = repository.edits();
    repository.write("a.py", "by the tool\n");
    let record = told("file_diff", &json!({ "path": "a.py" }), &chrono::Utc::now().to_rfc3339());
    edits.record(&record);
    assert_eq!(seen(&mut edits), []);
    repository.write("a.py", "and then by hand, while nobody looked\n");
    let mut edits = repository.edits();
    // The journal is heard from its beginning again.
    edits.record(&record);
    assert_eq!(seen(&mut edits), [("file_diff", json!("a.py"), "ai_revised_by_human")]);
}

#[test]
fn what_changed_while_a_command_of_the_tool_ran_is_probably_its_own() {
    let repository = Repository::new();
    let mut edits = repository.edits();
    repository.write("a.py", "formatted\n");
    edits.record(&told("command", &json!({ "durationMs": 60_000 }), &chrono::Utc::now().to_rfc3339()));
    assert_eq!(seen(&mut edits), [("file_diff", json!("a.py"), "likely_ai")]);
}

#[test]
fn a_checkout_is_nobodys_edit_and_a_commit_hides_none() {
    let repository = Repository::new();
    let mut edits = repository.edits();
    repository.write("a.py", "edited and committed at once\n");
    repository.commit();
    assert_eq!(seen(&mut edits), [("file_diff", json!("a.py"), "likely_human")]);
    git::run(repository.folder.path(), &["checkout", "--quiet", &repository.session.base_sha]).unwrap();
    assert_eq!(seen(&mut edits), []);
}
