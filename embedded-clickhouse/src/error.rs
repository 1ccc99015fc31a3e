//! Exceptions as ClickHouse words them, and the HTTP status that goes with each code.

use hyper::StatusCode;

/// The codes that this process raises itself; the engine knows hundreds more.
pub mod code {
    /// The request cannot be understood.
    pub const BAD_ARGUMENTS: u32 = 36;
    /// Compressed data ends too early.
    pub const CANNOT_READ_ALL_DATA: u32 = 33;
    /// Compressed data was damaged on the way.
    pub const CHECKSUM_DOESNT_MATCH: u32 = 40;
    /// There is no statement to run.
    pub const SYNTAX_ERROR: u32 = 62;
    /// Compressed with something else than LZ4.
    pub const UNKNOWN_COMPRESSION_METHOD: u32 = 89;
    /// No such setting.
    pub const UNKNOWN_SETTING: u32 = 115;
    /// The client went away while it was sending.
    pub const NETWORK_ERROR: u32 = 210;
    /// LZ4 refuses the block.
    pub const CANNOT_DECOMPRESS: u32 = 271;
    /// The body is over the limit.
    pub const TOO_MANY_BYTES: u32 = 307;
    /// Unknown user or wrong password.
    pub const AUTHENTICATION_FAILED: u32 = 516;
    /// A failure of this process or of the library, not of the statement.
    pub const STD_EXCEPTION: u32 = 1001;
    /// An error text without a code.
    pub const UNKNOWN_EXCEPTION: u32 = 1002;
}

/// A refusal or failure, in ClickHouse's form: `Code: 60. DB::Exception: …`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Exception {
    code: u32,
    text: String,
}

impl Exception {
    /// An exception that this process raises.
    pub fn new(code: u32, message: impl std::fmt::Display) -> Self {
        Self { code, text: format!("Code: {code}. DB::Exception: {message}") }
    }

    /// Reads the code out of an error text of the engine.
    pub fn of_engine(text: &str) -> Self {
        let code = text
            .split_once("Code: ")
            .and_then(|(_, rest)| rest.split('.').next())
            .and_then(|code| code.trim().parse().ok())
            .unwrap_or(code::UNKNOWN_EXCEPTION);
        Self { code, text: text.trim_end().to_owned() }
    }

    /// The number that goes into `X-ClickHouse-Exception-Code`.
    pub fn code(&self) -> u32 {
        self.code
    }

    /// The HTTP status that a ClickHouse server gives for this code.
    pub fn status(&self) -> StatusCode {
        match self.code {
            code::AUTHENTICATION_FAILED | 192..=195 | 291 | 492..=497 => StatusCode::FORBIDDEN,
            6 | 26 | 27 | 33 | 38 | 41 | 53 | 62 | 69 | 70 | 72 | 131 | 386 | 456 | 457 => StatusCode::BAD_REQUEST,
            36 | 40 | 89 | 271 => StatusCode::BAD_REQUEST,
            16 | 46 | 47 | 50 | 56 | 57 | 60 | 63 | 73 | 81 | 82 | 115 => StatusCode::NOT_FOUND,
            159 => StatusCode::REQUEST_TIMEOUT,
            code::TOO_MANY_BYTES => StatusCode::PAYLOAD_TOO_LARGE,
            48 => StatusCode::NOT_IMPLEMENTED,
            202 | 241 => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_read_from_the_engines_text() {
        let exception = Exception::of_engine("Code: 60. DB::Exception: Unknown table `t`. (UNKNOWN_TABLE)\n");
        assert_eq!(exception.code(), 60);
        assert_eq!(exception.status(), StatusCode::NOT_FOUND);
        assert_eq!(exception.to_string(), "Code: 60. DB::Exception: Unknown table `t`. (UNKNOWN_TABLE)");
    }

    #[test]
    fn a_text_without_code_is_an_unknown_exception() {
        let exception = Exception::of_engine("something broke");
        assert_eq!(exception.code(), code::UNKNOWN_EXCEPTION);
        assert_eq!(exception.status(), StatusCode::INTERNAL_SERVER_ERROR);
    }

    #[test]
    fn our_own_exceptions_read_like_the_engines() {
        let exception = Exception::new(code::SYNTAX_ERROR, "Empty query. (SYNTAX_ERROR)");
        assert_eq!(Exception::of_engine(&exception.to_string()), exception);
    }
}
