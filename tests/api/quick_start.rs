//! What newcomers are told to type: the commands that `make run` prints and those of the README are run by a shell, as
//! they are written.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::harness::{TestApp, described, faults};

const WELCOME: &str = include_str!("../../src/dev/welcome.txt");
const README: &str = include_str!("../../README.md");

/// Runs commands as a person would, each after the other, in the root of the repository.
fn shell(commands: &str) -> Output {
    Command::new("bash").args(["-c", commands]).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap()
}

/// The commands of the welcome, for this server, with less haste in the watching.
fn welcome(app: &TestApp, data: &Path) -> String {
    let promptster = Path::new(env!("CARGO_BIN_EXE_promptster-server")).with_file_name("promptster");
    let text = WELCOME
        .replace("{url}", &app.url())
        .replace("{api_key}", &app.org().secret)
        .replace("{data_dir}", data.to_str().unwrap())
        .replace("{promptster}", promptster.to_str().unwrap())
        .replace("--speed 10", "--speed 1000")
        .replace("--max-time 20", "--max-time 8");
    let steps = text.lines().skip_while(|line| !line.starts_with("1. "));
    steps.filter(|line| line.starts_with("  ")).collect::<Vec<_>>().join("\n")
}

/// The lines of a block of the README that begins after this heading.
fn block(heading: &str) -> &'static str {
    let after = README.split(heading).nth(1).expect("the heading is there");
    after.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a block of commands")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_of_the_welcome_and_of_the_readme_work_as_they_are_written() {
    let app = TestApp::start().await;
    let data = tempfile::tempdir().unwrap();
    let commands =
        format!("{}\nset -e\necho '=== README'\n{}", welcome(&app, data.path()), block("### The calls of a program"));
    let output = shell(&commands.replace("\ncurl", "\necho; curl"));
    let (said, errors) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{said}\n{errors}");
    let (first, then) = said.split_once("=== README\n").unwrap();
    assert!(first.contains(r#""kind":"session_start""#) && first.contains(r#""kind":"session_end""#), "{first}");
    assert!(first.contains(r#"{"ok":true}"#) && first.contains(r#""final":true"#), "{first}\n{errors}");

    let replies: Vec<Value> = then.lines().filter(|line| !line.is_empty()).map(read).collect();
    let routes = [
        ("post", "/v1/assessments", "201"),
        ("post", "/v1/assessments/{id}/keys", "201"),
        ("get", "/v1/sessions", "200"),
        ("get", "/v1/sessions/{id}/timeline", "200"),
        ("get", "/v1/sessions/{id}/decisions", "200"),
        ("get", "/v1/assessments/{id}/cohort-stats", "200"),
    ];
    assert_eq!(replies.len(), routes.len(), "{then}");
    for ((method, path, status), reply) in routes.iter().zip(&replies) {
        let response = &described()["paths"][path][method]["responses"][status];
        let found = faults(&format!("{method} {path}"), &response["content"]["application/json"]["schema"], reply);
        assert!(found.is_empty(), "{method} {path}: {found:?}\n{reply}");
    }
    assert_eq!(replies[1]["keys"][1]["candidateName"], "Second Candidate");
    assert_eq!(replies[2]["sessions"][0]["status"], "ended");
    assert_eq!(replies[3]["events"].as_array().unwrap().len(), 16);
    assert_eq!(replies[5]["cohortStats"]["sessionCount"], 1);
}

fn read(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}
