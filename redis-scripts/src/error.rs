//! What can go wrong when Redis is asked.

/// Why Redis gave no answer that can be used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// No answer: away, too slow, or the connection broke. Whether the call took effect is not known.
    #[error("redis gave no answer: {0}")]
    Unavailable(String),
    /// An answer that says no: out of memory, read-only, a broken script. Nothing was written.
    #[error("redis refused: {0}")]
    Refused(String),
    /// An answer, or a stored value, that is not what this version writes.
    #[error("redis holds something unexpected: {0}")]
    Corrupt(String),
    /// The credentials of its address are refused: they stay so until somebody changes them.
    #[error("redis lets nobody in with these credentials: {0}")]
    Denied(String),
}

/// How Redis begins an answer to somebody it does not let in.
const DENIALS: [&str; 2] = ["NOAUTH", "WRONGPASS"];

impl Error {
    /// Whether a consumer group is missing: what Redis held is gone, or was never there.
    #[must_use]
    pub fn is_missing_group(&self) -> bool {
        matches!(self, Self::Refused(message) if message.contains("NOGROUP"))
    }

    /// Says that a stored value is not what this version writes.
    pub fn corrupt(what: impl Into<String>) -> Self {
        Self::Corrupt(what.into())
    }
}

impl From<redis::RedisError> for Error {
    fn from(error: redis::RedisError) -> Self {
        use redis::ServerErrorKind::{Ask, BusyLoading, ClusterDown, MasterDown, Moved, ReadOnly, TryAgain};
        match error.kind() {
            redis::ErrorKind::Parse if is_unreadable(&error) => Self::Unavailable(error.to_string()),
            redis::ErrorKind::UnexpectedReturnType | redis::ErrorKind::Parse => Self::Corrupt(error.to_string()),
            // Where the data is, or will be in a moment, is not here.
            redis::ErrorKind::Server(Moved | Ask | TryAgain | ClusterDown | MasterDown | ReadOnly | BusyLoading) => {
                Self::Unavailable(error.to_string())
            }
            redis::ErrorKind::Extension if error.code() == Some("NOREPLICAS") => Self::Unavailable(error.to_string()),
            redis::ErrorKind::AuthenticationFailed => Self::Denied(error.to_string()),
            _ if error.code().is_some_and(|code| DENIALS.contains(&code)) => Self::Denied(error.to_string()),
            redis::ErrorKind::Server(_) | redis::ErrorKind::Extension => Self::Refused(error.to_string()),
            _ => Self::Unavailable(error.to_string()),
        }
    }
}

/// Whether the bytes of an answer could not be read, as when a connection breaks in its middle.
///
/// The client calls that by the same name as a value of another type than the one asked for; what it reads
/// with (`combine`) begins its messages like this.
fn is_unreadable(error: &redis::RedisError) -> bool {
    error.detail().is_some_and(|detail| detail.starts_with("Parse error at"))
}

impl From<deadpool::managed::PoolError<redis::RedisError>> for Error {
    fn from(error: deadpool::managed::PoolError<redis::RedisError>) -> Self {
        match error {
            deadpool::managed::PoolError::Backend(error) if error.kind() == redis::ErrorKind::AuthenticationFailed => {
                error.into()
            }
            error => Self::Unavailable(error.to_string()),
        }
    }
}
