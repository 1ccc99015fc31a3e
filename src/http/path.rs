//! What the path of a request names. What is written wrong names nothing: 404.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use domain::SessionId;
use uuid::Uuid;

use super::error::{ApiError, Refusal};

/// The `{id}` of the path, a UUID.
#[derive(Debug, Clone, Copy)]
pub struct PathId(pub Uuid);

/// The `{id}` of the path, a session's.
#[derive(Debug, Clone)]
pub struct PathSession(pub SessionId);

/// The `{id}` of an assessment and the `{keyId}` of one of its keys.
#[derive(Debug, Clone, Copy)]
pub struct PathKey {
    /// The assessment.
    pub assessment: PathId,
    /// The key.
    pub key: Uuid,
}

/// The `{file}` of the path, any text.
#[derive(Debug, Clone)]
pub struct PathFile(pub String);

/// The `{token}` of the path, any text.
#[derive(Debug, Clone)]
pub struct PathToken(pub String);

fn part<T: std::str::FromStr>(request: &HttpRequest, name: &str) -> Result<T, ApiError> {
    request.match_info().get(name).and_then(|text| text.parse().ok()).ok_or_else(|| Refusal::NotFound.into())
}

/// Declares extractors of the path.
macro_rules! extractors {
    ($($name:ty = |$request:ident| $read:expr;)*) => {$(
        impl FromRequest for $name {
            type Error = ApiError;
            type Future = Ready<Result<Self, ApiError>>;

            fn from_request($request: &HttpRequest, _: &mut Payload) -> Self::Future {
                ready($read)
            }
        }
    )*};
}

extractors! {
    PathId = |request| part(request, "id").map(Self);
    PathSession = |request| part(request, "id").map(Self);
    PathFile = |request| part(request, "file").map(Self);
    PathToken = |request| part(request, "token").map(Self);
    PathKey = |request| part(request, "id").map(PathId).and_then(|assessment| {
        Ok(Self { assessment, key: part(request, "keyId")? })
    });
}
