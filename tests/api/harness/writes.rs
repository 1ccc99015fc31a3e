//! Every route that takes a JSON body, with a good one and its fields: what all of them have in common is tested on
//! these.

use flate2::{Compression, write::GzEncoder};
use reqwest::{Body, Method};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{io::Write as _, time::Duration};

use super::{Candidate, Reply, TestApp, User, event};

const MIB: usize = 1 << 20;

/// What the value of a field is, when it is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    Text,
    Integer,
    Number,
    List,
    Object,
    TextOrObject,
}

/// Whether a field has to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    Required,
    /// May be absent or `null`.
    Optional,
    /// May be absent, but not `null`.
    NotNull,
    /// Has to be there, and may be `null`.
    OrNull,
}

pub type Field = (&'static str, Type, Need);

/// A route that takes a body, called by somebody who may.
pub struct Write {
    pub method: Method,
    pub path: String,
    pub user: User,
    /// Whether anybody may call it.
    pub is_public: bool,
    pub good: Value,
    /// What a good body is answered with, the first time and again.
    pub accepted: &'static [u16],
    /// Bytes that the body may have.
    pub limit: usize,
    pub fields: &'static [Field],
}

impl Write {
    /// Sends these bytes as JSON.
    pub async fn send(&self, body: impl Into<Body>) -> Reply {
        self.send_as(&self.user, &[("content-type", "application/json")], body).await
    }

    /// Sends these bytes with these headers as somebody else, perhaps.
    pub async fn send_as(&self, user: &User, headers: &[(&str, &str)], body: impl Into<Body>) -> Reply {
        let request = user.request(self.method.clone(), &self.path);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        user.send(request.body(body)).await
    }

    /// Sends the good body with these fields instead of its own.
    pub async fn send_with(&self, fields: &Value) -> Reply {
        let mut body = self.good.clone();
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        self.send(body.to_string()).await
    }

    /// Sends the good body without a field.
    pub async fn send_without(&self, field: &str) -> Reply {
        let mut body = self.good.clone();
        body.as_object_mut().unwrap().shift_remove(field);
        self.send(body.to_string()).await
    }

    #[track_caller]
    pub fn accepts(&self, reply: &Reply, what: &str) {
        assert!(self.accepted.contains(&reply.status), "{self}, {what}: {} {}", reply.status, reply.text);
    }

    /// Sends until the answer is another than that the stores are slow: the largest bodies take a busy disk longer than
    /// the two seconds after which clients are told to come again.
    pub async fn taken(&self, send: impl AsyncFn() -> Reply, what: &str) {
        let mut reply = send().await;
        for _ in 0..20 {
            if reply.code() != "unavailable" {
                break;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
            reply = send().await;
        }
        self.accepts(&reply, what);
    }

    #[track_caller]
    pub fn refuses(&self, reply: &Reply, status: u16, code: &str, what: &str) {
        assert_eq!((reply.status, reply.code()), (status, code), "{self}, {what}: {}", reply.text);
    }
}

impl std::fmt::Display for Write {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

pub fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Puts a bundle where the server says; its object key.
pub async fn put_bundle(app: &TestApp, candidate: &Candidate, bytes: &[u8]) -> String {
    let asked = candidate.post("/v1/candidate/upload-url", json!({"sessionId": candidate.session})).await.expect(200);
    let url = asked["uploadUrl"].as_str().unwrap();
    let request = app.anonymous().request(Method::PUT, &url[url.find("/v1/").unwrap()..]);
    let request = request.header("content-type", "application/gzip").body(bytes.to_vec());
    app.anonymous().send(request).await.expect(200);
    asked["objectKey"].as_str().unwrap().to_owned()
}

const CREATED: &[u16] = &[201];
const OK: &[u16] = &[200];

/// All of them, on an assessment with a candidate at work and one who has handed in.
pub async fn writes(app: &TestApp) -> Vec<Write> {
    use Need::{NotNull, Optional, OrNull, Required};
    use Type::{Integer, List, Number, Object, Text, TextOrObject};
    let assessment = app.assessment().await;
    let (avocet, done) = (app.candidate(&assessment).await, app.candidate(&assessment).await);
    done.complete().await.expect(200);
    let bundle_key = put_bundle(app, &avocet, b"bundle").await;
    let (reviewer, candidate, anonymous) = (app.reviewer(), User::clone(&avocet), app.anonymous());
    let own = format!("/v1/sessions/{}", avocet.session);
    let (of, session) = (format!("/v1/assessments/{assessment}"), &avocet.session);
    let terms = json!({"title": "a", "role": "b", "taskBrief": "c"});
    let issue = json!({"issueTitle": "a", "language": "Go", "difficulty": "easy", "taskBrief": "b"});
    let made = app.reviewer().post("/v1/issues", issue.clone()).await.expect(201);
    let rubric = json!({"name": "a", "criteria": [{"key": "a", "title": "b"}]});
    let judged = app.reviewer().post("/v1/rubrics", rubric.clone()).await.expect(201);
    let submission = json!({"sessionId": session, "diff": "", "repoUrl": "", "baseSha": "", "bundleKey": bundle_key,
        "fileTree": [], "bundleSize": 6, "bundleSha256": sha256(b"bundle")});
    let finger = json!({"checkpoint": "start", "fingerprint": {"os": "linux"}});
    let post = |path: &str, user: &User, good: Value, accepted, fields| Write {
        method: Method::POST,
        path: path.to_owned(),
        user: user.clone(),
        is_public: false,
        good,
        accepted,
        limit: MIB,
        fields,
    };
    let patch = |path: &str, good, accepted, fields| Write {
        method: Method::PATCH,
        ..post(path, &reviewer, good, accepted, fields)
    };
    let public = |path, good, fields| Write { is_public: true, ..post(path, &anonymous, good, OK, fields) };
    let large = |write| Write { limit: 16 * MIB, ..write };
    vec![
        patch("/v1/org", json!({"retentionDays": 3650}), OK, &[("retentionDays", Integer, OrNull)]),
        post(
            "/v1/org/api-keys",
            &reviewer,
            json!({"name": "a", "scopes": ["read"]}),
            CREATED,
            &[("name", Text, Required), ("scopes", List, Required)],
        ),
        post(
            "/v1/org/webhooks",
            &reviewer,
            json!({"url": "https://a.example/hook"}),
            &[201, 409],
            &[("url", Text, Required), ("events", List, Optional), ("secret", Text, Optional)],
        ),
        post(
            "/v1/assessments",
            &reviewer,
            terms,
            CREATED,
            &[
                ("title", Text, Required),
                ("role", Text, Required),
                ("taskBrief", Text, Required),
                ("repoUrl", Text, Optional),
                ("timeLimitMinutes", Integer, Optional),
                ("expiresInDays", Integer, Optional),
                ("issueId", Text, Optional),
                ("rubricId", Text, Optional),
                ("tokenBudgetUsd", Number, Optional),
                ("allowedTools", List, Optional),
            ],
        ),
        patch(
            &of,
            json!({}),
            OK,
            &[
                ("title", Text, NotNull),
                ("role", Text, NotNull),
                ("taskBrief", Text, NotNull),
                ("repoUrl", Text, Optional),
                ("timeLimitMinutes", Integer, Optional),
                ("expiresInDays", Integer, Optional),
                ("issueId", Text, Optional),
                ("rubricId", Text, Optional),
                ("tokenBudgetUsd", Number, Optional),
                ("allowedTools", List, Optional),
            ],
        ),
        post(
            "/v1/issues",
            &reviewer,
            issue,
            CREATED,
            &[
                ("issueTitle", Text, Required),
                ("language", Text, Required),
                ("difficulty", Text, Required),
                ("taskBrief", Text, Required),
                ("source", Text, Optional),
                ("repoUrl", Text, Optional),
                ("repoSlug", Text, Optional),
                ("repoSubdir", Text, Optional),
                ("issueNumber", Integer, Optional),
                ("issueUrl", Text, Optional),
                ("issueBody", Text, Optional),
                ("skillTags", List, Optional),
                ("estimatedMinutes", Integer, Optional),
                ("brokenSha", Text, Optional),
                ("referenceSha", Text, Optional),
                ("setupInstructions", Text, Optional),
                ("status", Text, Optional),
            ],
        ),
        patch(
            &format!("/v1/issues/{}", made["issue"]["id"].as_str().unwrap()),
            json!({}),
            OK,
            &[("issueTitle", Text, NotNull), ("taskBrief", Text, NotNull), ("skillTags", List, Optional)],
        ),
        post("/v1/rubrics", &reviewer, rubric, CREATED, &[("name", Text, Required), ("criteria", List, Required)]),
        patch(
            &format!("/v1/rubrics/{}", judged["rubric"]["id"].as_str().unwrap()),
            json!({}),
            OK,
            &[("name", Text, NotNull), ("criteria", List, NotNull)],
        ),
        post(
            &format!("{of}/keys"),
            &reviewer,
            json!({"count": 1}),
            CREATED,
            &[
                ("count", Integer, Required),
                ("candidateEmails", List, Optional),
                ("candidateNames", List, Optional),
                ("orgName", Text, Optional),
            ],
        ),
        // Marked twice, it is not in the state for it: the body was read all the same.
        patch(
            &format!("{of}/keys/{}", done.key_id),
            json!({"status": "hired"}),
            &[200, 409],
            &[("status", Text, Required)],
        ),
        public(
            "/v1/candidate/consent",
            json!({"key": avocet.key}),
            &[("key", Text, Required), ("disclosureHash", Text, Optional)],
        ),
        public(
            "/v1/candidate/redeem",
            json!({"key": avocet.key}),
            &[("key", Text, Required), ("candidateName", Text, Optional), ("signingPubKey", Text, Optional)],
        ),
        public(
            "/v1/candidate/complete",
            json!({"sessionId": done.session, "key": done.key}),
            &[("sessionId", Text, Required), ("key", Text, Required)],
        ),
        post(
            "/v1/candidate/device-check",
            &candidate,
            finger,
            OK,
            &[("checkpoint", Text, Required), ("fingerprint", Object, Required)],
        ),
        post(
            "/v1/candidate/workspace-commit",
            &candidate,
            json!({"sessionId": session, "commitSha": "3f9a1bc"}),
            OK,
            &[("sessionId", Text, Required), ("commitSha", Text, Required)],
        ),
        post(
            "/v1/candidate/upload-url",
            &candidate,
            json!({"sessionId": session}),
            OK,
            &[("sessionId", Text, Required)],
        ),
        large(post(
            "/v1/candidate/submit-code",
            &candidate,
            submission,
            OK,
            &[
                ("sessionId", Text, Required),
                ("diff", Text, Optional),
                ("repoUrl", Text, Optional),
                ("baseSha", Text, Optional),
                ("bundleKey", Text, Required),
                ("fileTree", List, Optional),
                ("bundleSize", Integer, Required),
                ("bundleSha256", Text, Required),
            ],
        )),
        large(post(
            "/v1/hooks/ingest",
            &candidate,
            event(session, "prompt", json!({})),
            &[201, 200],
            &[
                ("id", Text, Required),
                ("sessionId", Text, Required),
                ("ts", Text, Required),
                ("kind", Text, Required),
                ("source", TextOrObject, Required),
                ("actor", Object, Optional),
                ("provenance", Object, Optional),
                ("v", Integer, Required),
                ("data", Object, Required),
            ],
        )),
        large(post(
            "/v1/hooks/ingest/batch",
            &candidate,
            json!({"events": [], "lane": "live"}),
            &[207],
            &[("events", List, Required)],
        )),
        post(
            "/v1/sessions",
            &reviewer,
            json!({}),
            CREATED,
            &[("id", Text, Optional), ("sourceService", Text, Optional), ("metadata", Object, Optional)],
        ),
        patch(&own, json!({}), OK, &[("endedAt", Text, NotNull), ("metadata", Object, Optional)]),
        patch(&format!("{own}/metadata"), json!({}), OK, &[]),
    ]
}
