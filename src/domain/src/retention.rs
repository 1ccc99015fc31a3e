//! For how long sessions are kept.

use std::ops::RangeInclusive;

/// For how many days after their end an organisation may have its sessions kept; without a number they are kept until
/// somebody deletes them.
pub const RETENTION_DAYS: RangeInclusive<i64> = 1..=3650;
