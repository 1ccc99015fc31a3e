//! Invitations leave once, whatever the mail server and the nodes do (http-api.md §4).

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use test_support::MailServer;

use crate::harness::{TestApp, eventually, files_with};

async fn app_with(server: &MailServer) -> TestApp {
    let flags = server.flags();
    TestApp::with(&flags.iter().map(String::as_str).collect::<Vec<_>>()).await
}

/// Makes keys for these addresses; the answer to that.
async fn invite(app: &TestApp, assessment: &str, emails: &[&str]) -> Value {
    let body = json!({"count": emails.len(), "candidateEmails": emails, "orgName": "Acme Labs"});
    app.reviewer().post(&format!("/v1/assessments/{assessment}/keys"), body).await.expect(201)
}

/// How far the invitations of an assessment are, in the order of its keys.
async fn statuses(app: &TestApp, assessment: &str) -> Vec<String> {
    let keys = app.reviewer().get(&format!("/v1/assessments/{assessment}/keys")).await.expect(200);
    let keys = keys["keys"].as_array().unwrap().iter();
    keys.map(|key| key["inviteStatus"].as_str().unwrap().to_owned()).collect()
}

async fn until(app: &TestApp, assessment: &str, expected: &[&str]) {
    let wait = async || (statuses(app, assessment).await == expected).then_some(());
    eventually(&format!("the invitations are {expected:?}"), wait).await;
}

/// What names each mail.
fn ids(mails: &[String]) -> BTreeSet<&str> {
    mails.iter().filter_map(|mail| mail.lines().find(|line| line.starts_with("Message-ID: "))).collect()
}

#[tokio::test]
async fn an_invitation_arrives_with_the_key_and_nobody_sees_the_password() {
    let server = MailServer::start(&[]);
    let app = app_with(&server).await;
    let assessment = app.assessment_with(json!({"title": "Fix the parser"})).await;
    let made = invite(&app, &assessment, &["avocet@marsh.example", "dunlin@example.org"]).await;
    assert_eq!(made["keys"][0]["inviteStatus"], "queued");
    until(&app, &assessment, &["sent", "sent"]).await;
    let mails = server.mails();
    assert_eq!(mails.len(), 2);
    for key in made["keys"].as_array().unwrap() {
        let (key, email) = (key["key"].as_str().unwrap(), key["candidateEmail"].as_str().unwrap());
        let mail = mails.iter().find(|mail| mail.contains(&format!("To: {email}\r\n"))).unwrap();
        for part in [key, "Acme Labs", "Fix the parser", "From: \"Acme Hiring\" <hiring@acme.example>", &app.url()] {
            assert!(mail.contains(part), "{part}\n{mail}");
        }
    }
    // Keys without an address have nothing to wait for.
    app.keys(&assessment, 1).await;
    assert_eq!(statuses(&app, &assessment).await, ["sent", "sent", "none"]);
    assert!(!app.log().contains(server.password()), "{}", app.log());
    assert_eq!(files_with(&app.data_dir(), server.password()), Vec::<String>::new());
}

#[tokio::test]
async fn what_fails_for_now_is_tried_again_and_what_fails_for_ever_is_given_up() {
    let server = MailServer::start(&["busy=1", "dies=1", "unknown=nobody@example.org"]);
    let app = app_with(&server).await;
    let assessment = app.assessment().await;
    // 451 first, then the connection is dropped in the middle of the mail, then it is taken.
    invite(&app, &assessment, &["avocet@marsh.example"]).await;
    until(&app, &assessment, &["sent"]).await;
    invite(&app, &assessment, &["nobody@example.org"]).await;
    until(&app, &assessment, &["sent", "failed"]).await;
    assert_eq!(server.mails().len(), 1);
}

#[tokio::test]
async fn a_mail_server_that_is_away_is_waited_for_and_a_revoked_key_is_not_sent() {
    let app = TestApp::with(&[
        "--mail=smtp",
        "--smtp-host=127.0.0.1",
        "--smtp-port=1",
        "--smtp-tls=none",
        "--mail-retry-secs=1",
    ])
    .await;
    let assessment = app.assessment().await;
    let made = invite(&app, &assessment, &["avocet@marsh.example", "dunlin@example.org"]).await;
    let told = async || app.log().contains("an invitation was not sent; it is tried again").then_some(());
    eventually("the log tells of it", told).await;
    assert_eq!(statuses(&app, &assessment).await, ["queued", "queued"]);
    let path = format!("/v1/assessments/{assessment}/keys/{}", made["keys"][0]["id"].as_str().unwrap());
    app.reviewer().delete(&path).await.expect(200);
    // Given up by the next try: there is nothing to invite to any more.
    until(&app, &assessment, &["queued"]).await;
}

/// A mail server that takes its time, so that deaths strike before, during and after the handing over.
#[tokio::test]
async fn each_invitation_arrives_once_although_the_server_is_killed_while_it_sends() {
    let server = MailServer::start(&["slow=0.8"]);
    let mut app = app_with(&server).await;
    let assessment = app.assessment().await;
    let emails: Vec<String> = (0..12).map(|number| format!("candidate-{number}@example.org")).collect();
    invite(&app, &assessment, &emails.iter().map(String::as_str).collect::<Vec<_>>()).await;
    for pause in [700, 1_900, 400] {
        tokio::time::sleep(Duration::from_millis(pause)).await;
        app.kill_server();
        app.start_server().await;
    }
    until(&app, &assessment, &["sent"; 12]).await;
    let mails = server.mails();
    assert_eq!((mails.len(), ids(&mails).len()), (12, 12), "each once:\n{mails:#?}");
    for email in emails {
        assert!(mails.iter().any(|mail| mail.contains(&format!("To: {email}\r\n"))), "{email}");
    }
}

#[tokio::test]
async fn mail_goes_into_files_where_that_is_wanted_and_nowhere_where_nothing_is_said() {
    let app = TestApp::with(&["--mail=file"]).await;
    let assessment = app.assessment().await;
    let made = invite(&app, &assessment, &["avocet@marsh.example"]).await;
    until(&app, &assessment, &["sent"]).await;
    let name = format!("mail/invitation-{}.eml", made["keys"][0]["id"].as_str().unwrap());
    let mail = std::fs::read_to_string(app.data_dir().join(name)).unwrap();
    assert!(mail.contains(made["keys"][0]["key"].as_str().unwrap()), "{mail}");

    let silent = TestApp::start().await;
    let assessment = silent.assessment().await;
    let made = invite(&silent, &assessment, &["avocet@marsh.example"]).await;
    assert_eq!(made["keys"][0]["inviteStatus"], "none");
}
