//! What each argument of a handler says of its route: who may call it, what it takes, and how that is refused.

use actix_web::{
    HttpRequest,
    web::{Data, Payload, ReqData},
};
use serde_json::json;

use super::operation::{Operation, reference};
use crate::{
    App,
    http::{
        auth::{Candidate, Either, Public, Reviewer, ReviewerWrite, Sender},
        body::{Body, FromBody, RawBody},
        error::Refusal,
        path::{AnyKind, PathArtifact, PathFile, PathId, PathKey, PathSession, PathToken},
        proxy::ModelCall,
        query::{FromQuery, Query},
        rule::{SESSION_ID_PATTERN, uuid_schema},
        server::RequestId,
        signed_in::SignedIn,
        streamer::Streamer,
        watcher::Watcher,
    },
};

/// An argument of a handler.
pub trait Described {
    /// Adds what it means for whoever calls the route.
    fn describe(_: &mut Operation) {}
}

/// The ways to prove who asks, by the names of the document's `securitySchemes`.
const REVIEWER: &str = "reviewer";
const SIGN_IN: &str = "signIn";
const CANDIDATE: &str = "candidate";
const TICKET: &str = "ticket";
const BEARER: &str = "candidateBearer";

const KNOWN: &[Refusal] =
    &[Refusal::Unauthorized, Refusal::CrossSite, Refusal::OriginRefused, Refusal::RateLimited, Refusal::Unavailable];

/// Declares what arguments mean.
macro_rules! described {
    ($($name:ty = |$operation:ident| $body:expr;)*) => {$(
        impl Described for $name {
            fn describe($operation: &mut Operation) {
                $body
            }
        }
    )*};
}

described! {
    Reviewer = |operation| {
        operation.admit(&[REVIEWER, SIGN_IN]);
        operation.refuse(KNOWN);
        operation.refuse(&[Refusal::ReviewerOnly, Refusal::InsufficientScope]);
    };
    ReviewerWrite = |operation| Reviewer::describe(operation);
    Candidate = |operation| {
        operation.admit(&[CANDIDATE]);
        operation.refuse(KNOWN);
        operation.refuse(&[Refusal::CandidateOnly]);
    };
    Sender = |operation| {
        Candidate::describe(operation);
        operation.refuse(&[Refusal::Overloaded]);
    };
    Streamer = |operation| {
        Candidate::describe(operation);
        operation.refuse(&[Refusal::OriginRefused, Refusal::TooManyStreams]);
    };
    Either = |operation| {
        operation.admit(&[REVIEWER, SIGN_IN, CANDIDATE]);
        operation.refuse(KNOWN);
        operation.refuse(&[Refusal::InsufficientScope]);
    };
    Watcher = |operation| {
        Either::describe(operation);
        operation.admit(&[TICKET]);
        operation.refuse(&[Refusal::OriginRefused, Refusal::TooManyWatchers]);
    };
    SignedIn = |operation| operation.refuse(KNOWN);
    Public = |operation| operation.refuse(&[Refusal::RateLimited, Refusal::Unavailable]);

    PathId = |operation| {
        operation.path_parameter("id", &uuid_schema());
        operation.refuse(&[Refusal::NotFound]);
    };
    PathSession = |operation| {
        operation.path_parameter("id", &json!({ "type": "string", "pattern": SESSION_ID_PATTERN }));
        operation.refuse(&[Refusal::NotFound]);
    };
    PathArtifact = |operation| {
        PathSession::describe(operation);
        operation.path_parameter("kind", &json!({ "enum": AnyKind::words().collect::<Vec<_>>() }));
    };
    PathKey = |operation| {
        PathId::describe(operation);
        operation.path_parameter("keyId", &uuid_schema());
    };
    PathToken = |operation| {
        operation.path_parameter("token", &json!({ "type": "string" }));
        operation.refuse(&[Refusal::NotFound]);
    };

    PathFile = |operation| operation.refuse(&[Refusal::NotFound]);

    ModelCall = |operation| {
        operation.admit(&[CANDIDATE, BEARER]);
        operation.path_parameter("tail", &json!({ "type": "string" }));
        operation.refuse_as("ProviderError");
        operation.refuse(KNOWN);
    };

    RawBody = |operation| operation.refuse(BODY);

    HttpRequest = |_operation| ();
    Payload = |_operation| ();
    Data<App> = |_operation| ();
    ReqData<RequestId> = |_operation| ();
}

/// How bodies are refused, whatever is in them.
const BODY: &[Refusal] = &[
    Refusal::InvalidJson,
    Refusal::ValidationFailed,
    Refusal::BadRequest,
    Refusal::BodyTimeout,
    Refusal::PayloadTooLarge,
    Refusal::UnsupportedEncoding,
];

impl<T: FromBody> Described for Body<T> {
    fn describe(operation: &mut Operation) {
        operation.body("application/json", T::schema());
        operation.refuse(BODY);
    }
}

impl<T: FromQuery> Described for Query<T> {
    fn describe(operation: &mut Operation) {
        operation.parameters(Query::<T>::described());
        operation.refuse(&[Refusal::InvalidQuery]);
    }
}

/// The body of a route that reads it itself.
pub(super) fn raw_body(operation: &mut Operation, media: &str, schema: &str) {
    let schema = if schema.is_empty() { json!({ "type": "string", "format": "binary" }) } else { reference(schema) };
    operation.body(media, schema);
}

/// All arguments of a handler, in order.
macro_rules! tuples {
    ($(($($argument:ident)*))*) => {$(
        impl<$($argument: Described),*> Described for ($($argument,)*) {
            fn describe(_operation: &mut Operation) {
                $($argument::describe(_operation);)*
            }
        }
    )*};
}

tuples! { () (A) (A B) (A B C) (A B C D) (A B C D E) (A B C D E F) (A B C D E F G) }
