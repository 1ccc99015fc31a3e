//! What ClickHouse cannot read any more is told from what was never there, and comes back by itself.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::harness::{TestApp, eventually};

/// The files of marks of all parts that hold events: those whose names begin with a month.
fn marks_of_events(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(marks_of_events(&path));
        } else if entry.file_name().to_string_lossy().starts_with("data.cmrk")
            && path.parent().unwrap().file_name().unwrap().to_string_lossy().starts_with("20")
        {
            found.push(path);
        }
    }
    found
}

#[tokio::test]
async fn a_part_that_cannot_be_read_is_set_aside_and_what_it_held_is_written_again() {
    let mut app = TestApp::start().await;
    let avocet = app.candidate(&app.assessment().await).await;
    for n in 0..5 {
        avocet.ingest("prompt", json!({"n": n})).await.expect(201);
    }
    avocet.complete().await.expect(200);
    let cohort = format!("/v1/sessions/{}/cohort-stats", avocet.session);
    let written = eventually("all of it to be written", async || {
        let stats = app.reviewer().get(&cohort).await.expect(200)["cohortStats"].clone();
        (stats["sessionCount"] == 1).then_some(stats)
    });
    let written = written.await;

    // Nothing of it is in a cache when it is damaged; the engine reads its parts when it starts, and the marks later.
    app.restart_clickhouse();
    let marks = marks_of_events(&app.clickhouse_dir());
    assert!(!marks.is_empty(), "no part in {}", app.clickhouse_dir().display());
    for file in marks {
        std::fs::write(file, b"").unwrap();
    }
    let path = format!("/v1/sessions/{}/timeline", avocet.session);
    let mut refused = 0;
    let timeline = eventually("the timeline to be whole again", async || {
        let reply = avocet.get(&path).await;
        refused += u32::from(reply.status == 503);
        let is_whole = reply.status == 200 && reply.body["events"].as_array().unwrap().len() == 5;
        assert!(reply.status == 200 || reply.status == 503, "{}", reply.text);
        is_whole.then_some(reply.body)
    });
    assert_eq!(timeline.await["events"][4]["data"]["n"], 4);
    assert!(refused > 0, "the damage was never seen");
    assert!(app.log().contains("its tables are loaded anew"), "the operator is told");
    let after = app.reviewer().get(&cohort).await.expect(200)["cohortStats"].clone();
    assert_eq!(after, written);
}
