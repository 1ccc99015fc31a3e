//! The limits of what reviewers write: at them and one beyond.

use serde_json::{Value, json};

use crate::harness::{TestApp, Write, writes, wrong_fields};

/// Sends the good body with these fields changed; exactly `wrong` are named, none of them when it is right.
pub async fn check(write: &Write, rows: Vec<(Value, &[&str])>) {
    for (fields, wrong) in rows {
        let shown = format!("{:.120}", fields.to_string());
        let reply = write.send_with(&fields).await;
        if wrong.is_empty() {
            write.accepts(&reply, &shown);
        } else {
            write.refuses(&reply, 400, "validation_failed", &shown);
            assert_eq!(wrong_fields(&reply), wrong, "{write}, {shown}: {}", reply.text);
        }
    }
}

/// The route with this method whose path ends so.
pub fn find<'a>(writes: &'a [Write], method: &str, end: &str) -> &'a Write {
    writes.iter().find(|write| write.method.as_str() == method && write.path.ends_with(end)).unwrap()
}

/// So many letters, each of two bytes.
pub fn letters(n: usize) -> String {
    "é".repeat(n)
}

#[tokio::test]
async fn the_limits_of_assessments_hold_when_they_are_made_and_when_they_are_changed() {
    let app = TestApp::start().await;
    let all = writes(&app).await;
    let patch = all.iter().find(|write| write.method == "PATCH" && write.path.starts_with("/v1/assessments")).unwrap();
    for write in [find(&all, "POST", "/v1/assessments"), patch] {
        check(
            write,
            vec![
                (json!({"title": letters(1), "role": letters(1)}), &[]),
                (json!({"title": letters(255), "role": format!(" {}\n", letters(255))}), &[]),
                (json!({"title": letters(256)}), &["title"]),
                (json!({"role": letters(256)}), &["role"]),
                (json!({"title": " \t\u{a0}\n", "role": ""}), &["role", "title"]),
                (json!({"title": "a\0b", "role": "\0"}), &["role", "title"]),
                (json!({"taskBrief": letters(32_768)}), &[]),
                (json!({"taskBrief": format!("{}x", letters(32_768))}), &["taskBrief"]),
                (json!({"taskBrief": " \n"}), &["taskBrief"]),
                (json!({"timeLimitMinutes": 1}), &[]),
                (json!({"timeLimitMinutes": 10_080}), &[]),
                (json!({"timeLimitMinutes": 0}), &["timeLimitMinutes"]),
                (json!({"timeLimitMinutes": 10_081}), &["timeLimitMinutes"]),
                (json!({"timeLimitMinutes": i64::MIN}), &["timeLimitMinutes"]),
                (json!({"timeLimitMinutes": u64::MAX}), &["timeLimitMinutes"]),
                (json!({"expiresInDays": 1}), &[]),
                (json!({"expiresInDays": 365}), &[]),
                (json!({"expiresInDays": 0}), &["expiresInDays"]),
                (json!({"expiresInDays": 366}), &["expiresInDays"]),
                (json!({"tokenBudgetUsd": 0.000_001}), &[]),
                (json!({"tokenBudgetUsd": 1000}), &[]),
                (json!({"tokenBudgetUsd": 0}), &["tokenBudgetUsd"]),
                (json!({"tokenBudgetUsd": -0.0}), &["tokenBudgetUsd"]),
                (json!({"tokenBudgetUsd": 1000.001}), &["tokenBudgetUsd"]),
                (json!({"tokenBudgetUsd": 1e308}), &["tokenBudgetUsd"]),
                (json!({"allowedTools": ["cursor"]}), &[]),
                (json!({"allowedTools": ["cursor", "codex", "claude"]}), &[]),
                (json!({"allowedTools": ["claude", "Claude", "vim", "", null, 5]}), &["allowedTools"]),
                (json!({"allowedTools": ["Claude", null]}), &["allowedTools.0", "allowedTools.1"]),
                (json!({"repoUrl": format!("https://git.example/{}", "a".repeat(2028))}), &[]),
                (json!({"repoUrl": format!("https://git.example/{}", "a".repeat(2029))}), &["repoUrl"]),
                (json!({"repoUrl": "HTTPS://git.example"}), &[]),
                (json!({"repoUrl": "git@git.example:a"}), &[]),
                (json!({"repoUrl": "ssh://git.example/a"}), &[]),
                (json!({"repoUrl": "git://git.example/a"}), &["repoUrl"]),
                (json!({"repoUrl": "//git.example/a"}), &["repoUrl"]),
                (json!({"repoUrl": "git@git.example"}), &["repoUrl"]),
                (json!({"repoUrl": "https://git.example/a\u{2028}b"}), &["repoUrl"]),
                (json!({"repoUrl": "https://git.example/a\nb"}), &["repoUrl"]),
                (json!({"repoUrl": ""}), &["repoUrl"]),
                (json!({"issueId": "", "rubricId": "0190a0a0"}), &["issueId", "rubricId"]),
            ],
        )
        .await;
    }
}

#[tokio::test]
async fn the_limits_of_what_reviewers_make_besides() {
    let app = TestApp::start().await;
    let all = writes(&app).await;
    check(
        find(&all, "POST", "/v1/org/api-keys"),
        vec![
            (json!({"name": letters(255)}), &[]),
            (json!({"name": letters(256)}), &["name"]),
            (json!({"name": " "}), &["name"]),
            (json!({"name": "a\0"}), &["name"]),
            (json!({"scopes": ["read", "write"]}), &[]),
            (json!({"scopes": []}), &["scopes"]),
            (json!({"scopes": ["Read", null]}), &["scopes.0", "scopes.1"]),
            (json!({"scopes": [["read"], {"read": true}]}), &["scopes.0", "scopes.1"]),
        ],
    )
    .await;
    let address = |local: usize, domain: usize| {
        let labels = "d".repeat(60) + "." + &"e".repeat(60) + "." + &"f".repeat(domain - 122);
        format!("{}@{labels}", "a".repeat(local))
    };
    assert_eq!((address(64, 189).len(), address(64, 190).len()), (254, 255));
    let one = |address: &str| json!({"candidateEmails": [address]});
    check(
        find(&all, "POST", "/keys"),
        vec![
            (json!({"count": 1}), &[]),
            (json!({"count": 50}), &[]),
            (json!({"count": 51}), &["count"]),
            (json!({"count": i64::MAX}), &["count"]),
            (json!({"orgName": letters(255)}), &[]),
            (json!({"orgName": letters(256)}), &["orgName"]),
            (json!({"orgName": " "}), &[]),
            (json!({"orgName": "a\0b"}), &["orgName"]),
            (json!({"candidateNames": [letters(255)]}), &[]),
            (json!({"candidateNames": [letters(256)]}), &["candidateNames.0"]),
            (json!({"candidateNames": [" "]}), &["candidateNames.0"]),
            (json!({"candidateNames": [null]}), &["candidateNames.0"]),
            (json!({"candidateNames": []}), &["candidateNames"]),
            (json!({"count": 50, "candidateNames": vec!["a"; 50], "candidateEmails": vec!["a@b.example"; 50]}), &[]),
            (json!({"count": 50, "candidateNames": vec!["a"; 51]}), &["candidateNames"]),
            (
                json!({"count": 2, "candidateNames": ["a", ""], "candidateEmails": ["", "a@b.example"]}),
                &["candidateEmails.0", "candidateNames.1"],
            ),
            (json!({"candidateEmails": [null]}), &["candidateEmails.0"]),
            (one(&address(64, 189)), &[]),
            (one(&address(64, 190)), &["candidateEmails.0"]),
            (one(&address(65, 130)), &["candidateEmails.0"]),
            (one("a@b.c"), &[]),
            (one("a+b.c_d'e@sub.b-c.example"), &[]),
            (one("a@localhost"), &["candidateEmails.0"]),
            (one("a@b@c.example"), &["candidateEmails.0"]),
            (one("@c.example"), &["candidateEmails.0"]),
            (one("a b@c.example"), &["candidateEmails.0"]),
            (one("Avocet <a@c.example>"), &["candidateEmails.0"]),
            (one("a@c.example, b@c.example"), &["candidateEmails.0"]),
            (one("a@.example"), &["candidateEmails.0"]),
            (one("a@c..example"), &["candidateEmails.0"]),
            (one("a\r\nBcc: b@c.example"), &["candidateEmails.0"]),
        ],
    )
    .await;
    check(
        find(&all, "POST", "/v1/sessions"),
        vec![
            (json!({"id": "x".repeat(128)}), &[]),
            (json!({"id": "x".repeat(129)}), &["id"]),
            (json!({"id": "A.b_c:d-9"}), &[]),
            (json!({"id": ""}), &["id"]),
            (json!({"id": "a/b"}), &["id"]),
            (json!({"id": "a%20b"}), &["id"]),
            (json!({"id": letters(1)}), &["id"]),
            (json!({"sourceService": letters(128)}), &[]),
            (json!({"sourceService": letters(129)}), &["sourceService"]),
            (json!({"sourceService": "\0"}), &["sourceService"]),
            (json!({"metadata": {"a": {"b": [null, "\0"]}}}), &[]),
        ],
    )
    .await;
    let session = all.iter().find(|write| write.path.starts_with("/v1/sessions/")).unwrap();
    check(
        session,
        vec![
            (json!({"endedAt": "2026-04-01"}), &["endedAt"]),
            (json!({"endedAt": "2026-04-01T10:00:00"}), &["endedAt"]),
            (json!({"endedAt": "2026-13-01T10:00:00Z"}), &["endedAt"]),
            (json!({"endedAt": "1969-12-31T23:59:59.999Z"}), &["endedAt"]),
            (json!({"endedAt": "", "metadata": "{}"}), &["endedAt", "metadata"]),
            (json!({"endedAt": "2026-04-01T10:00:00.123456789+14:00", "metadata": {}}), &[]),
        ],
    )
    .await;
    let key = all.iter().find(|write| write.path.contains("/keys/")).unwrap();
    for word in ["", "HIRED", "expired", "redeemed", "pending", " hired", "hired\0"] {
        check(key, vec![(json!({"status": word}), &["status"])]).await;
    }
}

#[tokio::test]
async fn an_address_of_a_repository_is_one_as_git_reads_it() {
    let app = TestApp::start().await;
    let all = writes(&app).await;
    let write = find(&all, "POST", "/v1/assessments");
    // A browser would mend these; `git fetch` does not.
    for url in
        ["http:///a", "https:git.example/a", "https:/git.example/a", "https:\\\\git.example\\a", "ssh:git.example"]
    {
        check(write, vec![(json!({"repoUrl": url}), &["repoUrl"])]).await;
    }
}
