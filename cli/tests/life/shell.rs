//! What a person types in a shell that was asked to tell it.

use crate::candidate::Candidate;
use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[test]
fn bash_tells_what_is_typed_with_its_end_and_keeps_what_is_private() {
    let settings = "HISTCONTROL=ignorespace\nHISTFILE=\n";
    tells_what_is_typed("bash", settings, |command, settings| {
        command.arg("--rcfile").arg(settings);
    });
}

#[test]
fn zsh_tells_what_is_typed_with_its_end_and_keeps_what_is_private() {
    // It reads its settings from a folder, under a name that is fixed.
    tells_what_is_typed("zsh", "PS1=\nunsetopt ZLE PROMPT_SP\n", |command, settings| {
        let folder = settings.parent().unwrap();
        fs::rename(settings, folder.join(".zshrc")).unwrap();
        command.arg("--no-globalrcs").env("ZDOTDIR", folder);
    });
}

/// Types a few lines into an interactive shell in a workspace, and compares what came into the journal.
fn tells_what_is_typed(name: &str, own: &str, configure: impl FnOnce(&mut Command, &std::path::Path)) {
    let candidate = Candidate::new();
    fs::create_dir(candidate.state("")).unwrap();
    fs::write(candidate.state("session.json"), r#"{"sessionId":"s"}"#).unwrap();
    let settings = candidate.home().join("rc");
    let hook = format!("eval \"$({} shell-hook {name})\"\n", env!("CARGO_BIN_EXE_promptster"));
    fs::write(&settings, format!("{own}{hook}")).unwrap();
    let mut command = Command::new(name);
    configure(&mut command, &settings);
    command.arg("-i").current_dir(&candidate.root);
    command.env("HOME", candidate.home()).env("PROMPTSTER_NO_BACKGROUND", "1");
    let mut shell = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let typed = "echo 'a  b' | cat\n\n echo private\n(exit 3)\necho \"code $?\"\ncd /\necho elsewhere\n";
    shell.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
    let output = shell.wait_with_output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(printed.contains("code 3"), "the exit code stays what it was: {printed}");

    // The shell does not wait for the hooks.
    let wanted = [("(exit 3)", 3), ("echo \"code $?\"", 0), ("echo 'a  b' | cat", 0)];
    let started = Instant::now();
    loop {
        let journal = fs::read_to_string(candidate.state("journal.jsonl")).unwrap_or_default();
        let mut told: Vec<Value> = journal.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        if told.len() >= wanted.len() {
            told.sort_by_key(|event| event["data"]["command"].to_string());
            let took = told.iter().map(|event| event["data"]["durationMs"].as_i64());
            assert!(took.clone().all(|ms| ms.is_some_and(|ms| (0..60_000).contains(&ms))), "{journal}");
            let told: Vec<_> =
                told.iter().map(|event| (&event["data"]["command"], &event["data"]["exitCode"])).collect();
            let mut wanted = wanted.map(|(command, code)| (json!(command), json!(code)));
            wanted.sort_by_key(|(command, _)| command.to_string());
            assert_eq!(told, wanted.iter().map(|(command, code)| (command, code)).collect::<Vec<_>>());
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(30), "{journal}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
