//! The dashboard's files, as browsers get them. A build without them, as without Node, says how to have them.

use std::path::Path;

use reqwest::Method;

use crate::harness::TestApp;

#[tokio::test]
async fn pages_are_served_under_a_strict_policy() {
    let app = TestApp::start().await;
    let anonymous = app.anonymous();
    let is_built = Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboard/dist/index.html").exists();
    let id = "0190a0a0-0000-7000-8000-000000000000";
    let (session, assessment) = (format!("/sessions/{id}"), format!("/assessments/{id}"));
    for path in [
        "/",
        "/sign-in",
        "/assessments",
        "/settings",
        "/settings/rubrics",
        "/compare?sessions=a,b",
        "//compare",
        &session,
        &assessment,
    ] {
        let page = anonymous.get(path).await;
        assert_eq!(page.status, if is_built { 200 } else { 404 }, "{path}");
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        assert!(page.text.contains(if is_built { "<div id=\"app\"></div>" } else { "make run" }), "{}", page.text);
        let policy: Vec<_> = page.header("content-security-policy").split("; ").collect();
        let host = app.address();
        assert_eq!(
            policy,
            [
                "default-src 'none'",
                "script-src 'self'",
                "style-src 'self'",
                &format!("connect-src 'self' ws://{host} wss://{host}"),
                "img-src 'self' data:",
                "base-uri 'none'",
                "form-action 'self'",
                "frame-ancestors 'none'",
                "require-trusted-types-for 'script'",
            ]
        );
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        assert_eq!(page.header("referrer-policy"), "same-origin");
        assert_eq!(page.header("x-frame-options"), "DENY");
        assert!(["no-cache", "no-store"].contains(&page.header("cache-control")));
        assert_eq!(anonymous.call(Method::HEAD, path).await.status, page.status);
    }
    anonymous.call(Method::POST, "/").await.refused(405, "method_not_allowed");
}

#[tokio::test]
async fn files_are_sent_packed_and_kept_for_ever() {
    let app = TestApp::start().await;
    let anonymous = app.anonymous();
    let page = anonymous.get("/").await;
    let names: Vec<_> = page.text.split('"').filter(|part| part.starts_with("/assets/")).collect();
    assert_eq!(names.is_empty(), page.status == 404, "{}", page.text);
    for name in names {
        let plain = anonymous.get(name).await;
        let kind = if name.ends_with(".js") { "text/javascript; charset=utf-8" } else { "text/css; charset=utf-8" };
        assert_eq!((plain.status, plain.header("content-type")), (200, kind));
        assert_eq!(plain.header("cache-control"), "public, max-age=31536000, immutable");
        assert_eq!(plain.header("x-content-type-options"), "nosniff");
        let request = anonymous.request(Method::GET, name).header("accept-encoding", "gzip, br");
        let packed = request.send().await.unwrap();
        assert_eq!(packed.headers()["content-encoding"], "gzip");
        assert!(packed.headers().get_all("vary").iter().any(|value| value == "Accept-Encoding"));
        let packed = packed.bytes().await.unwrap();
        let mut unpacked = String::new();
        std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&packed[..]), &mut unpacked).unwrap();
        assert_eq!(unpacked, plain.text);
        assert!(packed.len() < plain.text.len());
    }
    anonymous.get("/assets/..%2findex.html").await.refused(404, "not_found");
}
