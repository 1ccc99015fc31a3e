//! Why a command failed, as a person is told.

use crate::api::ApiError;
use crate::consent::ConsentError;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// It makes no sense here and now; the text says what to do.
    #[error("{0}")]
    Said(String),
    /// A file cannot be read or written.
    #[error("a file cannot be read or written: {0}")]
    File(#[from] std::io::Error),
    /// A call failed.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// Nobody agreed.
    #[error(transparent)]
    Consent(#[from] ConsentError),
    /// Something could not be written as JSON.
    #[error("cannot be serialised: {0}")]
    Json(#[from] serde_json::Error),
}

impl Trouble {
    /// One that says this.
    pub(crate) fn said(text: impl Into<String>) -> Self {
        Self::Said(text.into())
    }
}
