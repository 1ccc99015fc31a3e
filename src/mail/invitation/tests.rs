use domain::OrgId;
use lettre::message::Mailbox;
use redis_scripts::AssessmentTerms;
use uuid::Uuid;

use super::*;
use crate::mail::TransportSettings;

fn terms(title: &str) -> AssessmentTerms {
    AssessmentTerms {
        title: title.into(),
        role: "engineer".into(),
        task_brief: None,
        repo_url: None,
        repo_commit: None,
        repo_subdir: None,
        setup_instructions: None,
        time_limit_minutes: Some(90),
        expires_in_days: 7,
        issue: None,
        rubric: None,
        token_budget_usd: None,
        allowed_tools: Vec::new(),
    }
}

fn mail(name: Option<&str>, org: &str, title: &str) -> String {
    let (id, now) = (Uuid::from_u128(7), Timestamp::from_millis(1_795_000_000_000));
    let org_id = OrgId::sample(Uuid::nil());
    let key = CandidateKey {
        id,
        org: org_id,
        assessment: Uuid::nil(),
        key: "PST-AB2C-D3EF".into(),
        email: Some("avocet@marsh.example".into()),
        name: name.map(str::to_owned),
        org_name: None,
        session: None,
        created_at: now,
        expires_at: now.plus_millis(7 * 24 * 3_600_000),
        redeemed_at: None,
        completed_at: None,
        expired_at: None,
        revoked_at: None,
        hired_at: None,
        consent: None,
        pubkeys: Vec::new(),
        total_cost_usd: None,
        invitation: None,
    };
    let terms = terms(title);
    let assessment =
        Assessment { id: Uuid::nil(), org: org_id, created_at: now, updated_at: now, deleted_at: None, terms };
    let settings = MailSettings {
        from: "Hiring <hiring@acme.example>".parse::<Mailbox>().unwrap(),
        colour: "#123456".into(),
        retry_after: std::time::Duration::from_secs(60),
        transport: TransportSettings::Log,
    };
    let inviting =
        Inviting { key: &key, assessment: &assessment, org_name: org, server: "https://hiring.acme.example" };
    let mail = write(&settings, &inviting, now).unwrap();
    assert_eq!(mail.id, "invitation-00000000-0000-0000-0000-000000000007@acme.example");
    // Soft line breaks of quoted-printable.
    String::from_utf8(mail.content).unwrap().replace("=\r\n", "").replace("=3D", "=")
}

#[test]
fn an_invitation_says_who_what_until_when_and_what_to_type() {
    let mail = mail(Some("Avocet"), "Acme", "Fix the parser");
    for expected in [
        "To: Avocet <avocet@marsh.example>\r\n",
        "From: Hiring <hiring@acme.example>\r\n",
        "Message-ID: <invitation-00000000-0000-0000-0000-000000000007@acme.example>\r\n",
        "Auto-Submitted: auto-generated\r\n",
        "Hello Avocet,",
        "Fix the parser",
        "promptster start PST-AB2C-D3EF --server https://hiring.acme.example",
        "you have 90 minutes.",
        "(in 7 days)",
        "background:#123456",
    ] {
        assert!(mail.contains(expected), "{expected}\n{mail}");
    }
    assert!(!mail.contains('{') && !mail.contains("[colour]"), "every place is filled:\n{mail}");
}

#[test]
fn what_people_wrote_stays_text_and_fills_no_other_place() {
    let mail = mail(Some("<b>\r\nBcc: x@y.example\u{202e}"), "A {key} & [colour] \"B\"", "{server}<script>");
    assert!(!mail.contains("\r\nBcc:") && !mail.contains("<b>\r\n<"), "{mail}");
    let html = mail.split("text/html").nth(1).unwrap();
    for hidden in ["<b>", "<script>", "& [colour]"] {
        assert!(!html.contains(hidden), "{hidden}\n{html}");
    }
    assert!(html.contains("A {key} &amp; &#91;colour] &quot;B&quot;"), "{html}");
    assert!(html.contains("{server}&lt;script&gt;"), "{html}");
    assert!(!mail.contains('\u{202e}') && !mail.contains("=E2=80=AE"), "{mail}");
}
