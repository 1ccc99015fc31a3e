//! What the path of a request names. What is written wrong names nothing: 404.

use std::{
    future::{Ready, ready},
    str::FromStr,
};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use domain::{
    SessionId,
    artifacts::{ArtifactKind, prompt_analysis},
};
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

/// The `{id}` of a session and the `{kind}` of one of its artifacts.
#[derive(Debug, Clone)]
pub struct PathArtifact {
    /// The session.
    pub session: SessionId,
    /// Which artifact.
    pub kind: AnyKind,
}

/// Any kind of artifact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnyKind {
    /// One that rules derive.
    Derived(ArtifactKind),
    /// What a language model says of the prompts.
    PromptAnalysis,
}

impl AnyKind {
    /// The words of all kinds, in the order in which they are shown.
    pub fn words() -> impl Iterator<Item = &'static str> {
        ArtifactKind::ALL.into_iter().map(ArtifactKind::as_str).chain([prompt_analysis::KIND])
    }
}

impl FromStr for AnyKind {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        match word {
            prompt_analysis::KIND => Ok(Self::PromptAnalysis),
            _ => ArtifactKind::of_word(word).map(Self::Derived).ok_or(()),
        }
    }
}

/// The `{file}` of the path, any text.
#[derive(Debug, Clone)]
pub struct PathFile(pub String);

/// The `{token}` of the path, any text.
#[derive(Debug, Clone)]
pub struct PathToken(pub String);

fn part<T: FromStr>(request: &HttpRequest, name: &str) -> Result<T, ApiError> {
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
    PathArtifact = |request| part(request, "id").and_then(|session| {
        Ok(Self { session, kind: part(request, "kind")? })
    });
    PathKey = |request| part(request, "id").map(PathId).and_then(|assessment| {
        Ok(Self { assessment, key: part(request, "keyId")? })
    });
}
