//! Measures what a hook costs as a whole process, from its start to its end, in a workspace of its own.
//!
//! `cargo build --release -p cli && cargo run --release -p cli --example hook_cost -- target/release/promptster`
#![expect(clippy::print_stdout, reason = "it is a tool that prints")]

use std::error::Error;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How often the hook is run.
const RUNS: usize = 1_000;

fn main() -> Result<(), Box<dyn Error>> {
    let program = std::env::args_os().nth(1).ok_or("name the program to measure")?;
    let program = std::fs::canonicalize(program)?;
    let folder =
        PathBuf::from(format!("{}/promptster-hook-cost-{}", std::env::temp_dir().display(), std::process::id()));
    std::fs::create_dir_all(folder.join(".promptster"))?;
    std::fs::write(folder.join(".promptster/session.json"), r#"{"sessionId":"measured"}"#)?;
    // What an edit of a file of some size tells: about 20 KiB.
    let text = "    let total: u64 = values.iter().sum();\\n".repeat(200);
    let mut times = Vec::with_capacity(RUNS);
    for run in 0..RUNS {
        let payload = format!(
            r#"{{"hook_event_name":"PostToolUse","session_id":"s","tool_use_id":"t{run}","tool_name":"Write","cwd":"{0}","tool_input":{{"file_path":"{0}/a.rs","content":"{text}"}},"tool_response":{{"type":"create","content":"{text}"}}}}"#,
            folder.display()
        );
        times.push(hook(&program, &folder, payload.as_bytes())?);
    }
    let written = std::fs::read_to_string(folder.join(".promptster/journal.jsonl"))?.lines().count();
    std::fs::remove_dir_all(&folder)?;
    if written != RUNS {
        return Err(format!("{written} of {RUNS} events were written").into());
    }
    times.sort_unstable();
    let at = |percent: usize| times.get(RUNS * percent / 100).or(times.last()).copied().unwrap_or_default();
    for (name, time) in [("median", at(50)), ("p95", at(95)), ("p99", at(99)), ("greatest", at(100))] {
        println!("{name:<8} {:>7.2} ms", time.as_secs_f64() * 1_000.0);
    }
    Ok(())
}

fn hook(program: &Path, folder: &Path, payload: &[u8]) -> Result<Duration, Box<dyn Error>> {
    let started = Instant::now();
    let mut command = Command::new(program);
    command.args(["hook", "claude-code"]).current_dir(folder).env("PROMPTSTER_NO_BACKGROUND", "1");
    let mut process = command.env_remove("CLAUDE_PROJECT_DIR").stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
    if let Some(mut input) = process.stdin.take() {
        input.write_all(payload)?;
    }
    if !process.wait()?.success() {
        return Err("the hook failed".into());
    }
    Ok(started.elapsed())
}
