//! What the client emits in one session: each kind with the members, the actor and the provenance that it has.

use serde_json::{Value, json};

/// An event before it gets its id, its time and its signature.
pub struct Emitted {
    pub source: &'static str,
    pub kind: &'static str,
    pub data: Value,
    pub actor: Value,
    /// `null` when the member is absent.
    pub provenance: Value,
}

#[derive(Clone, Copy)]
pub enum Actor {
    Human,
    Assistant,
    System,
}

use Actor::{Assistant as A, Human as H, System as S};

pub fn emitted(source: &'static str, kind: &'static str, data: Value, actor: Actor, provenance: Value) -> Emitted {
    let actor = match actor {
        H => json!({"type": "human", "role": "candidate"}),
        A => json!({"type": "ai", "role": "assistant"}),
        S => json!({"type": "system", "role": "session"}),
    };
    Emitted { source, kind, data, actor, provenance }
}

fn provenance(attribution: &str, confidence: f64, observability: &str, methods: &[&str]) -> Value {
    json!({"attribution": attribution, "confidence": confidence, "observability": observability, "methods": methods})
}

pub fn by_human() -> Value {
    provenance("likely_human", 0.8, "medium", &["hook"])
}

/// Forty events of the command-line client, in the order in which it signs them.
#[rustfmt::skip]
pub fn forty() -> Vec<Emitted> {
    const NONE: Value = Value::Null;
    let pa = || provenance("likely_ai", 0.9, "high", &["hook"]);
    let ph = by_human;
    let transcript = || provenance("likely_ai", 0.9, "high", &["transcript-jsonl"]);
    let lane = || json!({"ideSessionId": "ide-1", "cwd": "/workspace/task"});
    vec![
        emitted("cli", "session_start", json!({"editorCapture": {"status": "ok", "installed": ["code"], "extensionVersion": "1.4.0"}, "editorVersion": "promptster-cli"}), S, NONE),
        emitted("claude-code", "session_start", json!({"ideSessionId": "ide-1", "model": "claude-opus-4-5", "source": "startup", "cwd": "/workspace/task", "consentToIntegrity": true, "meta": lane()}), S, NONE),
        emitted("codex", "session_start", json!({"ideSessionId": "ide-2", "cwd": "/workspace/task", "source": "cli", "cliVersion": "0.50.0", "model": "gpt-5"}), S, NONE),
        emitted("cursor", "session_start", json!({"cursorSessionId": "c-1", "composerMode": "agent"}), S, NONE),
        emitted("claude-code", "prompt", json!({"text": "Why does <Parser> & \"Lexer\" fail\u{2028}here?\tö 🦀", "meta": {"ideSessionId": "ide-1", "model": "claude-opus-4-5", "permissionMode": "default", "promptSource": "typed", "cwd": "/workspace/task"}, "promptLengthChars": 41}), H, ph()),
        emitted("cursor", "prompt", json!({"text": "Rename it", "conversationId": "conv-1", "generationId": "gen-1"}), H, ph()),
        emitted("codex", "prompt", json!({"text": "Add a test for a[i] < b[j] && c > d", "promptLengthChars": 35, "timeSinceLastPromptMs": 4200, "likelyPaste": false}), H, ph()),
        emitted("claude-code", "ai_response", json!({"lastAssistantMessage": "It is the escaping of `&`.", "stopHookActive": false, "stopReason": "end_turn", "inputTokens": 1200, "outputTokens": 84, "cacheReadTokens": 9000, "totalCost": 0.0123, "turnDurationMs": 5100, "meta": lane()}), A, NONE),
        emitted("claude-code", "ai_response", json!({"lastAssistantMessage": "Cut here \u{fffd}", "usageScope": "request", "model": "claude-opus-4-5", "requestId": "req-1", "inputTokens": 10, "outputTokens": 20, "cacheWrite5mTokens": 0, "meta": lane()}), A, transcript()),
        emitted("codex", "ai_response", json!({"lastAssistantMessage": "Done", "inputTokens": 400, "outputTokens": 12, "reasoningTokens": 64}), A, NONE),
        emitted("claude-code", "subagent_usage", json!({"usageScope": "request", "sidechain": true, "inputTokens": 5, "outputTokens": 6, "meta": lane()}), A, transcript()),
        emitted("claude-code", "tool_intent", json!({"toolName": "Bash", "inputPreview": "{\"command\":\"make && ./run > out\"", "meta": lane()}), A, NONE),
        emitted("claude-code", "tool_intent", json!({"toolName": "SlashCommand", "inputPreview": "/explain", "meta": lane()}), H, ph()),
        emitted("claude-code", "tool_call", json!({"tool": "Bash", "ok": false, "error": "exit status 2\u{8}\u{c}\u{1}", "meta": lane()}), A, NONE),
        emitted("codex", "tool_use", json!({"toolName": "view_image", "ok": true}), A, NONE),
        emitted("claude-code", "file_diff", json!({"path": "src/parser.go", "attribution": "ai", "diff": "@@ -1 +1 @@\n-if a < b {\n+if a <= b && c {\n", "linesAdded": 1, "linesRemoved": 1, "oldString": "if a < b {", "newString": "if a <= b && c {", "meta": lane()}), A, pa()),
        emitted("claude-code", "file_diff", json!({"path": "", "attribution": "ai", "content": "print(1)", "contentLength": 8, "meta": lane()}), A, pa()),
        emitted("codex", "file_diff", json!({"path": "a.go", "attribution": "ai", "changeType": "update", "movePath": "b.go", "linesAdded": 3, "linesRemoved": 0}), A, pa()),
        emitted("cli", "file_diff", json!({"path": "README.md", "diff": "@@ -0,0 +1 @@\n+Hello\n", "linesAdded": 1, "linesRemoved": 0, "attribution": "human", "_gitPoll": true}), H, provenance("likely_human", 0.7, "medium", &["git-poll"])),
        emitted("cli", "file_diff", json!({"path": "b.go", "diff": "", "linesAdded": 0, "linesRemoved": 2, "attribution": "ai", "_gitPoll": true}), A, provenance("ai_revised_by_human", 0.6, "medium", &["git-poll", "ai-path-ledger"])),
        emitted("cursor", "file_delete", json!({"path": "old.go"}), A, NONE),
        emitted("claude-code", "command", json!({"command": "go test ./... 2>&1 | tail", "exitCode": 1, "stdout": "--- FAIL: TestParse (0.00s)\n", "stderr": "", "meta": lane()}), A, pa()),
        emitted("cursor", "command", json!({"command": "ls", "stdout": "a.go\nb.go\n"}), A, pa()),
        emitted("codex", "command", json!({"command": "bash -lc 'go test ./...'", "exitCode": 0, "stdout": "ok"}), A, pa()),
        emitted("terminal", "command", json!({"command": "git commit -am \"fix <it>\"", "exitCode": 0, "stdout": "", "stderr": "", "durationMs": 2000, "human": true}), H, ph()),
        emitted("claude-code", "file_read", json!({"path": "go.mod", "contentLength": 120, "numLines": 9, "meta": lane()}), A, NONE),
        emitted("claude-code", "file_search", json!({"toolName": "Grep", "pattern": "func .*<T>", "cwd": "", "resultsCount": 4, "meta": lane()}), A, NONE),
        emitted("claude-code", "dir_list", json!({"path": ".", "meta": lane()}), A, NONE),
        emitted("claude-code", "web_lookup", json!({"toolName": "WebFetch", "url": "https://go.dev/ref/spec?a=1&b=2", "meta": lane()}), A, NONE),
        emitted("claude-code", "planning", json!({"todos": [{"content": "Fix", "status": "pending"}], "itemCount": 1, "meta": lane()}), A, NONE),
        emitted("codex", "planning", json!({}), A, NONE),
        emitted("claude-code", "planning_read", json!({"meta": lane()}), A, NONE),
        emitted("claude-code", "plan_decision", json!({"planPreview": "1. Fix", "responsePreview": "approved", "meta": lane()}), H, provenance("likely_human", 0.6, "medium", &["hook", "plan-mode"])),
        emitted("claude-code", "task_dispatch", json!({"taskPreview": "Find callers", "meta": lane()}), A, NONE),
        emitted("cursor", "subagent_stop", json!({"subagentType": "explore", "status": "completed", "summary": ""}), A, NONE),
        emitted("claude-code", "context_compact", json!({"contextPct": 72.5, "meta": lane()}), S, NONE),
        emitted("codex", "context_compact", json!({}), S, NONE),
        emitted("claude-code", "interrupt", json!({"variant": "tool", "subtype": "action", "cutTool": "Bash", "meta": lane()}), H, ph()),
        emitted("cursor", "mcp_call", json!({"tool": "search", "argsPreview": "{\"q\":\"a&b\"}", "server": "docs", "durationMs": 15}), A, NONE),
        emitted("cursor", "session_end", json!({"cursorSessionId": "c-1", "reason": "user_close", "finalStatus": "completed"}), S, NONE),
    ]
}

/// What the editor extension sends.
#[rustfmt::skip]
pub fn of_extension() -> Vec<(&'static str, Value)> {
    vec![
        ("session_start", json!({"editorVersion": "1.105.0", "extensionVersion": "1.4.0"})),
        ("file_create", json!({"path": "src/new.go"})),
        ("file_delete", json!({"path": "src/old.go"})),
        ("command", json!({"command": "npm test -- --token=***", "program": "npm", "subcommand": "test", "tokenCount": 4, "hasFlags": true, "hadPotentialSecret": true})),
        ("editor_focus", json!({"subKind": "file_open", "filePath": "a.go", "fileExtension": ".go", "languageId": "go", "lineCount": 10, "isNewFile": false})),
        ("editor_focus", json!({"subKind": "tab_switch", "fromFile": "a.go", "toFile": "b.go", "fromDwellMs": 812})),
        ("editor_edit", json!({"subKind": "typing_burst", "filePath": "a.go", "burstDurationMs": 900, "charCount": 12, "lineRange": {"start": 1, "end": 2}, "avgInterKeystrokeMs": 75.5})),
        ("editor_edit", json!({"subKind": "paste", "filePath": "a.go", "charCount": 300, "lineCount": 12})),
        ("editor_idle", json!({"subKind": "idle_start", "lastActiveFile": null, "lastAction": "edit"})),
        ("editor_idle", json!({"subKind": "idle_end", "idleDurationMs": 61000, "lastActiveFile": "a.go", "lastAction": "focus"})),
    ]
}
