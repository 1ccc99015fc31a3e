//! A rollout with a bit of everything.

use super::{Reading, ending};
use serde_json::{Value, json};
use std::path::Path;

fn told(lines: &[(&str, Value)]) -> Vec<(&'static str, Value)> {
    let since = "2026-01-01T10:00:00Z".parse().unwrap();
    let mut reading = Reading::of(Path::new("/w"), since);
    let mut drafts = Vec::new();
    for (n, (kind, payload)) in lines.iter().enumerate() {
        let ts = format!("2026-01-01T10:00:{n:02}Z");
        reading.add(&json!({ "timestamp": ts, "type": kind, "payload": payload }).to_string(), &mut drafts);
    }
    reading.finish(&mut drafts);
    drafts
        .into_iter()
        .map(|mut draft| {
            draft.data.remove("meta");
            (draft.kind, Value::Object(draft.data))
        })
        .collect()
}

fn meta(cwd: &str) -> (&'static str, Value) {
    ("session_meta", json!({ "id": "x1", "cwd": cwd, "cli_version": "1" }))
}

#[test]
fn a_session_elsewhere_is_nobodys_business() {
    let prompt = ("event_msg", json!({ "type": "user_message", "message": "hello" }));
    assert_eq!(told(&[meta("/other"), prompt.clone()]), []);
    assert_eq!(told(std::slice::from_ref(&prompt)), []);
    assert_eq!(told(&[meta("/w/sub"), prompt]).len(), 2);
}

#[test]
fn prompts_answers_with_tokens_commands_and_patches_are_told() {
    let usage = json!({ "input_tokens": 100, "cached_input_tokens": 60, "output_tokens": 7 });
    let call = json!({ "type": "function_call", "name": "exec_command", "call_id": "c1", "arguments": "{\"cmd\":\"pytest\"}" });
    let output = json!({ "type": "function_call_output", "call_id": "c1",
                         "output": "Process exited with code 1\nOutput:\n1 failed, 2 passed in 0.1s" });
    let changes = json!({ "/w/a.py": { "type": "update", "unified_diff": "@@ -1 +1,2 @@\n-a\n+b\n+c\n" },
                          "/w/n.py": { "type": "add", "content": "x\n" } });
    let told = told(&[
        meta("/w"),
        ("turn_context", json!({ "model": "gpt-x" })),
        ("event_msg", json!({ "type": "user_message", "message": "fix it" })),
        ("event_msg", json!({ "type": "agent_message", "message": "On it." })),
        ("event_msg", json!({ "type": "token_count", "info": { "last_token_usage": usage } })),
        ("response_item", call),
        ("response_item", output),
        ("event_msg", json!({ "type": "patch_apply_end", "call_id": "c2", "success": true, "changes": changes })),
        ("event_msg", json!({ "type": "turn_aborted", "reason": "interrupted" })),
    ]);
    let kinds: Vec<_> = told.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(
        kinds,
        ["session_start", "prompt", "ai_response", "command", "file_diff", "file_create", "interrupt"],
        "{told:#?}"
    );
    assert_eq!(told[2].1["usage"], json!({ "inputTokens": 40, "outputTokens": 7, "cacheReadTokens": 60 }));
    assert_eq!((&told[3].1["command"], &told[3].1["exitCode"]), (&json!("pytest"), &json!(1)));
    assert_eq!(
        (&told[4].1["path"], &told[4].1["linesAdded"], &told[4].1["linesRemoved"]),
        (&json!("a.py"), &json!(2), &json!(1))
    );
}

#[test]
fn the_exit_code_is_read_from_every_version_and_unknown_where_it_is() {
    assert_eq!(ending(r#"{"output":"a","metadata":{"exit_code":2}}"#), (Some(2), "a".to_owned()));
    assert_eq!(ending("Exit code: 0\nWall time: 1 s\nOutput:\nok"), (Some(0), "ok".to_owned()));
    assert_eq!(ending("Process running with session ID 7\nOutput:\n"), (None, String::new()));
    assert_eq!(ending("exit code: 3 is only talk"), (None, "exit code: 3 is only talk".to_owned()));
}

#[test]
fn the_end_of_a_command_and_its_output_are_one_event() {
    let call = json!({ "type": "function_call", "name": "shell", "call_id": "c1",
                       "arguments": "{\"command\":[\"bash\",\"-lc\",\"ls\"]}" });
    let end = json!({ "type": "exec_command_end", "call_id": "c1", "exit_code": 0, "aggregated_output": "a" });
    let output = json!({ "type": "function_call_output", "call_id": "c1", "output": "Exit code: 0\nOutput:\na" });
    let told = told(&[meta("/w"), ("response_item", call), ("event_msg", end), ("response_item", output)]);
    let commands: Vec<_> = told.iter().filter(|(kind, _)| *kind == "command").collect();
    assert_eq!(commands.len(), 1);
    assert_eq!((&commands[0].1["command"], &commands[0].1["exitCode"]), (&json!("ls"), &json!(0)));
}
