//! A candidate's life: the real binary against the real server with its real stores.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod candidate;
mod doctor;
mod faults;
mod rails;
mod server;
mod shell;
mod watching;

use candidate::Candidate;
use serde_json::{Value, json};
use server::{Server, Wire};
use std::process::Command;

fn claude(event: &str, fields: Value) -> Value {
    let mut payload = json!({ "hook_event_name": event, "session_id": "c1", "prompt_id": "p1" });
    payload.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    payload
}

fn tool(id: &str, name: &str, input: Value, response: Value) -> Value {
    claude(
        "PostToolUse",
        json!({ "tool_name": name, "tool_use_id": id, "tool_input": input, "tool_response": response, "duration_ms": 12 }),
    )
}

fn cursor(event: &str, fields: Value) -> Value {
    let mut payload = json!({ "hook_event_name": event, "conversation_id": "k1", "generation_id": "g1", "cursor_version": "2.4",
                              "user_email": "somebody@example.com", "model": "default" });
    payload.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    payload
}

/// The events of a kind.
fn of<'a>(timeline: &'a [Value], kind: &str) -> Vec<&'a Value> {
    timeline.iter().filter(|event| event["kind"] == kind).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_from_start_to_done() {
    let server = Server::start();
    let wire = Wire::to(&server).await;
    let (avocet, key) = (Candidate::new(), server.key().await);
    let before = avocet.files();
    let session = avocet.start(&wire, &key).await;
    assert!(avocet.root.join("TASK.md").exists() && avocet.root.join(".cursor/hooks.json").exists());
    let brief = avocet.run(&["task"], "").await;
    assert!(brief.out.contains("Make the tests pass."), "{}", brief.out);

    avocet.hook("claude-code", claude("SessionStart", json!({ "source": "startup", "model": "opus" }))).await;
    avocet.hook("claude-code", claude("UserPromptSubmit", json!({ "prompt": "fix it" }))).await;
    let bash = |command: &str| json!({ "command": command });
    avocet.hook("claude-code", tool("t1", "Bash", bash("ls"), json!({ "stdout": "a.py", "stderr": "" }))).await;
    let failed = json!({ "tool_name": "Bash", "tool_use_id": "t2", "tool_input": bash("pytest -q"), "duration_ms": 900,
                         "error": "Exit code 1\n1 failed, 2 passed in 0.10s" });
    avocet.hook("claude-code", claude("PostToolUseFailure", failed)).await;
    avocet.until(|status| status["waiting"] == 0 && status["streamer"]["link"] == "connected").await;

    // Hours without a network, in which the streamer dies as well.
    wire.cut();
    let file = avocet.root.join("a.py");
    let edit = json!({ "file_path": file, "old_string": "return x", "new_string": "return sum(x)" });
    let response = json!({ "filePath": file, "oldString": "return x", "newString": "return sum(x)", "originalFile": "def total(x):\n    return x\n",
                           "structuredPatch": [{ "oldStart": 2, "oldLines": 1, "newStart": 2, "newLines": 1, "lines": ["-    return x", "+    return sum(x)"] }],
                           "userModified": true });
    let edited = tool("t3", "Edit", edit, response);
    avocet.hook("claude-code", edited.clone()).await;
    let status = avocet.until(|status| status["streamer"]["link"] == "offline").await;
    let pid = status["streamer"]["pid"].as_u64().unwrap().to_string();
    assert!(Command::new("kill").args(["-9", &pid]).status().unwrap().success());
    // The same act seen twice is one event.
    avocet.hook("claude-code", edited).await;
    let new = json!({ "file_path": avocet.root.join("new.py"), "content": "K = 'AKIA2E0A8F3B244C9986'\n" });
    avocet
        .hook(
            "claude-code",
            tool(
                "t4",
                "Write",
                new.clone(),
                json!({ "type": "create", "content": new["content"], "originalFile": null }),
            ),
        )
        .await;
    avocet.hook("claude-code", tool("t5", "mcp__db__query", json!({ "q": 1 }), json!("rows"))).await;
    assert_eq!(
        avocet.hook("cursor", cursor("beforeSubmitPrompt", json!({ "prompt": "and the other" }))).await,
        "{\"continue\":true}\n"
    );
    let edits = json!([{ "old_string": "a", "new_string": "b" }]);
    let change = cursor("afterFileEdit", json!({ "file_path": avocet.root.join("b.py"), "edits": edits }));
    assert_eq!(avocet.hook("cursor", change.clone()).await, "{}\n");
    // Cursor runs the hooks of Claude Code as well.
    assert_eq!(avocet.hook("claude-code", change).await, "");
    avocet
        .hook("cursor", cursor("afterShellExecution", json!({ "command": "ls", "output": "b.py", "duration": 12.75 })))
        .await;
    let why = claude("UserPromptExpansion", json!({ "command_name": "explain", "command_args": "sums are faster" }));
    assert!(avocet.hook("claude-code", why).await.contains("\"decision\":\"block\""));
    assert_eq!(avocet.run(&["explain", "--quiet", "because"], "").await.code, 0);
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "capture_decision",
                       "arguments": { "title": "Sum", "chosenOption": "builtin", "impactScore": 4 } } });
    let answer = avocet.run(&["mcp"], &format!("{call}\n")).await.json();
    assert_eq!(answer["result"]["isError"], false, "{answer}");
    avocet.hook("claude-code", claude("Stop", json!({ "last_assistant_message": "Done." }))).await;
    let waiting = avocet.run(&["status", "--json"], "").await.json();
    assert!(waiting["waiting"].as_u64().unwrap() >= 10, "{waiting}");
    wire.mend();
    avocet.until(|status| status["waiting"] == 0).await;
    let verified = avocet.run(&["verify"], "").await;
    assert_eq!(verified.code, 0, "{}", verified.out);

    let done = avocet.run(&["done", "--no-input", "--json"], "").await.json();
    assert_eq!(
        (&done["ok"], &done["refused"], &done["lost"], &done["files"]),
        (&json!(true), &json!(0), &json!(0), &json!(2)),
        "{done}"
    );
    assert_eq!(done["undocumented"][0]["title"], "Sum", "{done}");
    let after = avocet.files();
    let changed: Vec<_> =
        before.iter().filter(|(name, text)| after.get(*name) != Some(*text)).map(|(name, _)| name).collect();
    let added: Vec<_> = after.keys().filter(|name| !before.contains_key(*name)).collect();
    assert!(changed.is_empty() && added.is_empty(), "{changed:?} {added:?}");

    let timeline = server.timeline(&session).await;
    let count = |kind| of(&timeline, kind).len();
    assert_eq!(
        ["prompt", "command", "test_run", "file_diff", "file_create"].map(count),
        [2, 3, 0, 2, 1],
        "{timeline:#?}"
    );
    assert_eq!(["mcp_call", "decision_event", "ai_response", "session_start"].map(count), [1, 3, 1, 2]);
    let commands = of(&timeline, "command");
    let test = &commands[1]["data"];
    assert_eq!(
        (&test["passed"], &test["failed"], &test["exitCode"], &test["durationMs"]),
        (&json!(2), &json!(1), &json!(1), &json!(900))
    );
    let signals = server.get(&format!("/v1/sessions/{session}/signals")).await;
    let value = |name: &str| signals["signals"][name]["value"].clone();
    assert_eq!(
        ["commandCount", "commandFailCount", "testRunCount", "testsPassedAtEnd"].map(value),
        [json!(3), json!(1), json!(1), json!(false)],
        "{signals}"
    );
    assert_eq!((&commands[0]["data"]["exitCode"], &commands[2]["data"]["exitCode"]), (&json!(0), &Value::Null));
    let open = of(&timeline, "checkpoint")[0];
    assert_eq!(open["data"]["summary"], "No reason was given for: Sum");
    let edit = of(&timeline, "file_diff")[0];
    assert_eq!(
        (&edit["provenance"]["attribution"], &edit["data"]["path"]),
        (&json!("ai_revised_by_human"), &json!("a.py"))
    );
    assert_eq!(of(&timeline, "file_create")[0]["data"]["content"], "K = '[redacted:aws-key]'\n");
    assert!(timeline.iter().all(|event| event["sigVerified"] == true && !event.to_string().contains("somebody@")));
    let verify = ["verify", &session, "--server", &server.url, "--key", &key];
    assert_eq!(avocet.run(&verify, "").await.code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_hooks_at_once_and_a_streamer_killed_again_and_again_lose_and_double_nothing() {
    let server = Server::start();
    let wire = Wire::to(&server).await;
    let (avocet, key) = (Candidate::new(), server.key().await);
    let session = avocet.start(&wire, &key).await;
    for round in 0..4 {
        let hooks = (0..25).map(|n| {
            let n = round * 25 + n;
            avocet.hook(
                "claude-code",
                tool(&format!("t{n}"), "Bash", json!({ "command": format!("echo {n}") }), json!({ "stdout": "" })),
            )
        });
        futures_util::future::join_all(hooks).await;
        let status = avocet.run(&["status", "--json"], "").await.json();
        let _ = Command::new("kill").args(["-9", &status["streamer"]["pid"].to_string()]).status();
    }
    avocet.until(|status| status["waiting"] == 0).await;
    let timeline = server.timeline(&session).await;
    let mut commands: Vec<_> =
        of(&timeline, "command").iter().map(|event| event["data"]["command"].to_string()).collect();
    commands.sort();
    commands.dedup();
    assert_eq!((commands.len(), of(&timeline, "command").len()), (100, 100));
    assert_eq!(avocet.run(&["verify"], "").await.code, 0);
    let abort = avocet.run(&["abort", "--json"], "").await.json();
    assert_eq!(abort["ok"], true, "{abort}");
    assert_eq!(avocet.run(&["status"], "").await.code, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_is_told_by_name() {
    let avocet = Candidate::new();
    let told = |printed: candidate::Printed| (printed.code, printed.err);
    let (code, error) = told(avocet.run(&["status"], "").await);
    assert!(code == 1 && error.contains("promptster start <KEY>"), "{error}");
    let (code, error) = told(avocet.run(&["start", "PST-AAAA", "--server", "http://127.0.0.1:1"], "").await);
    assert!(code == 2 && error.contains("a key looks like PST-AB12-CD34"), "{error}");
    let (code, error) = told(avocet.run(&["start", "PST-AAAA-BBBB", "--server", "http://127.0.0.1:1"], "").await);
    assert!(code == 1 && error.contains("cannot be reached"), "{error}");
    // A hook outside of any session, and one with nonsense, stand in nobody's way.
    assert_eq!(avocet.hook("claude-code", claude("Stop", json!({}))).await, "");
    let printed = avocet.run(&["hook", "cursor"], "{ no json").await;
    assert_eq!((printed.code, printed.out.as_str(), printed.err.as_str()), (0, "{}\n", ""));
    assert!(!avocet.root.join(".promptster").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn called_with_nothing_it_shows_what_there_is() {
    let nobody = Candidate::new();
    let printed = nobody.run(&[], "").await;
    assert!(printed.code == 2 && printed.err.contains("doctor") && printed.err.contains("watch"), "{}", printed.err);
    let version = nobody.run(&["version"], "").await;
    assert_eq!(version.out, format!("promptster {}\n", env!("CARGO_PKG_VERSION")));
}
