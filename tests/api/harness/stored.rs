//! What no user can do: reach into Redis, to let time pass or to break something.

use domain::OrgId;
use redis_scripts::keys::OrgKeys;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::TestApp;

impl TestApp {
    /// Lets the time of a candidate key pass.
    pub async fn let_key_expire(&self, key_id: &str) {
        self.overwrite("candidate_key", key_id, "expires", "1000").await;
    }

    /// Overwrites a field of a stored entity of the organisation.
    pub async fn overwrite(&self, kind: &str, id: &str, field: &str, value: &str) {
        let org = OrgId(self.org().id.parse().unwrap());
        let key = OrgKeys::of(org).entity(kind, id);
        assert!(self.redis_command(&format!("EXISTS {key}")).await.starts_with(":1"), "{kind} {id} is not stored");
        self.redis_command(&format!("HSET {key} {field} {value}")).await;
    }

    /// A command to Redis, as one would type it; its raw answer.
    pub async fn redis_command(&self, command: &str) -> String {
        let mut stream = TcpStream::connect(self.redis_url().trim_start_matches("redis://")).await.unwrap();
        stream.write_all(format!("{command}\r\nQUIT\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }
}
