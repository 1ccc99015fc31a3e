//! Whose the lines are that a session leaves behind: Agent Trace records and git-ai notes.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::{Candidate, TestApp, User, event_at};
use crate::playing::{START, candidate, post_all};
use crate::uploads;

/// The published schema of Agent Trace 0.1.0 (agent-trace.dev, section 6.1), but for the pattern of the version: it forbids
/// the "0.1.0" of its own examples.
fn published_schema() -> Value {
    let contributor = json!({"type": "object", "required": ["type"], "properties": {
        "type": {"type": "string", "enum": ["human", "ai", "mixed", "unknown"]},
        "model_id": {"type": "string", "maxLength": 250},
    }});
    let range = json!({"type": "object", "required": ["start_line", "end_line"], "properties": {
        "start_line": {"type": "integer", "minimum": 1}, "end_line": {"type": "integer", "minimum": 1},
        "content_hash": {"type": "string"}, "contributor": contributor,
    }});
    let related = json!({"type": "object", "required": ["type", "url"], "properties": {
        "type": {"type": "string"}, "url": {"type": "string", "format": "uri"},
    }});
    let conversation = json!({"type": "object", "required": ["ranges"], "properties": {
        "url": {"type": "string", "format": "uri"}, "contributor": contributor,
        "ranges": {"type": "array", "items": range}, "related": {"type": "array", "items": related},
    }});
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "required": ["version", "id", "timestamp", "files"],
        "properties": {
            "version": {"type": "string", "pattern": "^[0-9]+\\.[0-9]+(\\.[0-9]+)?$"},
            "id": {"type": "string", "format": "uuid"},
            "timestamp": {"type": "string", "format": "date-time"},
            "vcs": {"type": "object", "required": ["type", "revision"], "properties": {
                "type": {"type": "string", "enum": ["git", "jj", "hg", "svn"]}, "revision": {"type": "string"},
            }},
            "tool": {"type": "object", "properties": {"name": {"type": "string"}, "version": {"type": "string"}}},
            "files": {"type": "array", "items": {"type": "object", "required": ["path", "conversations"], "properties": {
                "path": {"type": "string"}, "conversations": {"type": "array", "items": conversation},
            }}},
            "metadata": {"type": "object"},
        },
    })
}

fn is_key(key: &str, prefix: &str) -> bool {
    let digits = key.strip_prefix(prefix).unwrap_or_default();
    digits.len() == 14 && digits.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// Holds a note against the Git AI Standard 3.0.0, sections 1.2.2 to 1.2.4. Answers path, key and ranges of each entry, and
/// the metadata.
fn check_note(note: &str) -> (Vec<(String, String, String)>, Value) {
    let (head, metadata) = match note.strip_prefix("---\n") {
        Some(metadata) => ("", metadata),
        None => note.split_once("\n---\n").expect("a line between the sections"),
    };
    let metadata: Value = serde_json::from_str(metadata).unwrap();
    assert_eq!((&metadata["schema_version"], &metadata["prompts"]), (&json!("authorship/3.0.0"), &json!({})));
    assert!(metadata["base_commit_sha"].as_str().is_some_and(|sha| !sha.is_empty()));
    let (mut entries, mut path, mut used) = (Vec::new(), None, BTreeSet::new());
    for line in head.lines() {
        let Some(entry) = line.strip_prefix("  ") else {
            let quoted = line.strip_prefix('"').and_then(|line| line.strip_suffix('"'));
            assert!(quoted.is_some() || !line.contains([' ', '\t']), "{line}");
            path = Some(quoted.unwrap_or(line).to_owned());
            continue;
        };
        let (key, ranges) = entry.split_once(' ').unwrap();
        let (of, kind) = match key.split_once("::") {
            Some((session, trace)) => {
                assert!(is_key(session, "s_") && is_key(trace, "t_"), "{key}");
                (session, "sessions")
            }
            None => {
                assert!(is_key(key, "h_"), "{key}");
                (key, "humans")
            }
        };
        assert!(metadata[kind][of].is_object(), "{key} is in no metadata");
        used.insert(of.to_owned());
        let mut before = 0;
        for range in ranges.split(',') {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let (first, last): (u32, u32) = (first.parse().unwrap(), last.parse().unwrap());
            assert!(before < first && first <= last && (first == last) != range.contains('-'), "{ranges}");
            before = last;
        }
        entries.push((path.clone().expect("a path before it"), key.to_owned(), ranges.to_owned()));
    }
    for (kind, members) in [("sessions", &["agent_id", "human_author"][..]), ("humans", &["author"])] {
        for (key, record) in metadata[kind].as_object().unwrap() {
            assert!(used.contains(key), "{key} wrote nothing");
            assert!(members.iter().all(|member| !record[*member].is_null()), "{record}");
        }
    }
    (entries, metadata)
}

fn path(of: &Candidate, format: &str) -> String {
    format!("/v1/sessions/{}/export?format={format}", of.session)
}

async fn export(user: &User, of: &Candidate, format: &str) -> String {
    let reply = user.get(&path(of, format)).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.text
}

/// A candidate whose assistant makes a file, in which the candidate changes a line, and who made something by hand.
async fn pair(app: &TestApp) -> Candidate {
    let avocet = candidate(app).await;
    let made = |second: i64, kind: &str, by: (&str, &str), data: Value| {
        let mut event = event_at(&avocet.session, START + second * 1000, kind, data);
        event["source"] = json!(by.0);
        event["provenance"] = json!({"attribution": by.1});
        event
    };
    let (claude, hand) = (("claude-code", "likely_ai"), ("cli", "likely_human"));
    // Not in the order in which it happened.
    let sent = [
        made(3, "file_diff", hand, json!({"path": "src/a b.rs", "diff": "@@ -2 +2 @@\n-two\n+zwei\n"})),
        made(1, "prompt", ("claude-code", "unknown"), json!({"text": "go", "model": "claude-opus-4-5"})),
        made(2, "file_create", claude, json!({"path": "src/a b.rs", "content": "one\ntwo\nthree\n"})),
        made(4, "file_diff", hand, json!({"path": "by_hand", "diff": "@@ -0,0 +1,2 @@\n+x\n+y\n"})),
        made(5, "file_diff", claude, json!({"path": "lost", "linesAdded": 3})),
    ];
    post_all(&avocet, &sent).await;
    avocet
}

#[tokio::test]
async fn a_record_has_the_published_shape_and_says_who_wrote_which_lines() {
    let app = TestApp::start().await;
    let (avocet, reviewer) = (pair(&app).await, app.reviewer());
    let running = export(&reviewer, &avocet, "agent-trace").await;
    avocet.complete().await.expect(200);
    let reply = reviewer.get(&path(&avocet, "agent-trace")).await;
    assert_eq!(reply.header("content-type"), "application/vnd.agent-trace.record+json");
    let name = format!("attachment; filename=\"session-{}.agent-trace.json\"", avocet.session);
    assert_eq!(reply.header("content-disposition"), name);
    let record: Value = serde_json::from_str(&reply.text).unwrap();
    let validator = jsonschema::options().should_validate_formats(true).build(&published_schema()).unwrap();
    for record in [&record, &serde_json::from_str(&running).unwrap()] {
        let faults: Vec<String> = validator.iter_errors(record).map(|error| error.to_string()).collect();
        assert!(faults.is_empty(), "{faults:?} in {record}");
    }
    let who = |file: &Value| -> Vec<(Value, Value)> {
        let conversations = file["conversations"].as_array().unwrap().iter();
        conversations.map(|talk| (talk["contributor"].clone(), talk["ranges"].clone())).collect()
    };
    let range = |first: u32, last: u32| json!({"start_line": first, "end_line": last});
    let files = record["files"].as_array().unwrap();
    assert_eq!(files.iter().map(|file| file["path"].as_str().unwrap()).collect::<Vec<_>>(), ["by_hand", "src/a b.rs"]);
    assert_eq!(who(&files[0]), [(json!({"type": "human"}), json!([range(1, 2)]))]);
    let opus = json!({"type": "ai", "model_id": "anthropic/claude-opus-4-5"});
    let both = [(opus, json!([range(1, 1), range(3, 3)])), (json!({"type": "human"}), json!([range(2, 2)]))];
    assert_eq!(who(&files[1]), both);
    let own = json!({"sessionId": avocet.session, "baseRevision": null, "unplaced": ["lost"], "complete": false});
    assert_eq!(record["metadata"]["dev.promptster"], own);
    assert_eq!(export(&reviewer, &avocet, "agent-trace").await, reply.text, "the same each time");
}

#[tokio::test]
async fn a_note_has_the_published_shape_and_needs_the_commit_that_it_is_about() {
    let app = TestApp::start().await;
    let (avocet, reviewer) = (pair(&app).await, app.reviewer());
    reviewer.get(&path(&avocet, "git-ai")).await.refused(409, "no_commit");
    let noted = "3f9a1bc".repeat(5) + "01234";
    let commit = json!({"sessionId": avocet.session, "commitSha": noted});
    avocet.post("/v1/candidate/workspace-commit", commit).await.expect(200);
    let reply = reviewer.get(&path(&avocet, "git-ai")).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, "text/plain; charset=utf-8"));
    let (entries, metadata) = check_note(&reply.text);
    assert_eq!(metadata["base_commit_sha"], noted);
    let shown: Vec<_> = entries.iter().map(|(path, key, ranges)| (&**path, &key[..2], &**ranges)).collect();
    assert_eq!(shown, [("by_hand", "h_", "1-2"), ("src/a b.rs", "s_", "1,3"), ("src/a b.rs", "h_", "2")]);
    let session = metadata["sessions"].as_object().unwrap().values().next().unwrap();
    assert_eq!(session["agent_id"], json!({"tool": "claude", "id": avocet.session, "model": "claude-opus-4-5"}));
    assert_eq!(export(&reviewer, &avocet, "git-ai").await, reply.text, "the same each time");

    // What was handed in knows better.
    let bundle = b"\x1f\x8bbundle";
    let (address, key) = uploads::upload(&avocet).await;
    uploads::put(&app, &address, bundle).await.expect(200);
    let mut handed_in = uploads::submission(&avocet, &key, bundle);
    handed_in["baseSha"] = "b".repeat(40).into();
    uploads::submit(&avocet, handed_in).await.expect(200);
    let (_, metadata) = check_note(&export(&reviewer, &avocet, "git-ai").await);
    assert_eq!(metadata["base_commit_sha"], "b".repeat(40));
    let record: Value = serde_json::from_str(&export(&reviewer, &avocet, "agent-trace").await).unwrap();
    assert_eq!(record["metadata"]["dev.promptster"]["baseRevision"], "b".repeat(40));
}

#[tokio::test]
async fn a_session_without_changes_has_an_empty_record_and_an_empty_note() {
    let app = TestApp::start().await;
    let (avocet, reviewer) = (candidate(&app).await, app.reviewer());
    let commit = json!({"sessionId": avocet.session, "commitSha": "3f9a1bc"});
    avocet.post("/v1/candidate/workspace-commit", commit).await.expect(200);
    let record: Value = serde_json::from_str(&export(&reviewer, &avocet, "agent-trace").await).unwrap();
    assert_eq!(record["files"], json!([]));
    let (entries, metadata) = check_note(&export(&reviewer, &avocet, "git-ai").await);
    assert!(entries.is_empty() && metadata["sessions"] == json!({}), "{metadata}");
}

#[tokio::test]
async fn only_reviewers_of_the_organisation_see_whose_the_lines_are() {
    let app = TestApp::start().await;
    let avocet = pair(&app).await;
    for format in ["agent-trace", "git-ai"] {
        avocet.get(&path(&avocet, format)).await.refused(403, "reviewer_only");
        app.other_org().await.get(&path(&avocet, format)).await.refused(404, "not_found");
        app.anonymous().get(&path(&avocet, format)).await.refused(401, "unauthorized");
    }
    app.reviewer().delete(&format!("/v1/sessions/{}", avocet.session)).await.expect(200);
    for format in ["agent-trace", "git-ai"] {
        app.reviewer().get(&path(&avocet, format)).await.refused(404, "not_found");
    }
}
