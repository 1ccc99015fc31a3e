//! What the rails in the background see: transcripts, rollouts, files, and a shell; each act once.

use crate::candidate::Candidate;
use crate::server::{Server, Wire};
use crate::{claude, of, tool};
use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Appends lines to a file of a tool.
fn append(path: &Path, lines: &[Value]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut file = fs::OpenOptions::new().append(true).create(true).open(path).unwrap();
    for line in lines {
        writeln!(file, "{line}").unwrap();
    }
}

/// A line of a transcript of Claude Code.
fn line(avocet: &Candidate, uuid: &str, kind: &str, message: Value) -> Value {
    json!({ "type": kind, "uuid": uuid, "timestamp": now(), "sessionId": "c1", "cwd": avocet.root, "message": message })
}

fn reply(avocet: &Candidate, uuid: &str, text: &str, tokens: u64) -> Value {
    let message = json!({ "id": format!("m-{uuid}"), "role": "assistant", "model": "opus",
                          "content": [{ "type": "text", "text": text }], "usage": { "output_tokens": tokens } });
    line(avocet, uuid, "assistant", message)
}

fn now() -> String {
    chrono::Utc::now().to_rfc3339()
}

fn transcript(avocet: &Candidate) -> PathBuf {
    let dash = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let name: String = avocet.root.to_str().unwrap().chars().map(dash).collect();
    avocet.home().join(".claude/projects").join(name).join("c1.jsonl")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_act_is_told_once_whatever_rails_see_it() {
    let server = Server::start();
    let wire = Wire::to(&server).await;
    let (avocet, key) = (Candidate::new(), server.key().await);
    let session = avocet.start(&wire, &key).await;
    avocet.until(|status| status["waiting"] == 0 && status["streamer"]["link"] == "connected").await;
    tokio::time::sleep(std::time::Duration::from_millis(1_200)).await;

    // Claude Code: by hooks and by its transcript.
    let path = transcript(&avocet);
    let hook = |mut payload: Value| {
        payload["transcript_path"] = path.to_str().unwrap().into();
        payload
    };
    let bash = json!({ "command": "ls" });
    append(&path, &[line(&avocet, "u0", "user", json!({ "role": "user", "content": "fix it" }))]);
    avocet.hook("claude-code", hook(claude("UserPromptSubmit", json!({ "prompt": "fix it" })))).await;
    append(&path, &[reply(&avocet, "a1", "I look around first.", 11)]);
    let call = json!({ "id": "m-a2", "role": "assistant", "model": "opus", "usage": { "output_tokens": 5 },
                       "content": [{ "type": "tool_use", "id": "t1", "name": "Bash", "input": bash }] });
    append(&path, &[line(&avocet, "a2", "assistant", call)]);
    let mut result = line(
        &avocet,
        "u1",
        "user",
        json!({ "role": "user", "content": [{ "type": "tool_result", "tool_use_id": "t1", "content": "a.py" }] }),
    );
    result["toolUseResult"] = json!({ "stdout": "a.py", "stderr": "" });
    append(&path, &[result]);
    avocet.hook("claude-code", hook(tool("t1", "Bash", bash, json!({ "stdout": "a.py", "stderr": "" })))).await;
    append(&path, &[reply(&avocet, "a3", "Done.", 7)]);
    avocet.hook("claude-code", hook(claude("Stop", json!({ "last_assistant_message": "Done." })))).await;
    // Only the transcript tells of an interrupt; and what was before the session is left out.
    let cut = json!({ "role": "user", "content": [{ "type": "text", "text": "[Request interrupted by user]" }] });
    let mut before = line(&avocet, "u9", "user", json!({ "role": "user", "content": "an older secret of mine" }));
    before["timestamp"] = "2026-01-01T00:00:00Z".into();
    append(&path, &[before, line(&avocet, "u2", "user", cut)]);
    // A subagent costs tokens.
    let mut aside = reply(&avocet, "s1", "I search.", 100);
    aside["isSidechain"] = true.into();
    append(&path.with_extension("").join("subagents/agent-1.jsonl"), &[aside]);

    // Codex.
    let rollout = |kind: &str, payload: Value| json!({ "timestamp": now(), "type": kind, "payload": payload });
    let patch = json!({ avocet.root.join("c.py").to_str().unwrap(): { "type": "add", "content": "x = 1\n" } });
    fs::write(avocet.root.join("c.py"), "x = 1\n").unwrap();
    append(
        &avocet.home().join(".codex/sessions/2026/01/01/rollout-1.jsonl"),
        &[
            rollout("session_meta", json!({ "id": "x1", "cwd": avocet.root })),
            rollout("event_msg", json!({ "type": "user_message", "message": "add c" })),
            rollout(
                "event_msg",
                json!({ "type": "patch_apply_end", "call_id": "p1", "success": true, "changes": patch }),
            ),
        ],
    );

    // By hand, in an editor and in a shell.
    fs::write(avocet.root.join("a.py"), "def total(x):\n    return sum(x)\n").unwrap();
    let typed = ["hook", "shell", "--exit", "3", "--took", "12", "--mark", "1:1", "--", "git stash"];
    avocet.run(&typed, "").await;
    avocet.run(&typed, "").await;

    let done = avocet.run(&["done", "--no-input", "--json"], "").await;
    assert_eq!(done.json()["ok"], true, "{} {}", done.out, done.err);
    let timeline = server.timeline(&session).await;
    let told = |kind: &str, field: &str| {
        let mut words: Vec<_> = of(&timeline, kind).iter().map(|event| event["data"][field].to_string()).collect();
        words.sort();
        words
    };
    assert_eq!(told("prompt", "text"), ["\"add c\"", "\"fix it\""], "{timeline:#?}");
    assert_eq!(told("ai_response", "text"), ["\"Done.\"", "\"I look around first.\""], "{timeline:#?}");
    assert_eq!(
        told("ai_response", "usage"),
        ["{\"outputTokens\":11}", "{\"outputTokens\":12}"],
        "silent requests count"
    );
    assert_eq!(told("subagent_usage", "outputTokens"), ["100"]);
    assert_eq!(told("command", "command"), ["\"git stash\"", "\"ls\""]);
    assert_eq!(told("interrupt", "subtype"), ["\"generation\""]);
    assert_eq!(
        (told("file_create", "path"), told("file_diff", "path")),
        (vec!["\"c.py\"".into()], vec!["\"a.py\"".into()])
    );
    let edit = of(&timeline, "file_diff")[0];
    assert_eq!((&edit["provenance"]["attribution"], &edit["data"]["linesAdded"]), (&json!("likely_human"), &json!(1)));
    let typed = of(&timeline, "command").into_iter().find(|event| event["source"]["channel"] == "terminal").unwrap();
    assert_eq!((&typed["data"]["exitCode"], &typed["actor"]["type"]), (&json!(3), &json!("human")));
    assert!(timeline.iter().all(|event| event["sigVerified"] == true));
}
