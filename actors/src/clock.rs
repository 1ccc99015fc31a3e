//! The one place of this crate that reads the clock.

use domain::Timestamp;

/// The server's time.
pub(crate) fn now() -> Timestamp {
    Timestamp::from(chrono::Utc::now())
}
