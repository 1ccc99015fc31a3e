//! Instants as `DateTime64(3)` holds them.

use domain::Timestamp;

/// 2299-12-31T23:59:59.999Z, the last instant of `DateTime64(3)`; later ones are held here in columns, so that they
/// sort last. What is shown comes from the received bytes and loses nothing.
const LAST: i64 = 10_413_791_999_999;

/// The instant as the column holds it.
pub(crate) fn column(ts: Timestamp) -> i64 {
    ts.millis().min(LAST)
}
