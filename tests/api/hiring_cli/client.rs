//! The client on the candidate's machine: what it keeps, how it calls, and what it takes for success.

use std::time::{SystemTime, UNIX_EPOCH};

use domain::Timestamp;
use futures_util::future::join_all;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::go::{self, Keys, Spelling};
use super::kinds::Emitted;
use crate::harness::{Reply, TestApp, User};

/// The command-line client after `start`.
pub struct Cli {
    pub spelling: Spelling,
    pub keys: Keys,
    pub key: String,
    pub session: String,
    /// Calls that tell the version of the client.
    pub shared: User,
    /// Calls of hooks and watchers, which do not.
    pub hooks: User,
    /// The signature that the next event is chained to.
    last: String,
    /// How many events were made, for their times.
    made: u32,
    started: i64,
}

impl Cli {
    pub fn new(app: &TestApp, spelling: Spelling, keys: Keys, key: &str, redeemed: &Value) -> Self {
        let hooks = app.api_key(redeemed["sessionToken"].as_str().unwrap());
        // A base with a slash at its end: all that these calls ask for begins with `//v1`.
        let shared = hooks.with_header("x-promptster-cli-version", "1.8.0").at(&format!("{}/", app.url()));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        Self {
            spelling,
            keys,
            key: key.to_owned(),
            session: redeemed["sessionId"].as_str().unwrap().to_owned(),
            shared,
            hooks,
            last: String::new(),
            made: 0,
            started: i64::try_from(now).unwrap(),
        }
    }

    /// Signs an event as the next of the chain; its id and its bytes.
    pub fn sign(&mut self, emitted: Emitted, related: &[String]) -> (String, String) {
        let id = Uuid::new_v4().to_string();
        let mut event = Map::new();
        let mut put = |name: &str, value: Value| event.insert(name.to_owned(), value);
        put("id", json!(id));
        put("sessionId", json!(self.session));
        put("ts", json!(self.time()));
        put("kind", json!(emitted.kind));
        put("source", json!(emitted.source));
        put("v", json!(1));
        put("data", emitted.data);
        put("actor", emitted.actor);
        if !emitted.provenance.is_null() {
            put("provenance", emitted.provenance);
        }
        if emitted.source == "claude-code" {
            put("rawPayload", json!("{\"hook_event_name\":\"PostToolUse\",\"cwd\":\"/workspace/<ta\u{fffd}"));
        }
        if !related.is_empty() {
            put("relatedEventIds", json!(related));
        }
        let sig = self.keys.sign(&go::message(&Value::Object(event.clone()), &self.last, self.spelling));
        event.insert("sig".to_owned(), json!(sig));
        let prev_sig = std::mem::replace(&mut self.last, sig);
        if !prev_sig.is_empty() {
            event.insert("prevSig".to_owned(), json!(prev_sig));
        }
        (id, go::marshal_struct(&event))
    }

    /// The time of the next event: later than the one before it or, of a transcript, earlier.
    fn time(&mut self) -> String {
        self.made += 1;
        let back = if self.made.is_multiple_of(5) { 90_000 } else { 0 };
        let at = json!(Timestamp::from_millis(self.started + i64::from(self.made) * 1000 - back));
        let seconds = at.as_str().unwrap().get(..19).unwrap();
        let nanos = [0, 120_000_000, 123_456_789, 5, 123_450_000][usize::try_from(self.made % 5).unwrap()];
        go::rfc3339_nano(seconds, nanos)
    }

    /// What `verify` does with the log, and the ids of the rows that it walked.
    pub fn verify(&self, log: &Value) -> Vec<String> {
        assert_eq!(log["sessionId"], json!(self.session));
        assert_eq!(log["signingPubkey"], json!(self.keys.public()));
        let (mut previous, mut walked) = ("", Vec::new());
        for row in log["events"].as_array().unwrap() {
            typed(row, "id ts sig prevSig eventHash", "", "sigVerified");
            let sig = row["sig"].as_str().unwrap();
            assert!(!sig.is_empty(), "every row is signed: {row}");
            assert_eq!(row["prevSig"], previous, "{row}");
            let message = go::message(&row["payload"], previous, self.spelling);
            assert!(self.keys.verifies(&message, sig), "{row}");
            assert_eq!(row["sigVerified"], true, "{row}");
            assert_eq!((&row["id"], &row["ts"]), (&row["payload"]["id"], &row["payload"]["ts"]));
            walked.push(row["id"].as_str().unwrap().to_owned());
            previous = sig;
        }
        walked
    }
}

/// The members of Go's strict decoding: absent and `null` are well, another type fails the whole answer.
pub fn typed(answer: &Value, strings: &str, integers: &str, bools: &str) {
    let holds = |names: &str, test: &dyn Fn(&Value) -> bool| {
        for name in names.split_whitespace() {
            assert!(answer[name].is_null() || test(&answer[name]), "{name} in {answer}");
        }
    };
    holds(strings, &Value::is_string);
    holds(integers, &|value| value.is_i64() || value.is_u64());
    holds(bools, &Value::is_boolean);
}

/// Whether all of a list are strings; absent is an empty list.
pub fn strings(list: &Value) -> bool {
    list.is_null() || list.as_array().is_some_and(|items| items.iter().all(Value::is_string))
}

/// A refusal as the client can print it.
#[track_caller]
pub fn printable(reply: &Reply, status: u16) {
    assert_eq!(reply.status, status, "{}", reply.text);
    assert!(reply.body["error"].as_str().is_some_and(|sentence| !sentence.is_empty()), "{}", reply.text);
}

/// Posts events three at a time; each of them must be recorded once and known from then on.
pub async fn post_in_threes(user: &User, posts: &[(String, String)]) {
    let mut recorded: Vec<&str> = Vec::new();
    for three in posts.chunks(3) {
        let replies = join_all(three.iter().map(|(_, bytes)| user.post_bytes("/v1/hooks/ingest", bytes.clone()))).await;
        for ((id, _), reply) in three.iter().zip(replies) {
            match reply.status {
                201 => {
                    assert_eq!(reply.body, json!({"ok": true, "id": id}));
                    assert!(!recorded.contains(&id.as_str()), "{id} was recorded twice");
                    recorded.push(id);
                }
                200 => assert_eq!((&reply.body["ok"], &reply.body["skipped"]), (&json!(true), &json!(true))),
                status => panic!("{status}: {}", reply.text),
            }
        }
    }
    assert!(posts.iter().all(|(id, _)| recorded.contains(&id.as_str())));
}
