//! Traces, at a collector of the test's own. Most of it needs a server that sends some: `--features otel`.

use serde_json::json;
use test_support::Receiver;

use crate::harness::TestApp;

#[cfg(not(feature = "otel"))]
#[tokio::test]
async fn a_server_that_sends_no_traces_says_so_instead_of_serving_without() {
    let app = TestApp::start().await;
    let collector = Receiver::start(&[]);
    app.candidate(&app.assessment().await).await.ingest("prompt", json!({"text": "one"})).await.expect(201);
    let ended = app.serve_to_its_end(&app.redis_url(), app.clickhouse_url(), &["--otlp-url", &collector.url()]).await;
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(!ended.status.success() && said.contains("--otlp-url") && said.contains("--features otel"), "{said}");
    assert!(collector.received().is_empty());
}

#[cfg(feature = "otel")]
mod sent {
    use std::collections::BTreeMap;

    use super::*;
    use crate::harness::eventually;

    /// A message of protobuf: <https://protobuf.dev/programming-guides/encoding/>.
    #[derive(Default)]
    struct Message<'a>(Vec<(u64, &'a [u8])>);

    fn varint(bytes: &mut &[u8]) -> Option<u64> {
        let mut value = 0;
        for place in 0..10 {
            let (first, rest) = bytes.split_first()?;
            *bytes = rest;
            value |= u64::from(first & 0x7f) << (7 * place);
            if first & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    impl<'a> Message<'a> {
        fn parse(mut bytes: &'a [u8]) -> Self {
            let mut fields = Vec::new();
            while !bytes.is_empty() {
                let tag = varint(&mut bytes).unwrap();
                let before = bytes;
                let length = match tag & 7 {
                    0 => {
                        varint(&mut bytes).unwrap();
                        fields.push((tag >> 3, &before[..before.len() - bytes.len()]));
                        continue;
                    }
                    1 => 8,
                    2 => usize::try_from(varint(&mut bytes).unwrap()).unwrap(),
                    5 => 4,
                    other => panic!("wire type {other}"),
                };
                fields.push((tag >> 3, &bytes[..length]));
                bytes = &bytes[length..];
            }
            Self(fields)
        }

        fn all(&self, number: u64) -> impl Iterator<Item = &'a [u8]> {
            self.0.iter().filter(move |(other, _)| *other == number).map(|(_, bytes)| *bytes)
        }

        fn bytes(&self, number: u64) -> &'a [u8] {
            self.all(number).next().unwrap_or_default()
        }

        fn text(&self, number: u64) -> String {
            String::from_utf8(self.bytes(number).to_vec()).unwrap()
        }

        fn number(&self, number: u64) -> u64 {
            varint(&mut self.bytes(number)).unwrap_or_default()
        }
    }

    #[derive(Debug, Clone, PartialEq)]
    struct Span {
        trace: Vec<u8>,
        id: Vec<u8>,
        parent: Vec<u8>,
        name: String,
        kind: u64,
        status: u64,
        attributes: BTreeMap<String, String>,
    }

    fn attributes<'a>(of: impl Iterator<Item = &'a [u8]>) -> BTreeMap<String, String> {
        let attribute = |bytes| {
            let pair = Message::parse(bytes);
            let value = Message::parse(pair.bytes(2));
            let shown = match value.0.first() {
                Some((1, _)) => value.text(1),
                Some((3, _)) => value.number(3).to_string(),
                other => panic!("{other:?}"),
            };
            (pair.text(1), shown)
        };
        of.map(attribute).collect()
    }

    /// The spans of an `ExportTraceServiceRequest`:
    /// <https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/trace/v1/trace.proto>.
    fn spans_in(bytes: &[u8]) -> Vec<Span> {
        let mut spans = Vec::new();
        for resource in Message::parse(bytes).all(1).map(Message::parse) {
            let about = attributes(Message::parse(resource.bytes(1)).all(1));
            assert_eq!(about["service.name"], "promptster-server");
            assert!(about.contains_key("service.version") && about.contains_key("service.instance.id"), "{about:?}");
            for scope in resource.all(2).map(Message::parse) {
                for span in scope.all(2).map(Message::parse) {
                    spans.push(Span {
                        trace: span.bytes(1).to_vec(),
                        id: span.bytes(2).to_vec(),
                        parent: span.bytes(4).to_vec(),
                        name: span.text(5),
                        kind: span.number(6),
                        status: Message::parse(span.bytes(15)).number(3),
                        attributes: attributes(span.all(9)),
                    });
                }
            }
        }
        spans
    }

    fn spans_at(collector: &Receiver) -> Vec<Span> {
        collector.received().iter().flat_map(|received| spans_in(&received.bytes)).collect()
    }

    fn collector_url(collector: &Receiver) -> String {
        collector.url().replace("/hook", "")
    }

    const SERVER: u64 = 2;
    const CLIENT: u64 = 3;
    const ERROR: u64 = 2;

    #[tokio::test]
    async fn a_request_and_the_work_behind_it_are_a_trace() {
        let collector = Receiver::start(&[]);
        let url = collector_url(&collector);
        let mut app = TestApp::with(&["--otlp-url", &url, "--trace-share", "1"]).await;
        let wren = app.candidate(&app.assessment().await).await;
        let secret = "what-the-candidate-wrote";
        wren.ingest("prompt", json!({ "text": secret })).await.expect(201);
        let path = format!("/v1/sessions/{}/timeline", wren.session);
        app.reviewer().get(&path).await.expect(200);
        app.reviewer().get("/v1/sessions?limit=x").await.refused(400, "invalid_query");
        app.kill_redis();
        app.reviewer().get("/v1/org").await.refused(503, "unavailable");
        app.stop_server();

        let spans = spans_at(&collector);
        let named = |name: &str| spans.iter().filter(|span| span.name == name).cloned().collect::<Vec<_>>();
        let below = |span: &Span| spans.iter().filter(|other| other.parent == span.id).cloned().collect::<Vec<_>>();
        let ingest = named("POST /v1/hooks/ingest").pop().unwrap();
        assert_eq!((ingest.kind, ingest.status, &*ingest.parent), (SERVER, 0, &[][..]));
        assert_eq!(ingest.attributes["http.response.status_code"], "201");
        assert_eq!(ingest.attributes["http.route"], "/v1/hooks/ingest");
        assert!(ingest.attributes.contains_key("promptster.request_id"));
        let parts = below(&ingest);
        assert!(parts.iter().all(|part| part.trace == ingest.trace), "{parts:?}");
        let names: Vec<&str> = parts.iter().map(|part| part.name.as_str()).collect();
        assert!(names.contains(&"authenticate") && names.contains(&"record"), "{names:?}");
        let asked = parts.iter().filter(|part| part.name == "authenticate").flat_map(below).collect::<Vec<_>>();
        let redis = asked.first().unwrap();
        assert_eq!(
            (redis.name.as_str(), redis.kind, redis.attributes["db.system.name"].as_str()),
            ("ask redis", CLIENT, "redis")
        );
        assert!(!named("commit").is_empty() && !named("write to clickhouse").is_empty());
        let timeline = named("GET /v1/sessions/{id}/timeline").pop().unwrap();
        assert!(below(&timeline).iter().any(|part| part.name == "ask clickhouse"), "{:?}", below(&timeline));

        let refused = named("GET /v1/sessions").pop().unwrap();
        assert_eq!((refused.attributes["http.response.status_code"].as_str(), refused.status), ("400", 0));
        let failed = named("GET /v1/org").pop().unwrap();
        assert_eq!((failed.attributes["http.response.status_code"].as_str(), failed.status), ("503", ERROR));

        let sent: String = collector.received().iter().map(|received| received.body.clone()).collect();
        for hidden in [secret, wren.session.as_str(), &app.org().id, &app.org().secret] {
            assert!(!sent.contains(hidden), "{hidden} was sent");
        }
    }

    #[tokio::test]
    async fn the_trace_of_a_request_counts_behind_a_proxy_that_is_trusted_and_nowhere_else() {
        let trace = "0af7651916cd43dd8448eb211c80319c";
        let given = format!("00-{trace}-b7ad6b7169203331-01");
        for (flags, is_trusted) in [(&["--trust-forwarded-for"][..], true), (&[], false)] {
            let collector = Receiver::start(&[]);
            let url = collector_url(&collector);
            // By its own share nothing would be traced.
            let mut app = TestApp::with(&[&["--otlp-url", &url, "--trace-share", "0"], flags].concat()).await;
            app.reviewer().with_header("traceparent", &given).get("/v1/org").await.expect(200);
            app.reviewer().with_header("traceparent", "00-not-a-trace").get("/v1/org").await.expect(200);
            app.stop_server();
            let spans = spans_at(&collector);
            let of_trace = spans.iter().find(|span| span.name == "GET /v1/org");
            assert_eq!(of_trace.is_some(), is_trusted, "{spans:?}");
            if let Some(span) = of_trace {
                let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
                assert_eq!((hex(&span.trace), hex(&span.parent)), (trace.to_owned(), "b7ad6b7169203331".to_owned()));
            }
            assert_eq!(spans.iter().filter(|span| span.name == "GET /v1/org").count(), usize::from(is_trusted));
        }
    }

    #[tokio::test]
    async fn a_collector_that_is_away_or_refuses_holds_nothing_up_and_shows() {
        let refusing = Receiver::start(&["400 Bad Request"; 50]);
        let gone = "http://127.0.0.1:1".to_owned();
        for url in [collector_url(&refusing), gone] {
            let flags = ["--otlp-url", &url, "--trace-share", "1", "--metrics-listen", "127.0.0.1:0"];
            let app = TestApp::with(&flags).await;
            let wren = app.candidate(&app.assessment().await).await;
            wren.ingest("prompt", json!({"text": "one"})).await.expect(201);
            let lost = eventually("lost spans to be counted", async || {
                let text = reqwest::get(crate::metrics::metrics_url(&app)).await.unwrap().text().await.unwrap();
                text.contains("promptster_spans_total{outcome=\"lost\"}").then_some(text)
            });
            assert!(!lost.await.contains("outcome=\"sent\""));
            app.reviewer().get(&format!("/v1/sessions/{}", wren.session)).await.expect(200);
        }
    }
}
