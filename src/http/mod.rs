//! The route table, and nothing else. Who may call a route is said by its handler's first argument; bodies are limited
//! to 1 MiB but for those of ingest, submissions and uploads.

mod activity;
mod assessments;
pub mod auth;
pub mod body;
mod candidate;
mod candidates;
mod cohort;
mod cors;
mod disclosure;
mod erasure;
pub mod error;
pub mod fields;
mod frame;
mod health;
mod ingest;
mod jwks;
pub mod jwt;
mod keys;
mod live;
mod org;
mod origin;
pub mod query;
pub mod rate;
pub mod resource;
pub mod server;
mod sessions;
mod signatures;
mod signed_log;
mod socket;
mod stream;
mod submissions;
mod tickets;
mod timeline;
mod uploads;
mod wall;
mod watcher;
mod workspace;

use actix_web::web::ServiceConfig;
use resource::at;

/// Every route of the server.
#[rustfmt::skip]
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(at("/v1/health").get(health::health))
        .service(at("/v1/ready").get(health::ready))
        .service(at("/v1/org").get(org::show))
        .service(at("/v1/org/api-keys").get(org::list_api_keys).post(org::create_api_key))
        .service(at("/v1/org/api-keys/{id}").delete(org::revoke_api_key))
        .service(at("/v1/assessments").get(assessments::list_all).post(assessments::create))
        .service(at("/v1/assessments/{id}").get(assessments::show).patch(assessments::change).delete(assessments::delete))
        .service(at("/v1/assessments/{id}/keys").get(keys::list_all).post(keys::create))
        .service(at("/v1/assessments/{id}/keys/{key_id}").patch(keys::mark).delete(keys::revoke))
        .service(at("/v1/candidate/consent").get(candidate::show_consent).post(candidate::give_consent))
        .service(at("/v1/candidate/redeem").post(candidate::redeem))
        .service(at("/v1/candidate/complete").post(candidate::complete))
        .service(at("/v1/candidate/device-check").post(workspace::check_device))
        .service(at("/v1/candidate/workspace-commit").post(workspace::note_commit))
        .service(at("/v1/candidate/upload-url").post(uploads::grant))
        .service(at("/v1/candidate/submit-code").post(submissions::submit))
        .service(at("/v1/uploads/{token}").put(uploads::receive))
        .service(at("/v1/candidates").get(candidates::list))
        .service(at("/v1/live-tickets").post(tickets::issue));
    // Ingest and streaming.
    config
        .service(at("/v1/hooks/ingest").post(ingest::one))
        .service(at("/v1/hooks/ingest/batch").post(ingest::batch))
        .service(at("/v1/stream").stream(stream::stream));
    // Sessions and what is read of them.
    config
        .service(at("/v1/sessions").get(sessions::list).post(sessions::create))
        .service(at("/v1/sessions/{id}").get(sessions::get).patch(sessions::patch).delete(erasure::delete))
        .service(at("/v1/sessions/{id}/metadata").patch(sessions::patch_metadata))
        .service(at("/v1/sessions/{id}/timeline").get(timeline::timeline))
        .service(at("/v1/sessions/{id}/decisions").get(timeline::decisions))
        .service(at("/v1/sessions/{id}/signals").get(timeline::signals))
        .service(at("/v1/sessions/{id}/recent-activity").get(activity::recent))
        .service(at("/v1/sessions/{id}/live").stream(live::live))
        .service(at("/v1/live").stream(wall::wall))
        .service(at("/v1/sessions/{id}/signed-log").get(signed_log::signed_log))
        .service(at("/v1/sessions/{id}/integrity").get(signed_log::integrity))
        .service(at("/v1/sessions/{id}/cohort-stats").get(cohort::of_session))
        .service(at("/v1/assessments/{id}/cohort-stats").get(cohort::of_assessment));
}
