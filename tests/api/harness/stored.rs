//! What no user can do: reach into Redis, to let time pass or to break something.

use domain::{OrgId, SessionRef, Timestamp};
use redis_scripts::keys::{OrgKeys, SessionKeys};
use redis_scripts::{Config, Due, Redis};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Candidate, TestApp};

/// Long ago.
const PAST_MS: i64 = 1000;

impl TestApp {
    /// Lets the time of a candidate key pass.
    pub async fn let_key_expire(&self, key_id: &str) {
        self.overwrite("candidate_key", key_id, "expires", &PAST_MS.to_string()).await;
        self.is_due(&Due::KeyExpiry { org: self.org_id(), key: key_id.parse().unwrap() }).await;
    }

    /// Moves the deadline of a candidate's session.
    pub async fn move_deadline(&self, candidate: &Candidate, deadline: Timestamp) {
        let session = SessionRef::new(self.org_id(), candidate.session.parse().unwrap());
        let (record, millis) = (SessionKeys::of(&session).record(), deadline.millis());
        assert_eq!(self.redis_command(&format!("HSET {record} deadline {millis}")).await.lines().next(), Some(":0"));
        self.is_due(&Due::Deadline(session)).await;
    }

    async fn is_due(&self, due: &Due) {
        let redis = Redis::new(&Config::new(self.redis_url())).unwrap();
        redis.schedule(due, Timestamp::from_millis(PAST_MS)).await.unwrap();
    }

    fn org_id(&self) -> OrgId {
        OrgId::sample(self.org().id.parse().unwrap())
    }

    /// Overwrites a field of a stored entity of the organisation.
    pub async fn overwrite(&self, kind: &str, id: &str, field: &str, value: &str) {
        let key = OrgKeys::of(self.org_id()).entity(kind, id);
        assert!(self.redis_command(&format!("EXISTS {key}")).await.starts_with(":1"), "{kind} {id} is not stored");
        self.redis_command(&format!("HSET {key} {field} {value}")).await;
    }

    /// A command to Redis, as one would type it; its raw answer.
    pub async fn redis_command(&self, command: &str) -> String {
        let mut stream = TcpStream::connect(self.redis_url().trim_start_matches("redis://")).await.unwrap();
        stream.write_all(format!("{command}\r\nQUIT\r\n").as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }
}
