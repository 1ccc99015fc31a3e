//! `/docs`: the reference for people, Swagger UI over `/v1/openapi.json`. Its files are part of the program; nothing
//! comes from another host.

use std::sync::Arc;

use actix_web::{HttpResponse, http::header};
use utoipa_swagger_ui::{Config, serve};

use crate::http::{
    error::{ApiError, Refusal},
    path::PathFile,
};

/// The page may load what this server has, and ask this server. Swagger UI writes styles into the page, and has small
/// images as data.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// `GET /docs`
pub(in crate::http) async fn page() -> HttpResponse {
    reply("text/html; charset=utf-8", include_str!("docs.html"))
}

/// `GET /docs/{file}`
pub(in crate::http) async fn asset(PathFile(name): PathFile) -> Result<HttpResponse, ApiError> {
    if name == "reference.js" {
        return Ok(reply("text/javascript; charset=utf-8", include_str!("docs.js")));
    }
    // Its own page and start would ask for an example of its makers.
    let is_asset = ["swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"].contains(&name.as_str());
    if !is_asset {
        return Err(Refusal::NotFound.into());
    }
    let found = serve(&name, Arc::new(Config::from("/v1/openapi.json"))).map_err(ApiError::internal)?;
    let found = found.ok_or(Refusal::NotFound)?;
    Ok(reply(&found.content_type, found.bytes.into_owned()))
}

fn reply(kind: &str, body: impl actix_web::body::MessageBody + 'static) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, kind))
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::CACHE_CONTROL, "max-age=3600"))
        .body(body)
}
