//! Organisations, made on the command line.

use std::process::Output;

use serde_json::Value;

use super::server::program;

/// An organisation, and its first API key: it may read and write.
#[derive(Debug, Clone)]
pub struct Org {
    pub id: String,
    pub secret: String,
}

/// An organisation, made as an operator makes it.
pub fn create_org(redis_url: &str, name: &str) -> Org {
    let output = org_create(redis_url, &["--json", "--name", name]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let made: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    Org { id: text("orgId"), secret: text("apiKey") }
}

/// `promptster-server org create` with these flags.
pub fn org_create(redis_url: &str, flags: &[&str]) -> Output {
    program().args(["org", "create", "--redis-url", redis_url]).args(flags).output().unwrap()
}
