//! What a person types in a shell that was asked to tell it.

use crate::candidate::Candidate;
use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[test]
fn bash_tells_what_is_typed_with_its_end_and_keeps_what_is_private() {
    let avocet = Candidate::new();
    fs::create_dir(avocet.state("")).unwrap();
    fs::write(avocet.state("session.json"), r#"{"sessionId":"s"}"#).unwrap();
    let settings = avocet.home().join("rc");
    let hook = format!("eval \"$({} shell-hook bash)\"\n", env!("CARGO_BIN_EXE_promptster"));
    fs::write(&settings, format!("HISTCONTROL=ignorespace\nHISTFILE=\n{hook}")).unwrap();
    let mut command = Command::new("bash");
    command.args(["--rcfile"]).arg(settings).arg("-i").current_dir(&avocet.root);
    command.env("HOME", avocet.home()).env("PROMPTSTER_NO_BACKGROUND", "1");
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
        let journal = fs::read_to_string(avocet.state("journal.jsonl")).unwrap_or_default();
        let mut told: Vec<Value> = journal.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        if told.len() >= wanted.len() {
            told.sort_by_key(|event| event["data"]["command"].to_string());
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
