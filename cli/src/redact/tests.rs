//! A corpus: what has to go, each by its rule, and what has to stay. Secrets are put together here, so that no scanner
//! takes this file for a leak.

use super::{text, value};
use serde_json::json;

const HEX: &str = "9f86d081884c7d659a2feaa0c55ad015";
const MIXED: &str = "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hJ6";

fn secrets() -> Vec<(&'static str, String, String)> {
    let of = |rule, before: &str, secret: String, after: &str| (rule, format!("{before}{secret}{after}"), secret);
    let jwt = format!("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.{MIXED}");
    let pem =
        |name: &str| format!("-----BEGIN {name}PRIVATE KEY-----\n{}\n-----END {name}PRIVATE KEY-----", MIXED.repeat(4));
    vec![
        of("aws-key", "aws_access_key_id = ", format!("AK{}", "IA2E0A8F3B244C9986"), "\n"),
        of("assigned-secret", "AWS_SECRET_ACCESS_KEY=", format!("wJalrXUtnFEMI/K7MDENG/bPx{}", "RfiCYzQ83kEY"), "\n"),
        of("github-token", "git clone https://x:", format!("gh{}{MIXED}", "p_"), "@github.com/a/b"),
        of("github-token", "token is ", format!("github{}{MIXED}", "_pat_11AA"), ","),
        of("gitlab-token", "-H 'PRIVATE-TOKEN: ", format!("gl{}{}", "pat-", &MIXED[..22]), "'"),
        of("slack-token", "\"", format!("xo{}", "xb-1234098765-2345678901-aB3dE6gH9jK2"), "\""),
        of("stripe-key", "Stripe('", format!("sk_{}{}", "live_", &MIXED[..24]), "')"),
        of("openai-key", "OPENAI_API_KEY=", format!("sk-{}{MIXED}", "proj-"), ""),
        of("anthropic-key", "key: ", format!("sk-{}{MIXED}", "ant-api03-"), ""),
        of("google-key", "?key=", format!("AI{}{}", "zaSy", &MIXED[..33]), "&q"),
        of("npm-token", "//registry.npmjs.org/:_authToken=", format!("np{}{MIXED}", "m_"), ""),
        of("huggingface-token", "login ", format!("h{}{MIXED}", "f_"), ""),
        of("jwt", "cookie: session=", jwt.clone(), ";"),
        of("private-key", "", pem("RSA "), "\n"),
        of("private-key", "cat key\n", pem(""), ""),
        of("private-key", "", pem("OPENSSH "), ""),
        of("connection-string", "postgres://app:", "s3cr3t-Pa55".to_owned(), "@db.internal:5432/app"),
        of("connection-string", "amqp://svc:", "hunter2".to_owned(), "@mq/vhost"),
        of("connection-string", "DATABASE_URL=mysql://u:", "p4ss:w0rd".to_owned(), "@h/x"),
        of("authorization", "Authorization: Bearer ", MIXED.to_owned(), "\r\n"),
        of("authorization", "curl -H \"Authorization: Basic ", "YWxhZGRpbjpvcGVuc2VzYW1lMTIz".to_owned(), "\""),
        of("assigned-secret", "client_secret: \"", HEX.to_owned(), "\","),
        of("assigned-secret", "export SESSION_SECRET=", HEX.to_owned(), "\nexport A=b"),
        of("assigned-secret", "  password: ", "Tr0ub4dor-and-3xtra".to_owned(), "\n"),
        of("assigned-secret", "{\"apiKey\":\"", HEX.to_owned(), "\"}"),
        of("sendgrid-key", "", format!("S{}aB3dE6gH9jK2mN5pQ8sT1v.{MIXED}", "G."), ""),
        of("shopify-token", "", format!("shp{}{HEX}", "at_"), ""),
        of("digitalocean-token", "", format!("dop{}{HEX}{HEX}", "_v1_"), ""),
        of("promptster-key", "Bearer ", format!("psk{}{}", "_live_", &MIXED[..30]), ""),
        of("vault-token", "VAULT ", format!("hv{}{}", "s.", &MIXED[..28]), ""),
    ]
}

const INNOCENT: [&str; 44] = [
    "commit 9fceb02d0ae598e95dc970b74767f19372d61af8",
    "uuid 550e8400-e29b-41d4-a716-446655440000",
    r#""integrity": "sha512-xSBIsGtQxJYlq1p0gHqvX9yTtZ2bJ4u0Yk9m1s5jAw==","#,
    "checksum = \"a4e1c1f0c5d1a3b2e4f5061728394a5b6c7d8e9fa0b1c2d3e4f5061728394a5b\"",
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk",
    "const token = await getToken(request);",
    "let access_token = response.json()[\"access_token\"];",
    "token: string;",
    "password: z.string().min(8),",
    "password = getpass.getpass('Password: ')",
    "api_key = os.environ[\"OPENAI_API_KEY\"]",
    "const apiKey = process.env.STRIPE_SECRET_KEY;",
    "API_KEY=your-api-key-here-123",
    "API_KEY=<paste it here>",
    "SECRET_KEY=${SECRET_KEY}",
    "STRIPE_SECRET_KEY=sk_test_xxxxxxxxxxxxxxxxxxxxxxxx",
    "postgres://postgres:postgres@localhost:5432/app",
    "postgres://user:password@localhost/db",
    "postgres://$USER:$PASSWORD@localhost/db",
    "redis://localhost:6379/0",
    "http://example.com:8080/a@b",
    "git@github.com:rust-lang/rust.git",
    "https://github.com/a/b/commit/9fceb02d0ae598e95dc970b74767f19372d61af8",
    "color: #a1b2c3d4; background: url(x.png)",
    "sk-learn-compatible-estimators-and-transformers-2",
    "class sk_test_case_for_the_billing_module_2: pass",
    "maxTokens: 4096, tokenCount: 1234567890123",
    "\"tokenizer\": \"cl100k_base-2023-11-06-v2\"",
    "csrf_token = \"{{ csrf_token() }}\"",
    "secretName: my-app-secret-v2-prod",
    "fn verify_password(hash: &str, candidate: &str) -> bool {",
    "assert_eq!(token, Token::Ident(\"foo123bar456\"));",
    "The password must be at least 12 characters, with 1 digit.",
    "Authorization: Bearer <token>",
    "Authorization: Bearer ${token}",
    "echo '-----BEGIN PRIVATE KEY-----' | grep -c KEY",
    "if header.startswith('-----BEGIN RSA PRIVATE KEY-----'):",
    "-----BEGIN CERTIFICATE-----\nMIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0BAQUFADBaMQswCQYDVQQGEwJJ\n-----END CERTIFICATE-----",
    "eyJhbGciOiJIUzI1NiJ9 is a header alone",
    "AKIA is how access keys begin; AKIAIOSFODNN7EXAMPLE is the documented one",
    "password: { type: String, required: true, minlength: 12 },",
    "import { tokenSecret2024Helper } from './auth/token.secret.v2';",
    "tests/auth/test_token_refresh_2.py::test_secret_rotation PASSED",
    "let passwordResetUrl = \"https://app.example.com/reset/v2/step1\";",
];

#[test]
fn every_secret_of_the_corpus_goes_by_its_rule() {
    let mut missed = Vec::new();
    for (rule, line, secret) in secrets() {
        let clean = text(&line);
        if clean.contains(&secret) || !clean.contains(&format!("[redacted:{rule}]")) {
            missed.push(format!("{rule}: {line:?} became {clean:?}"));
        }
    }
    assert!(missed.is_empty(), "{} of {} missed:\n{}", missed.len(), secrets().len(), missed.join("\n"));
}

#[test]
fn nothing_innocent_of_the_corpus_is_touched() {
    let wrong: Vec<String> = INNOCENT
        .iter()
        .map(|line| (line, text(line)))
        .filter(|(line, clean)| clean != *line)
        .map(|pair| format!("{pair:?}"))
        .collect();
    assert!(wrong.is_empty(), "{} of {} false positives:\n{}", wrong.len(), INNOCENT.len(), wrong.join("\n"));
}

/// Code and prose that nobody wrote for this test: that of this tool itself.
#[test]
fn this_tools_own_source_holds_no_secret() {
    let mut n_files = 0;
    let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.ends_with("redact/tests.rs") {
                let source = std::fs::read_to_string(&path).unwrap();
                assert_eq!(text(&source), source, "{}", path.display());
                n_files += 1;
            }
        }
    }
    assert!(n_files > 20, "{n_files}");
}

#[test]
fn what_surrounds_a_secret_stays_and_cleaning_twice_changes_nothing() {
    for (_, line, secret) in secrets() {
        let clean = text(&line).into_owned();
        let (before, after) = line.split_once(&secret).unwrap();
        assert!(clean.starts_with(before) && clean.ends_with(after), "{line:?} became {clean:?}");
        assert_eq!(text(&clean), clean);
    }
    assert_eq!(text("é€ ünicode = ok"), "é€ ünicode = ok");
}

#[test]
fn members_are_cleaned_at_any_depth() {
    let mut data =
        json!({ "a": [{ "stdout": format!("x AK{}", "IA2E0A8F3B244C9986") }], "n": 1, "apiKey": HEX, "path": HEX });
    value(&mut data);
    assert_eq!(
        data,
        json!({ "a": [{ "stdout": "x [redacted:aws-key]" }], "n": 1, "apiKey": "[redacted:assigned-secret]", "path": HEX })
    );
}
