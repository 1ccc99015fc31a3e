//! Deleting a session for good.

use actix_web::{HttpResponse, web::Data};
use domain::SessionRef;
use serde_json::json;

use super::{auth::ReviewerWrite, error::ApiError, path::PathSession};
use crate::{App, erase};

/// `DELETE /v1/sessions/{id}`
pub(super) async fn delete(
    app: Data<App>,
    ReviewerWrite(who): ReviewerWrite,
    id: PathSession,
) -> Result<HttpResponse, ApiError> {
    let name = SessionRef::new(who.org, id.0);
    erase::session(&app, &name).await?;
    Ok(HttpResponse::Ok().json(json!({"ok": true, "id": name.session})))
}
