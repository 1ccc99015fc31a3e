//! Identities: whose, and which session.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// An organisation. Every query and every key is built from one, so that nothing can be asked of "all organisations",
/// and handlers get theirs from a credential: none is made of what a request says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OrgId(Uuid);

impl OrgId {
    /// The organisation of this id, which has to come from a store or a credential that was checked. Lints forbid it
    /// wherever nobody has said why that is so.
    #[must_use]
    pub const fn trusted(id: Uuid) -> Self {
        Self(id)
    }

    /// Some organisation, for tests.
    #[cfg(any(test, feature = "testing"))]
    #[must_use]
    pub const fn sample(id: Uuid) -> Self {
        Self(id)
    }

    /// Its id.
    #[must_use]
    pub const fn uuid(self) -> Uuid {
        self.0
    }

    /// The bytes of its id.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

impl fmt::Display for OrgId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A session's id as its client chose it: 1 to 128 characters of `[A-Za-z0-9._:-]`. Unique within an organisation only.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct SessionId(Box<str>);

/// The text is not a session id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 128 characters from A-Z a-z 0-9 . _ : -")]
pub struct InvalidSessionId;

impl SessionId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SessionId {
    type Err = InvalidSessionId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte);
        if (1..=128).contains(&text.len()) && text.bytes().all(legal) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidSessionId)
        }
    }
}

impl From<Uuid> for SessionId {
    fn from(id: Uuid) -> Self {
        Self(id.to_string().into())
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One session of one organisation: the full name of a session everywhere in the server.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionRef {
    /// Whose session it is.
    pub org: OrgId,
    /// Which of the organisation's sessions.
    pub session: SessionId,
}

impl SessionRef {
    /// Names a session.
    #[must_use]
    pub fn new(org: OrgId, session: SessionId) -> Self {
        Self { org, session }
    }
}

impl fmt::Display for SessionRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.org, self.session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_id_is_1_to_128_safe_characters() {
        assert!("a".parse::<SessionId>().is_ok());
        assert!("x".repeat(128).parse::<SessionId>().is_ok());
        assert!("A.b_c:d-9".parse::<SessionId>().is_ok());
        for bad in ["", "a b", "a/b", "}{x", "ü", &"x".repeat(129)] {
            assert_eq!(bad.parse::<SessionId>(), Err(InvalidSessionId), "{bad}");
        }
    }
}
