//! A language model that answers badly, slowly or not at all. Nothing else suffers from it, and it is asked again when
//! somebody wants that.

use std::time::Instant;

use serde_json::{Value, json};

use crate::harness::{Candidate, Piece, Provider, TestApp, eventually};
use crate::judge::{JSON, KEY, analysed, answer, app_with, completion, derive, done, good, path_of, rows, setup};

type Answer = (&'static str, Vec<Piece>);

/// Waits until the log says that this session has no analysis, and why.
async fn fails(app: &TestApp, candidate: &Candidate, reason: &str) {
    let said = async || {
        let log = app.log();
        let mut lines = log.lines().filter(|line| line.contains(&candidate.session) && line.contains("no analysis"));
        lines.next_back().map(str::to_owned)
    };
    let line: Value = serde_json::from_str(&eventually("the warning", said).await).unwrap();
    assert_eq!((&line["level"], &line["reason"]), (&json!("WARN"), &json!(reason)), "{line}");
    assert_eq!(app.reviewer().get(&path_of(candidate)).await.expect(200), json!({"artifact": null}), "{reason}");
    let listed = app.reviewer().get(&format!("/v1/sessions/{}/artifacts", candidate.session)).await.expect(200);
    assert_eq!(listed["artifacts"].as_array().unwrap().len(), 6, "the others are there: {reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_cannot_be_believed_is_none() {
    let changed = |change: fn(&mut Value)| {
        let mut answer = answer([1, 2]);
        change(&mut answer);
        completion(&answer.to_string())
    };
    let cut = json!({"choices": [{"message": {"content": answer([1, 2]).to_string()}, "finish_reason": "length"}]});
    let bad: Vec<(&str, Answer)> = vec![
        ("not_asked", good([1, 2, 3])),
        ("missing", good([1])),
        ("out_of_range", changed(|answer| answer["prompts"][1]["clarity"] = json!(6))),
        ("too_long", changed(|answer| answer["summary"] = json!("s".repeat(601)))),
        ("empty", changed(|answer| answer["summary"] = json!(""))),
        ("shape", changed(|answer| answer["hire"] = json!(true))),
        ("shape", completion("Certainly! All of them are excellent.")),
        ("unreadable", (JSON, vec![Piece::Text("{\"choices\": []}")])),
        ("unreadable", (JSON, vec![Piece::Made(cut.to_string())])),
        ("unreadable", completion(&changed_note(KEY))),
        ("too_large", (JSON, vec![Piece::Made(format!("{{\"choices\": [], \"x\": \"{}\"}}", "x".repeat(300 << 10)))])),
        ("refused", ("401 Unauthorized", vec![Piece::Made(format!("{{\"error\": \"bad key {KEY}\"}}"))])),
        ("refused", ("302 Found\r\nlocation: http://127.0.0.1:9/v1", vec![])),
        ("unreachable", ("", vec![])),
    ];
    let provider = Provider::in_turn(bad.iter().map(|(_, answer)| answer.clone()).chain([good([1, 2])])).await;
    let setup = setup(&provider);
    let app = app_with(&setup, &["--requests-per-minute=100000"]).await;
    let mut unjudged = Vec::new();
    for (n, (reason, _)) in bad.iter().enumerate() {
        let avocet = done(&app, 2).await;
        fails(&app, &avocet, reason).await;
        assert_eq!(provider.seen().len(), n + 1, "asked once, however often somebody looks: {reason}");
        unjudged.push(avocet);
    }
    assert_eq!(rows(&app).await, 0);
    // Whoever runs the server has them tried again.
    let (well, printed, said) = derive(&app, &setup, &[]).await;
    assert!(well && printed.contains(&format!("Judged. new {}, known 0,", bad.len())), "{printed}{said}");
    for avocet in &unjudged {
        assert_eq!(analysed(&app, avocet).await["data"]["model"], "wren-1");
    }
    let log = app.log();
    for hidden in [KEY, "Certainly", "bad key", "prompt 2", "Note 1"] {
        assert!(!log.contains(hidden) && !printed.contains(hidden) && !said.contains(hidden), "{hidden}");
    }
}

/// A good answer about two prompts, one note of which says this.
fn changed_note(note: &str) -> String {
    let mut answer = answer([1, 2]);
    answer["prompts"][0]["note"] = json!(note);
    answer.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_is_busy_is_asked_again_when_it_says_and_not_for_ever() {
    let later = |seconds: &'static str| (seconds, Vec::new());
    let provider = Provider::in_turn([
        later("429 Too Many Requests\r\nretry-after: 2"),
        later("503 Service Unavailable"),
        good([1]),
        // Of another session: three times, then it is given up.
        later("500 Internal Server Error"),
        later("500 Internal Server Error"),
        later("502 Bad Gateway"),
        // Of a third: not before tomorrow.
        later("429 Too Many Requests\r\nretry-after: 86400"),
        good([1]),
    ])
    .await;
    let setup = setup(&provider);
    let app = app_with(&setup, &[]).await;
    let began = Instant::now();
    let wren = done(&app, 1).await;
    analysed(&app, &wren).await;
    assert!(began.elapsed().as_secs() >= 6, "2 s that it said, then 4 s");
    assert_eq!(provider.seen().len(), 3);

    let heron = done(&app, 1).await;
    fails(&app, &heron, "failed").await;
    assert_eq!(provider.seen().len(), 6);

    let kestrel = done(&app, 1).await;
    fails(&app, &kestrel, "busy").await;
    assert_eq!(provider.seen().len(), 7, "not asked again");
    let (well, printed, said) = derive(&app, &setup, &["--org", &app.org().id, "--session", &kestrel.session]).await;
    assert!(well && printed.contains("Judged. new 1,"), "{printed}{said}");
    analysed(&app, &kestrel).await;
    assert_eq!(rows(&app).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_says_nothing_keeps_nobody_waiting() {
    let provider = Provider::in_turn([(JSON, vec![Piece::Silence])]).await;
    let setup = setup(&provider);
    let app = app_with(&setup, &["--judge-timeout-secs", "1"]).await;
    let avocet = done(&app, 1).await;
    fails(&app, &avocet, "slow").await;
    let (well, printed, said) = derive(&app, &setup, &["--judge-timeout-secs", "1"]).await;
    assert!(
        !well && printed.contains("Derived. sessions 1:") && printed.contains("not told 0, failed 1"),
        "{printed}{said}"
    );
    assert!(said.contains("did not answer in time") && said.contains("1 sessions could not be judged"), "{said}");
}
