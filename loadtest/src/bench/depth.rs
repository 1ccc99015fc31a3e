//! How reading depends on how much there is: timelines by the size of the log, cohorts by the number of sessions.

use std::time::Duration;

use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::events::Events;
use crate::api::{Api, Who};
use crate::setup::{self, Seat};

/// Events of the session that is read.
const OWN_EVENTS: usize = 1_000;
/// The same, as ClickHouse counts.
const OWN_ROWS: u64 = 1_000;
/// Events of each other session in the log.
const OTHER_EVENTS: u64 = 500;
/// How often each answer is timed.
const TIMES: usize = 41;
/// Rows that one statement adds.
const CHUNK: u64 = 100_000;

/// Adds events of other sessions: copies of the own session's, `@ROWS@` of them from `@FROM@` on.
const ADD_EVENTS: &str = "INSERT INTO promptster.events \
    SELECT * EXCEPT (n) REPLACE (concat('other-', toString(intDiv(n, @PER@))) AS session_id, generateUUIDv4(n) AS event_id, \
        n % @PER@ + 1 AS seq) \
    FROM (SELECT events.*, numbers.number * @OWN@ + events.seq + @FROM@ AS n \
        FROM promptster.events AS events CROSS JOIN numbers(intDiv(@ROWS@, @OWN@)) AS numbers \
        WHERE events.session_id = '@SESSION@') \
    SETTINGS max_block_size = 4096, min_insert_block_size_rows = 20000, min_insert_block_size_bytes = 33554432";

/// Adds results of other sessions to the cohort: copies of the own session's with other values.
const ADD_RESULTS: &str = "INSERT INTO promptster.session_results \
    SELECT * EXCEPT (number) REPLACE (concat('other-', toString(number)) AS session_id, '@ASSESSMENT@' AS assessment_id, \
        rand(number) % 500 AS event_count, rand(number + 1) % 1000 / 1000 AS command_fail_rate, \
        rand(number + 2) % 1000 / 100 AS verify_intensity, rand(number + 3) % 3600000 AS duration_ms) \
    FROM (SELECT results.*, numbers.number FROM promptster.session_results AS results CROSS JOIN numbers(@ROWS@) AS numbers \
        WHERE results.session_id = '@SESSION@')";

/// One size and the median of its answers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Point {
    /// Events in the log, or sessions in the cohort.
    pub(crate) size: u64,
    /// The median.
    pub(crate) p50: Duration,
}

impl Point {
    /// The median in milliseconds.
    pub(crate) fn millis(&self) -> f64 {
        self.p50.as_secs_f64() * 1e3
    }
}

/// The exponent of growth between the first and the last size: 0 does not grow, 1 grows in proportion.
pub(crate) fn exponent(points: &[Point]) -> Option<f64> {
    let (first, last) = (points.first()?, points.last()?);
    let sizes = size_ratio(first, last).ln();
    (sizes > 0.0).then(|| (last.p50.as_secs_f64() / first.p50.as_secs_f64()).ln() / sizes)
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "sizes stay far below 2^53")]
fn size_ratio(first: &Point, last: &Point) -> f64 {
    last.size as f64 / first.size as f64
}

/// Reads of one server with its ClickHouse.
#[derive(Debug)]
pub(crate) struct Depth<'a> {
    /// The server.
    pub(crate) api: &'a Api,
    /// The port of ClickHouse.
    pub(crate) clickhouse: u16,
}

impl Depth<'_> {
    /// Pages of 500 events of one session, while the log grows through `sizes`.
    pub(crate) async fn timelines(&self, sizes: &[u64], say: impl Fn(String)) -> Result<Vec<Point>, String> {
        let (_, seat) = self.own_session().await?;
        let path = format!("/v1/sessions/{}/timeline?limit=500", seat.session);
        let mut points = Vec::new();
        for size in sizes.iter().copied() {
            let mut there = self.number("SELECT count() FROM promptster.events").await?;
            while there < size {
                say(format!("the log grows to {size} events: {there}"));
                let rows = (size - there).clamp(OWN_ROWS, CHUNK);
                self.run(&fill(
                    ADD_EVENTS,
                    &[
                        ("@PER@", &OTHER_EVENTS),
                        ("@OWN@", &OWN_EVENTS),
                        ("@FROM@", &there),
                        ("@ROWS@", &rows),
                        ("@SESSION@", &seat.session),
                    ],
                ))
                .await?;
                there = self.number("SELECT count() FROM promptster.events").await?;
            }
            self.settled().await?;
            points.push(Point { size, p50: self.median(&path).await? });
        }
        Ok(points)
    }

    /// Waits until ClickHouse has put in order what was just filled in, as far as it does so in a minute: a log is not
    /// filled with millions of events while it is read.
    async fn settled(&self) -> Result<(), String> {
        for _ in 0..60 {
            if self.number("SELECT count() FROM system.merges").await? == 0 {
                return Ok(());
            }
            sleep(Duration::from_secs(1)).await;
        }
        Ok(())
    }

    /// Statistics of cohorts of so many sessions, with the percentiles of one; and where those of a thousand are asked for.
    pub(crate) async fn cohorts(
        &self,
        sizes: &[u64],
        say: impl Fn(String),
    ) -> Result<(Vec<Point>, Option<String>), String> {
        let (mut points, mut thousand) = (Vec::new(), None);
        for size in sizes.iter().copied() {
            say(format!("a cohort of {size} sessions"));
            let (assessment, seat) = self.own_session().await?;
            let body = json!({ "sessionId": seat.session, "key": seat.key });
            self.api
                .insist(Method::POST, "/v1/candidate/complete", Who::Candidate(&seat.credential), Some(&body), 200)
                .await?;
            let derived =
                format!("SELECT count() FROM promptster.session_results WHERE session_id = '{}'", seat.session);
            self.until(&derived, 1).await?;
            let rows = size - 1;
            self.run(&fill(
                ADD_RESULTS,
                &[("@ASSESSMENT@", &assessment), ("@ROWS@", &rows), ("@SESSION@", &seat.session)],
            ))
            .await?;
            let path = format!("/v1/assessments/{assessment}/cohort-stats?sessionId={}", seat.session);
            let stats = self.api.get(&path).await?.json();
            if stats.pointer("/cohortStats/sessionCount").and_then(Value::as_u64) != Some(size) {
                return Err(format!("a cohort of {size} is answered {stats}"));
            }
            points.push(Point { size, p50: self.median(&path).await? });
            if size == 1_000 {
                thousand = Some(path);
            }
        }
        Ok((points, thousand))
    }

    /// A session with events, all of them in ClickHouse.
    async fn own_session(&self) -> Result<(String, Seat), String> {
        let (assessment, mut seats) = setup::prepare(self.api, 1, |_| {}).await?;
        let seat = seats.pop().ok_or("no session")?;
        let events = Events::of(1, &seat.session)?;
        for number in (0..OWN_EVENTS).step_by(100) {
            let body = events.many(number, 100, r#"{"events":["#, "]}");
            let body = String::from_utf8(body.to_vec()).map_err(|error| error.to_string())?;
            let who = Who::Candidate(&seat.credential);
            let reply = self.api.once(Method::POST, "/v1/hooks/ingest/batch", who, Some(body)).await?;
            if reply.status != 207 {
                return Err(reply.brief());
            }
        }
        let there = format!("SELECT count() FROM promptster.events WHERE session_id = '{}'", seat.session);
        self.until(&there, OWN_ROWS).await?;
        Ok((assessment, seat))
    }

    /// The median of what an answer takes.
    pub(crate) async fn median(&self, path: &str) -> Result<Duration, String> {
        let mut times = Vec::with_capacity(TIMES);
        for _ in 0..TIMES {
            let asked = Instant::now();
            let reply = self.api.once(Method::GET, path, Who::Reviewer, None).await?;
            times.push(asked.elapsed());
            if reply.status != 200 {
                return Err(format!("{path}: {}", reply.brief()));
            }
        }
        times.sort_unstable();
        times.get(TIMES / 2).copied().ok_or_else(|| "nothing was timed".to_owned())
    }

    async fn until(&self, question: &str, expected: u64) -> Result<(), String> {
        for _ in 0..600 {
            if self.number(question).await? >= expected {
                return Ok(());
            }
            sleep(Duration::from_millis(50)).await;
        }
        Err(format!("{question} does not reach {expected}"))
    }

    async fn number(&self, question: &str) -> Result<u64, String> {
        let text = self.run(question).await?;
        text.trim().parse().map_err(|_| format!("{question} is answered {text:?}"))
    }

    async fn run(&self, statement: &str) -> Result<String, String> {
        let url = format!("http://127.0.0.1:{}/", self.clickhouse);
        let wrong = |error: reqwest::Error| crate::api::causes(&error);
        let answer = Client::new().post(url).body(statement.to_owned()).send().await.map_err(wrong)?;
        let status = answer.status();
        let text = answer.text().await.map_err(wrong)?;
        if status.is_success() { Ok(text) } else { Err(format!("clickhouse: {text}")) }
    }
}

fn fill(statement: &str, values: &[(&str, &dyn std::fmt::Display)]) -> String {
    values.iter().fold(statement.to_owned(), |text, (name, value)| text.replace(name, &value.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_grow_has_the_exponent_zero() {
        let point = |size, millis| Point { size, p50: Duration::from_millis(millis) };
        assert!(exponent(&[point(10, 7), point(1_000, 7)]).unwrap().abs() < 1e-9);
        assert!((exponent(&[point(10, 7), point(1_000, 700)]).unwrap() - 1.0).abs() < 1e-9);
        assert_eq!(exponent(&[]), None);
    }
}
