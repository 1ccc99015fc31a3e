//! The dashboard: the files that Vite built from `dashboard/`, as part of the program. Its pages are one file, whose
//! script looks at the address. Where it was not built, a plain page says how to do that.

use std::{collections::HashMap, io::Write, sync::LazyLock};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HeaderValue},
    web::Bytes,
};
use flate2::{Compression, write::GzEncoder};
use rust_embed::RustEmbed;

use super::{
    error::{ApiError, Refusal},
    path::PathFile,
};

#[derive(RustEmbed)]
#[folder = "dashboard/dist"]
struct Dist;

/// A file, as it is and packed.
struct File {
    kind: &'static str,
    plain: Bytes,
    packed: Bytes,
}

/// Packed once, when the first page is asked for: a few hundred kibibytes.
static FILES: LazyLock<HashMap<String, File>> = LazyLock::new(|| {
    let load = |name: std::borrow::Cow<'static, str>| {
        let plain = Bytes::from(Dist::get(&name)?.data.into_owned());
        let packed = packed(&plain).ok()?;
        Some((name.to_string(), File { kind: kind_of(&name), plain, packed }))
    };
    Dist::iter().filter_map(load).collect()
});

/// Any page of the dashboard.
pub(super) async fn page(request: HttpRequest) -> HttpResponse {
    let policy = policy(&request);
    let mut reply = match FILES.get("index.html") {
        // The names of all other files change with what is in them, so a newer version is seen at once.
        Some(file) => send(&request, file, "no-cache"),
        None => HttpResponse::NotFound()
            .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
            .body(include_str!("dashboard_missing.html")),
    };
    let headers = reply.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers
        .insert(header::HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin"));
    reply
}

/// `GET /assets/{file}`: what is in it never changes under the same name.
pub(super) async fn asset(request: HttpRequest, PathFile(name): PathFile) -> Result<HttpResponse, ApiError> {
    let file = FILES.get(&format!("assets/{name}")).ok_or(Refusal::NotFound)?;
    Ok(send(&request, file, "public, max-age=31536000, immutable"))
}

/// `GET /icon.svg`
pub(super) async fn icon(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let file = FILES.get("icon.svg").ok_or(Refusal::NotFound)?;
    Ok(send(&request, file, "public, max-age=86400"))
}

fn send(request: &HttpRequest, file: &File, caching: &'static str) -> HttpResponse {
    let mut reply = HttpResponse::Ok();
    reply.insert_header((header::CONTENT_TYPE, file.kind));
    reply.insert_header((header::CACHE_CONTROL, caching));
    reply.append_header((header::VARY, "Accept-Encoding"));
    if takes_gzip(request) {
        reply.insert_header((header::CONTENT_ENCODING, "gzip"));
        reply.body(file.packed.clone())
    } else {
        reply.body(file.plain.clone())
    }
}

fn takes_gzip(request: &HttpRequest) -> bool {
    let accepted = request.headers().get_all(header::ACCEPT_ENCODING).filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let is_refused = weight.trim().strip_prefix("q=").is_some_and(|q| q.trim().parse() == Ok(0.0));
        name.trim().eq_ignore_ascii_case("gzip") && !is_refused
    })
}

/// Nothing from another host, nothing written into the page, no frame around it. Older browsers do not count the sockets
/// of the page's own host to `'self'`, so they are named.
fn policy(request: &HttpRequest) -> HeaderValue {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    let sockets = if !host.is_empty() && host.bytes().all(is_host) {
        format!(" ws://{host} wss://{host}")
    } else {
        String::new()
    };
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'{sockets}; img-src 'self' data:; \
         base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'"
    );
    HeaderValue::try_from(policy).unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'"))
}

fn packed(plain: &[u8]) -> std::io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain)?;
    encoder.finish().map(Bytes::from)
}

fn kind_of(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "woff2" => "font/woff2",
        "png" => "image/png",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn gzip_is_sent_to_those_who_take_it() {
        let takes = |value: &str| {
            takes_gzip(&TestRequest::get().insert_header((header::ACCEPT_ENCODING, value)).to_http_request())
        };
        assert!(takes("gzip, deflate, br") && takes("br;q=1.0, GZIP;q=0.8"));
        assert!(!takes("br") && !takes("gzip;q=0") && !takes(""));
    }

    #[test]
    fn a_host_cannot_add_to_the_policy() {
        let of = |host: &str| {
            let request = TestRequest::get().insert_header((header::HOST, host)).to_http_request();
            policy(&request).to_str().unwrap().to_owned()
        };
        assert!(
            of("dash.example.org:8080")
                .contains("connect-src 'self' ws://dash.example.org:8080 wss://dash.example.org:8080;")
        );
        assert!(of("a; script-src *").contains("connect-src 'self'; img-src"));
    }
}
