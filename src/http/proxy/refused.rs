//! Refusals as the providers' own clients understand them.

use actix_web::{
    HttpResponse,
    body::BoxBody,
    http::header::{HeaderName, HeaderValue},
};
use domain::model::Provider;
use serde_json::{Value, json};

use crate::http::error::ApiError;

/// Refuses: in the provider's shape, with the status and the headers of all refusals.
pub(super) fn reply(provider: Provider, error: &ApiError, request_id: &str) -> HttpResponse {
    error.report(request_id);
    let common = error.respond(request_id);
    let status = common.status().as_u16();
    let body = body(provider, status, error.refusal().sentence(), error.refusal().code());
    let mut reply = common.set_body(BoxBody::new(body.to_string()));
    if (400..500).contains(&status) && status != 429 {
        // Both providers' libraries repeat some of these otherwise, and it would not help.
        reply.headers_mut().insert(HeaderName::from_static("x-should-retry"), HeaderValue::from_static("false"));
    }
    reply
}

fn body(provider: Provider, status: u16, sentence: &str, code: &str) -> Value {
    match provider {
        Provider::Anthropic => {
            let kind = match status {
                401 => "authentication_error",
                402 => "billing_error",
                403 | 410 => "permission_error",
                404 => "not_found_error",
                413 => "request_too_large",
                429 => "rate_limit_error",
                503 => "overloaded_error",
                500.. => "api_error",
                _ => "invalid_request_error",
            };
            json!({ "type": "error", "error": { "type": kind, "message": sentence } })
        }
        Provider::Openai => {
            let kind = match status {
                401 => "authentication_error",
                402 => "insufficient_quota",
                403 | 410 => "permission_error",
                429 => "rate_limit_error",
                500.. => "server_error",
                _ => "invalid_request_error",
            };
            json!({ "error": { "message": sentence, "type": kind, "code": code } })
        }
    }
}
