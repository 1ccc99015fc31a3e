//! The description of the API by itself: OpenAPI 3.1. Methods, paths, credentials, parameters, bodies and refusals come
//! from the route table and the arguments of its handlers; [`texts`] adds prose and the names of replies, whose shapes
//! stand in `schemas/`. The black-box tests hold every reply against this document.

use std::sync::OnceLock;

use actix_web::HttpResponse;
use serde_json::{Map, Value, json};

use super::{error::Refusal, resource::Route, table};
use operation::Operation;

pub mod described;
pub mod docs;
pub mod operation;
mod schemas;
mod texts;

/// `GET /v1/openapi.json`
pub(super) async fn show() -> HttpResponse {
    static TEXT: OnceLock<String> = OnceLock::new();
    let text = TEXT.get_or_init(|| document().to_string());
    HttpResponse::Ok()
        .insert_header(("content-type", "application/json"))
        .insert_header(("cache-control", "max-age=60"))
        .body(text.as_str())
}

/// The document.
#[must_use]
pub fn document() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    let described: Vec<Route> = table().iter().flat_map(|at| at.routes()).filter(Route::is_of_the_api).collect();
    for route in described {
        let operation = operation_of(&route);
        let methods = paths.entry(route.path).or_insert_with(|| Map::new().into());
        if let Some(methods) = methods.as_object_mut() {
            methods.insert(route.method.to_ascii_lowercase(), operation);
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Promptster",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Captures AI coding sessions as they happen, shows them live, and compares candidates.",
            "description": include_str!("introduction.md"),
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "tags": texts::TAGS.iter().map(|(name, text)| json!({ "name": name, "description": text })).collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "securitySchemes": security_schemes(),
            "headers": headers(),
            "schemas": schemas::all(),
        },
    })
}

fn operation_of(route: &Route) -> Value {
    let mut operation = Operation::default();
    (route.describe)(&mut operation);
    let Some(text) = texts::of(route.method, &route.path) else {
        return operation.into_value(&route.name(), "Other", &route.name(), "", &[]);
    };
    if let Some((media, schema)) = text.takes {
        described::raw_body(&mut operation, media, schema);
    }
    operation.refuse(text.refusals);
    operation.refuse(&[Refusal::Internal]);
    operation.into_value(&route.name(), text.tag, text.summary, text.details, text.answers)
}

fn security_schemes() -> Value {
    json!({
        "reviewer": {
            "type": "http", "scheme": "bearer",
            "description": "An organisation's API key (`psk_live_…`), or a JWT of its identity provider.",
        },
        "signIn": {
            "type": "apiKey", "in": "cookie", "name": "promptster_sign_in",
            "description": "What browsers get for an API key at `POST /auth/sign-in`. It counts only for requests of this server's own pages.",
        },
        "candidate": {
            "type": "apiKey", "in": "header", "name": "X-API-Key",
            "description": "A candidate key (`PST-XXXX-XXXX`), or the `sessionToken` that redeeming it returned.",
        },
        "candidateBearer": {
            "type": "http", "scheme": "bearer",
            "description": "What `candidate` takes, as model clients send it.",
        },
        "ticket": {
            "type": "apiKey", "in": "query", "name": "ticket",
            "description": "A one-use ticket of `POST /v1/live-tickets`, for browsers' sockets.",
        },
    })
}

fn headers() -> Value {
    let header = |text: &str, schema: Value| json!({ "description": text, "required": true, "schema": schema });
    let integer = json!({ "type": "integer", "minimum": 0 });
    json!({
        "x-request-id": header("The client's own id when it is sane, else a new one.", json!({ "type": "string" })),
        "x-ratelimit-limit": header("What the budget holds when it is full.", integer.clone()),
        "x-ratelimit-remaining": header("What is left of it.", integer.clone()),
        "x-ratelimit-reset": header("When it is full again, in unix seconds.", integer.clone()),
        "Retry-After": header("Seconds until it is worth trying again.", integer),
        "WWW-Authenticate": header("How to prove who asks.", json!({ "type": "string" })),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn routes() -> Vec<Route> {
        table().iter().flat_map(|at| at.routes()).filter(Route::is_of_the_api).collect()
    }

    #[test]
    fn every_route_has_its_text_and_every_text_its_route() {
        let named = |route: &Route| format!("{} {}", route.method, route.path);
        let routes: BTreeSet<String> = routes().iter().map(named).collect();
        let texts: BTreeSet<String> = texts::TEXTS.iter().map(|text| text.route.to_owned()).collect();
        assert_eq!(routes, texts);
        assert_eq!(texts.len(), texts::TEXTS.len(), "each text once");
    }

    #[test]
    fn operations_have_names_of_their_own() {
        let routes = routes();
        let names: BTreeSet<String> = routes.iter().map(Route::name).collect();
        assert_eq!(names.len(), routes.len());
        let tags: BTreeSet<&str> = texts::TAGS.iter().map(|(name, _)| *name).collect();
        assert!(texts::TEXTS.iter().all(|text| tags.contains(text.tag)));
    }

    #[test]
    fn every_reference_leads_somewhere_and_every_schema_is_used() {
        let document = document();
        let text = document.to_string();
        let mut used = BTreeSet::new();
        for part in text.split(r##""$ref":"#"##).skip(1) {
            let pointer = part.split('"').next().unwrap();
            assert!(document.pointer(pointer).is_some(), "{pointer} is nowhere");
            used.insert(pointer.to_owned());
        }
        for name in document["components"]["schemas"].as_object().unwrap().keys() {
            assert!(used.contains(&format!("/components/schemas/{name}")), "{name} is used nowhere");
        }
    }

    #[test]
    fn every_refusal_is_documented_somewhere() {
        let text = document().to_string();
        // Wrong methods and panics are told of in the introduction; they are no operation's own.
        for refusal in Refusal::ALL {
            assert!(text.contains(&format!("`{}`", refusal.code())), "{}", refusal.code());
        }
    }
}
