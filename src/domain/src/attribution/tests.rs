use serde_json::{Value, json};

use super::{agent_trace, git_ai, *};
use crate::{OrgId, Timestamp, testing};

/// A change by an assistant, a person or whoever else, as `attribution` says.
fn change(kind: &str, attribution: &str, source: &str, data: Value) -> StoredEvent {
    let mut envelope = testing::envelope("s", kind, 0, data);
    envelope["source"] = json!(source);
    envelope["provenance"] = json!({ "attribution": attribution });
    let event = testing::parse(&envelope);
    StoredEvent { event, org: OrgId::sample(Uuid::from_u128(7)), seq: 1, received_at: Timestamp::from_millis(0) }
}

fn ai(path: &str, diff: &str) -> StoredEvent {
    change("file_diff", "likely_ai", "claude-code", json!({ "path": path, "diff": diff }))
}

fn human(path: &str, diff: &str) -> StoredEvent {
    change("file_diff", "likely_human", "cli", json!({ "path": path, "diff": diff }))
}

fn create(path: &str, content: &str) -> StoredEvent {
    change("file_create", "likely_ai", "claude-code", json!({ "path": path, "content": content }))
}

fn replayed(events: &[StoredEvent]) -> Lines {
    let mut replay = Replay::default();
    events.iter().for_each(|stored| replay.add(stored));
    replay.finish()
}

/// The lines of a file as `first-last:change`, changes by their numbers from 0.
fn of(lines: &Lines, path: &str) -> Vec<String> {
    let spans = lines.files.iter().find(|(known, _)| &**known == path).map(|(_, spans)| spans.clone());
    spans.unwrap_or_default().iter().map(|span| format!("{}-{}:{}", span.first, span.last, span.change)).collect()
}

#[test]
fn what_was_added_is_whose_it_is_and_moves_with_what_is_put_before_it() {
    let events = [
        ai("a", "@@ -10,2 +10,4 @@\n x\n+b\n+c\n y\n"),
        human("a", "@@ -1,0 +2,3 @@\n+1\n+2\n+3\n"),
        // The middle of what the assistant wrote, from 14 on.
        human("a", "@@ -14,2 +14,3 @@\n-b\n+B\n+BB\n c\n"),
    ];
    let lines = replayed(&events);
    assert_eq!(of(&lines, "a"), ["2-4:1", "14-15:2", "16-16:0"]);
    assert!(lines.unplaced.is_empty());
    let gone = replayed(&[ai("a", "@@ -1 +1,2 @@\n x\n+b\n"), human("a", "@@ -2 +1,0 @@\n-b\n")]);
    assert_eq!(of(&gone, "a"), [""; 0]);
}

#[test]
fn a_file_that_is_written_again_keeps_whose_its_lines_were_before_and_after_what_is_new() {
    let again = change("file_diff", "likely_human", "cli", json!({"path": "a", "content": "1\n2\nnew\n4\n"}));
    let lines = replayed(&[create("a", "1\n2\n3\n4\n"), again]);
    assert_eq!(of(&lines, "a"), ["1-2:0", "3-3:1", "4-4:0"]);
    let diff = "@@ -0,0 +1,3 @@\n+1\n+2\n+4\n";
    assert_eq!(of(&replayed(&[create("a", "1\r\n2\r\n3\r\n4"), human("a", diff)]), "a"), ["1-3:0"]);
    let counted = change("file_create", "likely_ai", "cursor", json!({"path": "n", "linesAdded": 3}));
    assert_eq!(of(&replayed(&[counted]), "n"), ["1-3:0"]);
}

#[test]
fn what_two_tools_report_counts_once() {
    let diff = "@@ -1,3 +1,4 @@\n a\n+b\n c\n d\n";
    assert_eq!(of(&replayed(&[ai("a", diff), human("a", diff)]), "a"), ["2-2:0"]);
    // The same line twice is two lines.
    let last = [create("a", "a\nb\nc\n"), human("a", "@@ -1,3 +1,4 @@\n a\n b\n c\n+c\n")];
    assert_eq!(of(&replayed(&last), "a"), ["1-3:0", "4-4:1"]);
}

#[test]
fn an_edit_without_a_position_is_placed_where_its_lines_stand_or_not_at_all() {
    let edit = |diff: &str| change("file_diff", "likely_ai", "cursor", json!({"path": "a", "diff": diff}));
    let lines = replayed(&[create("a", "1\n2\n3\n4\n"), edit("@@ -1 +1,2 @@\n-3\n+x\n+y\n")]);
    assert_eq!(of(&lines, "a"), ["1-2:0", "3-4:1", "5-5:0"]);
    for before in ["1\n3\n3\n", "1\n2\n"] {
        let lines = replayed(&[create("a", before), edit("@@ -1 +1 @@\n-3\n+x\n")]);
        assert_eq!((of(&lines, "a").len(), &*lines.unplaced[0]), (0, "a"), "twice, or nowhere");
    }
    let unknown = replayed(&[edit("@@ -1 +1 @@\n-3\n+x\n")]);
    assert_eq!(unknown.unplaced.len(), 1);
}

#[test]
fn what_contradicts_is_not_placed_until_the_file_is_known_again() {
    let cut = "@@ -1,9 +1,9 @@\n a\n-b\n";
    let wrong = "@@ -2 +2 @@\n-nothing like it\n+x\n";
    for bad in [cut, wrong, "no diff"] {
        let events = [create("a", "a\nb\n"), ai("a", bad), human("a", "@@ -1 +1 @@\n-a\n+A\n")];
        let lines = replayed(&events);
        assert_eq!((lines.files.len(), lines.unplaced.len()), (0, 1), "{bad}");
        let lines = replayed(&[&events[..], &[create("a", "z\n")]].concat());
        assert_eq!((of(&lines, "a"), lines.unplaced.len()), (vec!["1-1:3".to_owned()], 0), "{bad}");
    }
    let truncated = change("file_diff", "likely_ai", "cli", json!({"path": "a", "content": "1\n", "contentLength": 9}));
    assert_eq!(replayed(&[truncated]).unplaced.len(), 1);
    let silent = change("file_diff", "likely_ai", "cli", json!({"path": "a", "linesAdded": 2}));
    assert_eq!(replayed(&[silent]).unplaced.len(), 1);
}

#[test]
fn files_are_deleted_and_moved() {
    let delete = change("file_delete", "likely_human", "cli", json!({"path": "a"}));
    let by_diff = change("file_diff", "likely_ai", "codex", json!({"path": "a", "changeType": "delete"}));
    for gone in [delete, by_diff] {
        let lines = replayed(&[create("a", "1\n"), gone]);
        assert_eq!((lines.files.len(), lines.unplaced.len()), (0, 0));
    }
    let to = |path: &str| {
        let data = json!({"path": "a", "movePath": path, "diff": "@@ -1 +1 @@\n-1\n+x\n"});
        replayed(&[create("a", "1\n2\n"), create("b", "9\n"), change("file_diff", "likely_ai", "codex", data)])
    };
    let moved = to("b");
    assert_eq!((of(&moved, "a"), of(&moved, "b")), (vec![], vec!["1-1:2".to_owned(), "2-2:0".to_owned()]));
    assert_eq!(to("/elsewhere").files.len(), 1);
}

#[test]
fn paths_outside_the_repository_and_paths_that_would_be_lines_are_left_out() {
    let odd = ["/etc/passwd", "../x", "a/../../x", "C:\\x", "~/x", "a\nsrc/b\n  h_1 1-9", "a\"b", "\u{7f}", ""];
    let lines = replayed(&odd.map(|path| create(path, "1\n")));
    assert_eq!((lines.files.len(), lines.unplaced.len()), (0, 0));
    assert_eq!(of(&replayed(&[create("./a", "1\n")]), "a"), ["1-1:0"]);
}

#[test]
fn no_diff_makes_it_hold_more_than_its_bounds() {
    let far = ai("a", "@@ -4000000000 +4000000000 @@\n-a\n+b\n");
    let long = create("b", &"x\n".repeat(file::MAX_LINES + 1));
    let filled = change("file_create", "likely_ai", "cli", json!({"path": "c", "linesAdded": 999_999_999}));
    let overflow = ai("d", &format!("@@ -1 +{} @@\n-a\n+b\n", usize::MAX));
    let lines = replayed(&[far, long, filled, overflow]);
    assert_eq!((lines.files.len(), lines.unplaced.len()), (0, 4));
    let mut replay = Replay::default();
    for number in 0..=MAX_LINES / file::MAX_LINES {
        let data = json!({"path": number.to_string(), "linesAdded": file::MAX_LINES});
        replay.add(&change("file_create", "likely_ai", "cli", data));
    }
    assert!(replay.n_lines <= MAX_LINES);
    let lines = replay.finish();
    assert_eq!(lines.unplaced.len(), 1);
}

/// A session with every kind of author.
fn sample() -> Vec<StoredEvent> {
    let by = |attribution: &str, path: &str| {
        change("file_create", attribution, "codex", json!({"path": path, "content": "1\n2\n"}))
    };
    let mut events = vec![
        change("prompt", "unknown", "claude-code", json!({"text": "go", "model": "claude-opus-4-5"})),
        create("src/a b.rs", "1\n2\n3\n4\n5\n"),
        human("src/a b.rs", "@@ -2 +2 @@\n-2\n+two\n"),
        ai("src/a b.rs", "@@ -5 +5,2 @@\n 5\n+6\n"),
        change("ai_response", "likely_ai", "codex", json!({"model": "local model"})),
    ];
    let authors = ["ai_revised_by_human", "mixed", "system_generated", "unknown", "likely_ai"];
    events.extend(authors.map(|attribution| by(attribution, &format!("by/{attribution}"))));
    events.push(create("---", "1\n"));
    events
}

#[test]
fn a_record_names_each_contributor_with_its_lines() {
    let about = agent_trace::About {
        id: Uuid::from_u128(1),
        timestamp: Timestamp::from_millis(0),
        session_id: "s",
        public_url: "https://host",
        tool_version: "1.2.3",
        base: None,
    };
    let events = sample();
    let record = agent_trace::record(&replayed(&events), &about);
    let file = |path: &str| record["files"].as_array().unwrap().iter().find(|file| file["path"] == path).unwrap();
    let mine = &file("src/a b.rs")["conversations"];
    let url = |event: usize| format!("https://host/sessions/s#event-{}", events[event].event.id);
    let related = json!([{"type": "session", "url": "https://host/v1/sessions/s"}]);
    let opus = json!({"type": "ai", "model_id": "anthropic/claude-opus-4-5"});
    let expected = json!([
        {"url": url(1), "contributor": opus, "related": related,
         "ranges": [{"start_line": 1, "end_line": 1}, {"start_line": 3, "end_line": 5}]},
        {"url": url(2), "contributor": {"type": "human"}, "related": related, "ranges": [{"start_line": 2, "end_line": 2}]},
        {"url": url(3), "contributor": opus, "related": related, "ranges": [{"start_line": 6, "end_line": 6}]},
    ]);
    assert_eq!(mine, &expected);
    let kinds =
        [("ai_revised_by_human", "mixed"), ("mixed", "mixed"), ("system_generated", "unknown"), ("unknown", "unknown")];
    for (attribution, kind) in kinds {
        let contributor = &file(&format!("by/{attribution}"))["conversations"][0]["contributor"];
        assert_eq!(contributor, &json!({ "type": kind }), "{attribution}");
    }
    assert_eq!(record["metadata"]["dev.promptster"]["complete"], true);
    assert_eq!(record.get("vcs"), None, "no commit has these lines");
    let commit = "a".repeat(40);
    let git = change("git_action", "unknown", "cli", json!({"action": "commit", "commit": commit}));
    let committed = agent_trace::record(&replayed(&[events, vec![git]].concat()), &about);
    assert_eq!(committed["vcs"], json!({"type": "git", "revision": commit}));
}

#[test]
fn a_note_has_lines_of_assistants_and_persons_and_says_nothing_of_others() {
    let about = git_ai::About { session_id: "s", base: &"b".repeat(40), author: "Avocet <avocet@example.org>" };
    let events = sample();
    let note = git_ai::note(&replayed(&events), &about);
    let trace = |event: usize| sha256(&events[event].event.id.to_string());
    let (claude, codex, avocet) = (sha256("claude:s"), sha256("codex:s"), sha256("Avocet <avocet@example.org>"));
    let attestations = format!(
        "\"---\"\n  s_{claude}::t_{} 1\nby/likely_ai\n  s_{codex}::t_{} 1-2\n\"src/a b.rs\"\n  s_{claude}::t_{} 1,3-5\n  \
         s_{claude}::t_{} 6\n  h_{avocet} 2\n---\n",
        trace(10),
        trace(9),
        trace(1),
        trace(3),
    );
    let (head, metadata) = note.split_at(attestations.len());
    assert_eq!(head, attestations);
    let expected = json!({
        "schema_version": "authorship/3.0.0", "base_commit_sha": "b".repeat(40), "prompts": {},
        "sessions": {
            format!("s_{claude}"): {"agent_id": {"tool": "claude", "id": "s", "model": "claude-opus-4-5"}, "human_author": "Avocet <avocet@example.org>"},
            format!("s_{codex}"): {"agent_id": {"tool": "codex", "id": "s", "model": "unknown"}, "human_author": "Avocet <avocet@example.org>"},
        },
        "humans": {format!("h_{avocet}"): {"author": "Avocet <avocet@example.org>"}},
    });
    assert_eq!(serde_json::from_str::<Value>(metadata).unwrap(), expected);
    let nothing = git_ai::note(&replayed(&[]), &about);
    assert!(nothing.starts_with("---\n{"), "{nothing}");
}

fn sha256(text: &str) -> String {
    crate::signature::message::sha256_hex(text.as_bytes())[..14].to_owned()
}
