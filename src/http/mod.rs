//! The route table, and nothing else. Who may call a route is said by its handler's first argument; bodies are limited
//! to 1 MiB but for those of ingest, submissions and uploads.

mod activity;
mod artifacts;
mod assessments;
mod attribution;
pub mod auth;
pub mod body;
mod candidate;
mod candidates;
mod cohort;
mod cookies;
mod cors;
pub mod credentials;
mod dashboard;
mod disclosure;
mod erasure;
pub mod error;
mod export;
pub mod fields;
mod health;
mod holders;
mod ingest;
pub mod issues;
pub mod jwks;
pub mod jwt;
mod keys;
mod live;
pub(crate) mod members;
pub mod oidc;
pub mod openapi;
pub(crate) mod org;
mod origin;
mod own_page;
mod paced;
pub mod path;
pub mod places;
pub mod proxy;
pub mod query;
pub mod rate;
pub mod resource;
mod rubrics;
pub mod rule;
mod scores;
pub mod server;
mod sessions;
mod sign_in;
mod signatures;
mod signed_in;
mod signed_log;
mod socket;
mod stream;
mod streamer;
mod submissions;
mod tickets;
pub(crate) mod timed;
mod timeline;
mod uploads;
pub mod waiting;
mod wall;
mod watcher;
mod webhooks;
mod workspace;

use actix_web::web::ServiceConfig;
use resource::{At, at};

/// Every route of the server.
pub fn routes(config: &mut ServiceConfig) {
    for at in table() {
        config.service(at);
    }
}

/// The route table.
#[must_use]
#[rustfmt::skip]
pub fn table() -> Vec<At> {
    vec![
        at("/v1/health").get(health::health),
        at("/v1/ready").get(health::ready),
        at("/v1/openapi.json").get(openapi::show),
        at("/v1/org").get(org::show).patch(org::change),
        at("/v1/org/api-keys").get(org::list_api_keys).post(org::create_api_key),
        at("/v1/org/api-keys/{id}").delete(org::revoke_api_key),
        at("/v1/org/members").get(members::list_all).post(members::create),
        at("/v1/org/members/{id}").patch(members::change).delete(members::remove),
        at("/v1/org/webhooks").get(webhooks::list_all).post(webhooks::create),
        at("/v1/org/webhooks/{id}").delete(webhooks::delete),
        at("/v1/org/webhooks/{id}/test").post(webhooks::test),
        at("/v1/org/webhooks/{id}/rotate-secret").post(webhooks::rotate),
        at("/v1/org/webhooks/{id}/deliveries").get(webhooks::deliveries),
        at("/v1/assessments").get(assessments::list_all).post(assessments::create),
        at("/v1/assessments/{id}").get(assessments::show).patch(assessments::change).delete(assessments::delete),
        at("/v1/assessments/{id}/keys").get(keys::list_all).post(keys::create),
        at("/v1/assessments/{id}/keys/{keyId}").patch(keys::mark).delete(keys::revoke),
        at("/v1/assessments/{id}/cohort-stats").get(cohort::of_assessment),
        at("/v1/candidates").get(candidates::list),
        at("/v1/issues").get(issues::list_some).post(issues::create),
        at("/v1/issues/{id}").get(issues::show).patch(issues::change).delete(issues::delete),
        at("/v1/rubrics").get(rubrics::list_some).post(rubrics::create),
        at("/v1/rubrics/{id}").get(rubrics::show).patch(rubrics::change).delete(rubrics::delete),
        // The candidate's life.
        at("/v1/candidate/consent").get(candidate::show_consent).post(candidate::give_consent),
        at("/v1/candidate/redeem").post(candidate::redeem),
        at("/v1/candidate/complete").post(candidate::complete),
        at("/v1/candidate/device-check").post(workspace::check_device),
        at("/v1/candidate/workspace-commit").post(workspace::note_commit),
        at("/v1/candidate/upload-url").post(uploads::grant),
        at("/v1/candidate/submit-code").post(submissions::submit),
        at("/v1/uploads/{token}").put(uploads::receive),
        // Ingest and streaming.
        at("/v1/hooks/ingest").post(ingest::one),
        at("/v1/hooks/ingest/batch").post(ingest::batch),
        at("/v1/stream").stream(stream::stream),
        // Models.
        at("/v1/proxy/anthropic/{tail:.*}")
            .get(proxy::anthropic).post(proxy::anthropic).put(proxy::anthropic).patch(proxy::anthropic).delete(proxy::anthropic),
        at("/v1/proxy/openai/{tail:.*}")
            .get(proxy::openai).post(proxy::openai).put(proxy::openai).patch(proxy::openai).delete(proxy::openai),
        // Sessions and what is read of them.
        at("/v1/sessions").get(sessions::list).post(sessions::create),
        at("/v1/sessions/{id}").get(sessions::get).patch(sessions::patch).delete(erasure::delete),
        at("/v1/sessions/{id}/metadata").patch(sessions::patch_metadata),
        at("/v1/sessions/{id}/timeline").get(timeline::timeline),
        at("/v1/sessions/{id}/decisions").get(timeline::decisions),
        at("/v1/sessions/{id}/signals").get(timeline::signals),
        at("/v1/sessions/{id}/scores").get(scores::show).post(scores::give),
        at("/v1/sessions/{id}/cohort-stats").get(cohort::of_session),
        at("/v1/sessions/{id}/artifacts").get(artifacts::list_all),
        at("/v1/sessions/{id}/artifacts/{kind}").get(artifacts::one),
        at("/v1/sessions/{id}/analytics").get(artifacts::analytics),
        at("/v1/sessions/{id}/export").get(export::export),
        at("/v1/sessions/{id}/recent-activity").get(activity::recent),
        at("/v1/sessions/{id}/signed-log").get(signed_log::signed_log),
        at("/v1/sessions/{id}/integrity").get(signed_log::integrity),
        // Watching.
        at("/v1/sessions/{id}/live").stream(live::live),
        at("/v1/live").stream(wall::wall),
        at("/v1/live-tickets").post(tickets::issue),
        // Browsers.
        at("/auth/sign-in").post(sign_in::begin),
        at("/auth/sign-out").post(sign_in::end),
        at("/auth/me").get(signed_in::show),
        at("/auth/switch").post(signed_in::switch),
        at("/auth/methods").get(oidc::methods),
        at("/auth/oidc/begin").get(oidc::begin),
        at("/auth/oidc/callback").get(oidc::callback),
        // For people: what the dashboard's own router knows, and its files.
        at("/").get(dashboard::page),
        at("/sessions/{id}").get(dashboard::page),
        at("/compare").get(dashboard::page),
        at("/assessments").get(dashboard::page),
        at("/assessments/{id}").get(dashboard::page),
        at("/settings").get(dashboard::page),
        at("/settings/{part}").get(dashboard::page),
        at("/sign-in").get(dashboard::page),
        at("/icon.svg").get(dashboard::icon),
        at("/assets/{file}").get(dashboard::asset),
        at("/docs").get(openapi::docs::page),
        at("/docs/{file}").get(openapi::docs::asset),
    ]
}
