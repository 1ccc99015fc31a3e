//! What is left of a budget, as headers tell it.

use std::time::Duration;

use actix_web::{HttpMessage, HttpRequest};

use crate::{clock, http::error::ApiError, settings::Rate};

/// What is left of a budget, as the headers tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// How many a minute.
    pub limit: u32,
    /// How many at once now.
    pub remaining: u32,
    /// Unix time in seconds at which the budget is full, or, when it is empty, at which it has something again.
    pub reset_unix_s: i64,
    /// How long until the budget has what was asked for; zero when it had.
    pub retry_after: Duration,
}

impl Standing {
    /// A budget of which nothing is used.
    #[must_use]
    pub fn full(rate: Rate) -> Self {
        Self::of(rate, rate.burst.get())
    }

    pub(super) fn of(rate: Rate, remaining: u32) -> Self {
        let used = rate.burst.get().saturating_sub(remaining);
        let until_full = interval(rate).saturating_mul(used);
        Self {
            limit: rate.per_minute.get(),
            remaining,
            reset_unix_s: unix_s_in(until_full),
            retry_after: Duration::ZERO,
        }
    }

    pub(super) fn exhausted(rate: Rate, remaining: u32, retry_after: Duration) -> Self {
        Self { limit: rate.per_minute.get(), remaining, reset_unix_s: unix_s_in(retry_after), retry_after }
    }

    /// Keeps it with the request, for the headers of its reply.
    pub fn note(self, request: &HttpRequest) {
        request.extensions_mut().insert(self);
    }

    /// The refusal that an empty budget is answered with.
    #[must_use]
    pub fn refusal(self) -> ApiError {
        ApiError::rate_limited(self.retry_after_s())
    }

    /// In how many seconds, at least one, it is worth asking again.
    #[must_use]
    pub fn retry_after_s(self) -> u64 {
        u64::try_from(self.retry_after.as_millis().div_ceil(1000)).unwrap_or(u64::MAX).max(1)
    }
}

pub(super) fn interval(rate: Rate) -> Duration {
    Duration::from_secs(60) / rate.per_minute.get()
}

fn unix_s_in(wait: Duration) -> i64 {
    let wait_ms = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
    clock::now().plus_millis(wait_ms.saturating_add(999)).millis() / 1000
}
