//! Each scenario in its short form, and a run with a comparison, on stores and nodes of their own. Times are not judged:
//! what is right is.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// Runs this program; what it wrote to `report` afterwards.
fn loadtest(report: &Path, args: &[&str]) -> (Output, Value) {
    let programs = Path::new(env!("CARGO_BIN_EXE_loadtest")).parent().unwrap();
    for name in ["promptster-server", "embedded-clickhouse"] {
        let program = programs.join(name);
        assert!(program.is_file(), "{} is missing: `cargo build --workspace --bins` makes it", program.display());
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
    let output = command.args(args).arg("--report").arg(report).output().unwrap();
    let text = std::fs::read(report).unwrap_or_default();
    (output, serde_json::from_slice(&text).unwrap_or_default())
}

#[track_caller]
fn holds(scenario: &str) -> Value {
    let directory = tempfile::tempdir().unwrap();
    let (output, report) = loadtest(&directory.path().join("report.json"), &[scenario, "--short", "--seed", "7"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.ends_with("It holds.\n"), "{text}");
    assert_eq!((&report["kind"], &report["violations"]), (&scenario.into(), &0.into()));
    report
}

#[test]
fn an_outage_of_clickhouse_refuses_nobody_and_loses_nothing() {
    let report = holds("outage");
    assert!(report["load"]["total"]["acknowledged"].as_u64() >= Some(800), "{report}");
    assert!(report["figures"]["drainedMs"].as_f64().is_some());
}

#[test]
fn overload_loses_nothing_that_was_acknowledged() {
    let report = holds("overload");
    assert!(report["figures"]["goodputPerSecond"].as_f64().unwrap() > 0.0);
}

#[test]
fn quiet_and_stuck_sockets_disturb_nobody() {
    let report = holds("idle");
    assert!(report["figures"]["bytesPerQuietSocket"].as_f64().is_some());
}

#[test]
fn a_run_checks_every_event_and_two_of_them_can_be_compared() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let args = ["run", "--own", "--stages", "40:2s,40-80:2s", "--candidates", "10", "--watchers", "4", "--seed", "7"];
    let (output, report) = loadtest(&path("a.json"), &args);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!((&report["ok"], &report["total"]["due"]), (&true.into(), &200.into()));
    assert_eq!(report["total"]["acknowledged"], 200);
    assert!(report["total"]["fanOut"]["n"].as_u64() > Some(40), "{}", report["total"]);
    assert!(["node-1", "redis", "clickhouse"].iter().all(|name| report["processes"][name]["rssPeakMib"].is_number()));
    assert_eq!(report["stages"][1]["stage"]["to"], 80.0);

    let mut compare = Command::new(env!("CARGO_BIN_EXE_loadtest"));
    let compared = compare.arg("compare").args([path("a.json"), path("a.json")]).output().unwrap();
    let table = String::from_utf8_lossy(&compared.stdout);
    let row = table.lines().find(|line| line.starts_with("total.acknowledged ")).unwrap();
    assert_eq!(row.split_whitespace().collect::<Vec<_>>(), ["total.acknowledged", "200", "200", "1.00"]);
}

#[test]
fn a_bench_measures_every_row_of_its_table() {
    let output = Command::new(env!("CARGO_BIN_EXE_loadtest")).args(["bench", "--short"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    let rows = |word: &str| text.lines().filter(|line| line.contains(word)).count();
    assert_eq!(rows(" events/s   p50 "), 5, "{text}");
    // Whether a row reaches its aim depends on the machine; that it is there does not.
    let judged = text.lines().filter(|line| ["yes", "NO"].iter().any(|word| line.trim_start().starts_with(word)));
    assert_eq!(judged.count(), 14, "{text}");
}

#[test]
fn what_cannot_run_says_so_with_2() {
    let directory = tempfile::tempdir().unwrap();
    let report = directory.path().join("report.json");
    let args = ["run", "--server", "http://127.0.0.1:1", "--api-key", "x", "--stages", "nonsense"];
    assert_eq!(loadtest(&report, &args).0.status.code(), Some(2));
    let args = ["outage", "--short", "--bin-dir", "/nowhere"];
    let (output, _) = loadtest(&report, &args);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("promptster-server is missing"));
}
