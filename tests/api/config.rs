//! `promptster-server config`: what a server would serve with, before it does.

use std::process::Output;

use crate::harness::program;

fn config(arguments: &[&str], variables: &[(&str, &str)]) -> (bool, String, String) {
    let Output { status, stdout, stderr } =
        program().arg("config").args(arguments).envs(variables.iter().copied()).output().unwrap();
    (status.success(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

const STORES: [(&str, &str); 2] =
    [("PROMPTSTER_REDIS_URL", "redis://:canary@r:1"), ("PROMPTSTER_CLICKHOUSE_URL", "http://c:8123")];

#[test]
fn a_good_configuration_is_printed_without_its_secrets() {
    let pepper = "canary".repeat(8);
    let variables = [&STORES[..], &[("PROMPTSTER_PEPPER", &pepper), ("PROMPTSTER_CLICKHOUSE_PASSWORD", "canary")]];
    let (fine, printed, said) = config(&["check", "--workers", "3"], &variables.concat());
    assert!(fine && said.contains("can be served with"), "{said}");
    for line in [
        "PROMPTSTER_WORKERS=3  # --workers",
        "PROMPTSTER_REDIS_URL=(hidden)  # variable",
        "PROMPTSTER_CLICKHOUSE_URL=http://c:8123  # variable",
        "PROMPTSTER_METRICS_LISTEN=(none)  # default",
        "PROMPTSTER_LISTEN=127.0.0.1:8080  # default",
    ] {
        assert!(printed.lines().any(|printed| printed == line), "no {line:?} in\n{printed}");
    }
    assert!(!printed.contains("canary") && !said.contains("canary"), "{printed}{said}");
}

#[test]
fn the_judge_is_checked_and_its_key_is_not_printed() {
    let key = tempfile::NamedTempFile::new().unwrap();
    let path = key.path().to_str().unwrap();
    let judge = |key: &[u8]| {
        std::fs::write(path, key).unwrap();
        let flags = ["check", "--judge-url", "https://models.example.org/v1", "--judge-model", "wren-1"];
        config(&[&flags[..], &["--judge-key-file", path]].concat(), &STORES)
    };
    let (fine, printed, said) = judge(b"sk-canary\n");
    assert!(fine, "{said}");
    for line in [
        "PROMPTSTER_JUDGE_URL=https://models.example.org/v1  # --judge-url",
        "PROMPTSTER_JUDGE_MODEL=wren-1  # --judge-model",
        "PROMPTSTER_JUDGE_TIMEOUT_SECS=60  # default",
    ] {
        assert!(printed.lines().any(|printed| printed == line), "no {line:?} in\n{printed}");
    }
    assert!(!printed.contains("canary") && !said.contains("canary"), "{printed}{said}");
    for bad in [&b"sk-canary\nsk-canary"[..], b" ", b"sk-canary\xff"] {
        let (fine, printed, said) = judge(bad);
        assert!(!fine && said.contains("--judge-key-file"), "{said}");
        assert!(!printed.contains("canary") && !said.contains("canary"), "{printed}{said}");
    }
    let (fine, _, said) = config(&["check", "--judge-url", "https://models.example.org/v1"], &STORES);
    assert!(!fine && said.contains("--judge-model"), "{said}");
}

#[test]
fn all_that_is_wrong_is_named() {
    let wrong = [
        ("PROMPTSTER_CLICKHOUSE_URL", "c:8123"),
        ("PROMPTSTER_PEPPER", "canary"),
        ("PROMPTSTER_REDSI_URL", "redis://r"),
        ("PROMPTSTER_PRICES_FILE", "/no/such/prices"),
        ("PROMPTSTER_ISSUES_FILE", "/no/such/issues"),
    ];
    let (fine, _, said) = config(&["check", "--redis-url", "redis://r"], &wrong);
    assert!(!fine);
    for named in
        ["--clickhouse-url", "PROMPTSTER_PEPPER", "PROMPTSTER_REDSI_URL is set", "/no/such/prices", "/no/such/issues"]
    {
        assert!(said.contains(named), "no {named:?} in\n{said}");
    }
    assert!(said.contains("wrong in the configuration: 4") && !said.contains("canary"), "{said}");
    let (fine, _, said) = config(&["check"], &[("PROMPTSTER_SMTP_PORT", "many")]);
    assert!(!fine && said.contains("--smtp-port"), "{said}");
}

#[test]
fn the_table_has_every_setting() {
    let (fine, table, _) = config(&["table"], &[]);
    assert!(fine && table.contains("| `--listen` | `PROMPTSTER_LISTEN` | `127.0.0.1:8080` |"), "{table}");
    assert!(table.contains("| `--redis-server` | `PROMPTSTER_REDIS_SERVER` | `redis-server` |"), "{table}");
}
