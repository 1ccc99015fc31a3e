//! What can go wrong, told apart by what the caller should do about it.

use clickhouse::error::Error as ClientError;

use crate::damage::is_damage;

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server could not be asked, did not answer in time, or is short of something for now. Whether a write
    /// happened is not known: repeat the same call.
    #[error("clickhouse is unavailable: {0}")]
    Unavailable(String),
    /// The server refused, and would refuse the same call again.
    #[error("clickhouse refused ({code}): {message}")]
    Refused {
        /// The number of the server's exception.
        code: u32,
        /// The server's words.
        message: String,
    },
    /// What came back, or what was to be sent, does not fit the types.
    #[error("clickhouse sent or wants something else: {0}")]
    Decode(String),
    /// The database was migrated with another file of that name; a migration that was ever released is never changed.
    #[error("the database was migrated with another {0}; a released migration must not be changed")]
    Drifted(String),
}

/// Exceptions that pass: limits reached, replicas missing, the network between servers.
const TRANSIENT: &[u32] = &[
    3,   // UNEXPECTED_END_OF_FILE: a body that was cut off
    74,  // CANNOT_READ_FROM_FILE_DESCRIPTOR
    75,  // CANNOT_WRITE_TO_FILE_DESCRIPTOR
    159, // TIMEOUT_EXCEEDED
    160, // TOO_SLOW
    198, // DNS_ERROR
    202, // TOO_MANY_SIMULTANEOUS_QUERIES
    203, // NO_FREE_CONNECTION
    204, // CANNOT_FSYNC
    209, // SOCKET_TIMEOUT
    210, // NETWORK_ERROR
    225, // NO_ZOOKEEPER
    236, // ABORTED
    241, // MEMORY_LIMIT_EXCEEDED
    242, // TABLE_IS_READ_ONLY
    243, // NOT_ENOUGH_SPACE
    252, // TOO_MANY_PARTS
    279, // ALL_CONNECTION_TRIES_FAILED
    285, // TOO_FEW_LIVE_REPLICAS
    286, // UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE
    289, // REPLICA_IS_NOT_IN_QUORUM
    319, // UNKNOWN_STATUS_OF_INSERT
    364, // CANNOT_ASSIGN_ALTER
    394, // QUERY_WAS_CANCELLED
    439, // CANNOT_SCHEDULE_TASK
    473, // DEADLOCK_AVOIDED
    499, // S3_ERROR
    516, // AUTHENTICATION_FAILED: somebody will put the password right; no row is to blame
    745, // SERVER_OVERLOADED
    999, // KEEPER_EXCEPTION
];

/// Exceptions that the content of a row causes: types, constraints, sizes.
const BLAMES_ROW: &[u32] = &[
    6,   // CANNOT_PARSE_TEXT
    25,  // CANNOT_PARSE_ESCAPE_SEQUENCE
    26,  // CANNOT_PARSE_QUOTED_STRING
    27,  // CANNOT_PARSE_INPUT_ASSERTION_FAILED
    38,  // CANNOT_PARSE_DATE
    41,  // CANNOT_PARSE_DATETIME
    53,  // TYPE_MISMATCH
    69,  // ARGUMENT_OUT_OF_BOUND
    70,  // CANNOT_CONVERT_TYPE
    72,  // CANNOT_PARSE_NUMBER
    117, // INCORRECT_DATA
    128, // TOO_LARGE_ARRAY_SIZE
    131, // TOO_LARGE_STRING_SIZE
    158, // TOO_MANY_ROWS
    307, // TOO_MANY_BYTES
    321, // VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
    349, // CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN
    376, // CANNOT_PARSE_UUID
    395, // FUNCTION_THROW_IF_VALUE_IS_NON_ZERO
    469, // VIOLATED_CONSTRAINT
];

/// Of those, the ones that pass only when somebody changes what this side was told.
const DENIALS: &[u32] = &[
    516, // AUTHENTICATION_FAILED
];

impl Error {
    /// Whether the same call may do better a moment later, with nothing changed on this side.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        let denied = |message: &str| exception_code(message).is_some_and(|code| DENIALS.contains(&code));
        matches!(self, Self::Unavailable(message) if !denied(message))
    }

    /// Whether a row of the batch is to blame, so that the others would go in without it.
    #[must_use]
    pub fn blames_row(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if BLAMES_ROW.contains(code))
    }

    pub(crate) fn timeout(doing: &str) -> Self {
        Self::Unavailable(format!("no answer in time to {doing}"))
    }
}

impl From<ClientError> for Error {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::BadResponse(message) => of_response(message),
            ClientError::Network(_)
            | ClientError::TimedOut
            | ClientError::Compression(_)
            | ClientError::Decompression(_)
            | ClientError::Other(_) => Self::Unavailable(error.to_string()),
            _ => Self::Decode(error.to_string()),
        }
    }
}

/// An answer without an exception's number comes from something between us and ClickHouse.
fn of_response(message: String) -> Error {
    match exception_code(&message) {
        // Somebody sees to it, and no row is to blame.
        Some(code) if is_damage(code) => Error::Unavailable(message),
        Some(code) if !TRANSIENT.contains(&code) => Error::Refused { code, message },
        _ => Error::Unavailable(message),
    }
}

/// Reads the number of `Code: 60. DB::Exception: …`.
fn exception_code(message: &str) -> Option<u32> {
    let (_, rest) = message.split_once("Code: ")?;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exception_is_told_apart_by_its_number() {
        let of = |text: &str| Error::from(ClientError::BadResponse(text.to_owned()));
        assert!(matches!(of("Code: 62. DB::Exception: Syntax error"), Error::Refused { code: 62, .. }));
        assert!(
            matches!(of("Code: 60. DB::Exception: no such table"), Error::Unavailable(_)),
            "one is being loaded anew"
        );
        assert!(of("Code: 469. DB::Exception: Constraint `c` is violated").blames_row());
        assert!(matches!(of("Code: 241. DB::Exception: memory"), Error::Unavailable(_)));
        assert!(matches!(of("502 Bad Gateway"), Error::Unavailable(_)));
        assert!(matches!(Error::from(ClientError::TimedOut), Error::Unavailable(_)));
        assert!(matches!(Error::from(ClientError::NotEnoughData), Error::Decode(_)));
    }
}
