//! A candidate at work.

use std::ops::Deref;

use serde_json::{Value, json};

use super::{Reply, Socket, TestApp, User, event};

/// A candidate whose session has begun; calls the API with the session token.
#[derive(Debug, Clone)]
pub struct Candidate {
    user: User,
    /// `PST-XXXX-XXXX`
    pub key: String,
    pub key_id: String,
    pub token: String,
    pub session: String,
    pub assessment: String,
}

impl Deref for Candidate {
    type Target = User;

    fn deref(&self) -> &User {
        &self.user
    }
}

impl Candidate {
    /// Consents and redeems.
    pub async fn start(app: &TestApp, key: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let anonymous = app.anonymous();
        anonymous.post("/v1/candidate/consent", json!({"key": key["key"]})).await.expect(200);
        let redeemed = anonymous.post("/v1/candidate/redeem", json!({"key": key["key"]})).await.expect(200);
        let token = text(&redeemed["sessionToken"]);
        Self {
            user: app.api_key(&token),
            key: text(&key["key"]),
            key_id: text(&key["id"]),
            token,
            session: text(&redeemed["sessionId"]),
            assessment: text(&key["assessmentId"]),
        }
    }

    /// Posts one event of its session.
    pub async fn ingest(&self, kind: &str, data: Value) -> Reply {
        self.post("/v1/hooks/ingest", event(&self.session, kind, data)).await
    }

    /// Hands in.
    pub async fn complete(&self) -> Reply {
        self.post("/v1/candidate/complete", json!({"sessionId": self.session, "key": self.key})).await
    }

    /// Opens the WebSocket for events and reads `hello`, which it keeps.
    pub async fn stream(&self) -> Socket {
        let mut socket = self.connect("/v1/stream").await.expect("the server lets the candidate in");
        socket.hello = socket.next().await;
        assert_eq!(socket.hello["type"], "hello");
        socket
    }
}
