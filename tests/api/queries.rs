//! Query parameters: limits at them and one beyond, what is no number, and what is given twice.

use serde_json::{Value, json};

use crate::harness::{Reply, TestApp, User, event_at, wrong_fields};
use crate::playing::{START, candidate, post_all, prompts};

/// A parameter that is clamped, and the member of the answer that tells what is in force.
struct Clamped {
    user: User,
    path: String,
    name: &'static str,
    shown: &'static str,
    default: i64,
    min: i64,
    max: i64,
}

impl Clamped {
    async fn ask(&self, value: &str) -> Reply {
        let glue = if self.path.contains('?') { '&' } else { '?' };
        self.user.get(&format!("{}{glue}{}={value}", self.path, self.name)).await
    }
}

#[tokio::test]
async fn integers_are_clamped_and_what_is_no_integer_of_sixty_four_bits_is_refused() {
    let app = TestApp::start().await;
    let (reviewer, avocet) = (app.reviewer(), candidate(&app).await);
    let row = |user: &User, path: &str, name, shown, default, min, max| Clamped {
        user: user.clone(),
        path: path.to_owned(),
        name,
        shown,
        default,
        min,
        max,
    };
    let recent = format!("/v1/sessions/{}/recent-activity", avocet.session);
    for clamped in [
        row(&reviewer, "/v1/sessions", "limit", "limit", 20, 1, 100),
        row(&reviewer, "/v1/sessions?status=ended", "limit", "limit", 20, 1, 100),
        row(&avocet, "/v1/sessions", "limit", "limit", 20, 1, 100),
        row(&reviewer, "/v1/sessions", "offset", "offset", 0, 0, u32::MAX.into()),
        row(&avocet, "/v1/sessions", "offset", "offset", 0, 0, u32::MAX.into()),
        row(&reviewer, "/v1/candidates", "limit", "limit", 50, 1, 200),
        row(&reviewer, "/v1/candidates", "offset", "offset", 0, 0, u32::MAX.into()),
        row(&reviewer, &recent, "minutes", "periodMinutes", 20, 1, 60),
        row(&avocet, &recent, "minutes", "periodMinutes", 20, 1, 60),
    ] {
        let what = format!("{} {}", clamped.path, clamped.name);
        let shown = clamped.user.get(&clamped.path).await.expect(200)[clamped.shown].clone();
        assert_eq!(shown, clamped.default, "{what} by default");
        let (min, max) = (clamped.min, clamped.max);
        for given in [i64::MIN, -1, min - 1, min, min + 1, max - 1, max, max.saturating_add(1), i64::MAX] {
            let reply = clamped.ask(&given.to_string()).await;
            assert_eq!(reply.status, 200, "{what}={given}: {}", reply.text);
            assert_eq!(reply.body[clamped.shown], given.clamp(min, max), "{what}={given}");
        }
        for bad in [
            "ten",
            "1.5",
            "1.0",
            "1e1",
            "0x10",
            "9223372036854775808",
            "-9223372036854775809",
            "1%002",
            "%20",
            "1,2",
            "--1",
            "null",
            "%F0%9F%98%80",
            "%D9%A1",
            "%ff",
            "NaN",
            "",
        ] {
            let reply = clamped.ask(bad).await;
            reply.refused(400, "invalid_query");
            assert_eq!(wrong_fields(&reply), [clamped.name], "{what}={bad}");
        }
        // Of several the first counts.
        let first = clamped.ask(&format!("{}&{}=x", min + 2, clamped.name)).await.expect(200);
        assert_eq!(first[clamped.shown], min + 2, "{what} twice");
        assert_eq!(
            clamped.ask(&format!("{}&unknown=1&&=&%", clamped.default)).await.expect(200)[clamped.shown],
            clamped.default,
            "{what}"
        );
    }
}

#[tokio::test]
async fn beyond_the_end_of_a_list_there_is_nothing_but_its_total() {
    let app = TestApp::start().await;
    let (reviewer, assessment) = (app.reviewer(), app.assessment().await);
    for _ in 0..3 {
        app.candidate(&assessment).await;
    }
    for (path, plural) in [
        ("/v1/sessions", "sessions"),
        ("/v1/sessions?status=pending", "sessions"),
        (&format!("/v1/sessions?assessmentId={assessment}"), "sessions"),
        ("/v1/candidates", "candidates"),
    ] {
        let glue = if path.contains('?') { '&' } else { '?' };
        for (offset, n_rows) in [(0, 3), (2, 1), (3, 0), (4, 0), (u32::MAX.into(), 0), (i64::MAX, 0)] {
            let page = reviewer.get(&format!("{path}{glue}offset={offset}")).await.expect(200);
            assert_eq!(page[plural].as_array().unwrap().len(), n_rows, "{path} {offset}");
            assert_eq!((&page["total"], &page["offset"]), (&json!(3), &json!(offset.min(u32::MAX.into()))), "{path}");
            assert_eq!(page.as_object().unwrap().len(), 4, "{page}");
        }
    }
}

#[tokio::test]
async fn filters_are_words_ids_and_times_and_nothing_else() {
    let app = TestApp::start().await;
    let (reviewer, avocet) = (app.reviewer(), candidate(&app).await);
    post_all(&avocet, &[event_at(&avocet.session, START, "prompt", json!({}))]).await;
    let total =
        async |user: &User, query: &str| user.get(&format!("/v1/sessions?{query}")).await.expect(200)["total"].clone();
    for user in [&reviewer, &avocet] {
        for (query, expected) in [
            (format!("assessmentId={}", avocet.assessment), 1),
            (format!("assessmentId={}", avocet.assessment.to_uppercase()), 1),
            ("assessmentId=00000000-0000-4000-8000-000000000000".to_owned(), 0),
            ("sourceService=test".to_owned(), 1),
            ("sourceService=TEST".to_owned(), 0),
            ("sourceService=%00".to_owned(), 0),
            ("sourceService=*".to_owned(), 0),
            (format!("sourceService={}", "x".repeat(4000)), 0),
            ("status=active".to_owned(), 1),
            ("sourceService=".to_owned(), 1),
            ("status=pending&status=active".to_owned(), 0),
        ] {
            assert_eq!(total(user, &query).await, expected, "{query}");
        }
        for (name, bad) in [
            ("status", ""),
            ("status", "Active"),
            ("status", "running"),
            ("status", "active%00"),
            ("assessmentId", "x"),
            ("assessmentId", "%27%20OR%201"),
        ] {
            let reply = user.get(&format!("/v1/sessions?{name}={bad}")).await;
            reply.refused(400, "invalid_query");
            assert_eq!(wrong_fields(&reply), [name]);
        }
        let timeline = format!("/v1/sessions/{}/timeline", avocet.session);
        for (query, n_rows) in [
            ("from=2026-04-01T10:00:00.000Z", 1),
            ("from=2026-04-01T10:00:00.001Z", 0),
            ("to=2026-04-01T10:00:00.000Z", 1),
            ("to=2026-04-01T09:59:59.999Z", 0),
            ("from=2026-04-01T12:00:00%2B02:00&to=2026-04-01T05:00:00-05:00", 1),
            ("from=2026-04-01t10:00:00z", 1),
            ("from=9999-12-31T23:59:59Z", 0),
            ("to=1970-01-01T00:00:00Z", 0),
            ("after=&kind=", 1),
            ("kind=prompt&kind=command", 1),
            ("kind=Prompt", 0),
            ("kind=%00&kind=%27", 0),
        ] {
            let page = user.get(&format!("{timeline}?{query}")).await.expect(200);
            assert_eq!(page["events"].as_array().unwrap().len(), n_rows, "{query}");
        }
        for name in ["from", "to"] {
            for bad in [
                "",
                "2026-04-01",
                "2026-04-01T10:00:00",
                "1775037600",
                "now",
                "2026-02-30T00:00:00Z",
                "2026-04-01T25:00:00Z",
                "1969-12-31T23:59:59Z",
                "2026-04-01T10:00:00+02:00",
                "%00",
            ] {
                let reply = user.get(&format!("{timeline}?{name}={bad}")).await;
                assert_eq!((reply.status, reply.code()), (400, "invalid_query"), "{name}={bad}");
                assert_eq!(wrong_fields(&reply), [name]);
            }
        }
        for after in ["x", "1", "%00", "00000000-0000-4000-8000-000000000000"] {
            user.get(&format!("{timeline}?after={after}")).await.refused(400, "unknown_position");
        }
    }
    for bad in ["", "maybe", "1", "True", "%00"] {
        let path = format!("/v1/assessments/{}/cohort-stats?distribution={bad}", avocet.assessment);
        let reply = reviewer.get(&path).await;
        reply.refused(400, "invalid_query");
        assert_eq!(wrong_fields(&reply), ["distribution"]);
    }
}

#[tokio::test]
async fn a_timeline_page_has_five_hundred_rows_unless_asked_and_two_thousand_at_most() {
    let app = TestApp::with(&["--ingest-burst=5000"]).await;
    let avocet = candidate(&app).await;
    post_all(&avocet, &prompts(&avocet.session, 1..=2001)).await;
    for (query, n_rows, has_more) in [
        ("", 500, true),
        ("?limit=0", 1, true),
        ("?limit=1", 1, true),
        ("?limit=1999", 1999, true),
        ("?limit=2000", 2000, true),
        ("?limit=2001", 2000, true),
        ("?limit=9223372036854775807", 2000, true),
        ("?limit=2000&from=2026-04-01T10:00:02Z", 2000, false),
    ] {
        let page = avocet.get(&format!("/v1/sessions/{}/timeline{query}", avocet.session)).await.expect(200);
        let rows = page["events"].as_array().unwrap();
        assert_eq!((rows.len(), &page["hasMore"]), (n_rows, &Value::from(has_more)), "{query}");
    }
}
