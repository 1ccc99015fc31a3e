//! Guessing: look-ups that found nothing are counted, by address and overall.

use std::net::IpAddr;

use super::{budget::Budget, standing::Standing, store::Store};
use crate::{http::error::ApiError, settings::Rate};

/// Look-ups that found nothing. Only they count; but while a budget is empty nobody from that address may look, since
/// a guesser would otherwise learn from being let through that the guess was right.
#[derive(Debug)]
pub struct Failures {
    address: Budget<IpAddr>,
    overall: Budget<()>,
}

impl Failures {
    /// Budgets that everybody finds full.
    #[must_use]
    pub fn new(address: Rate, overall: Rate, store: Store) -> Self {
        Self {
            address: Budget::without_ahead("guesses", address, store.clone()),
            overall: Budget::without_ahead("all-guesses", overall, store),
        }
    }

    /// Whether a client at `address` may look up a secret that this node has not seen before; to be asked before, and
    /// once more before it is told that the look-up found something, since others may have failed meanwhile.
    ///
    /// # Errors
    /// 429 while too many look-ups have failed.
    pub async fn may_look_up(&self, address: IpAddr) -> Result<(), ApiError> {
        let (here, anywhere) = futures_util::join!(self.address.look(&address), self.overall.look(&()));
        here.and(anywhere).map_err(Standing::refusal)
    }

    /// Counts a look-up that found nothing.
    ///
    /// # Errors
    /// 429 when so many others have failed meanwhile that the client must not be told.
    pub async fn count(&self, address: IpAddr) -> Result<(), ApiError> {
        metrics::counter!("promptster_failed_lookups_total").increment(1);
        let (here, anywhere) = futures_util::join!(self.address.take_last(&address), self.overall.take_last(&()));
        here.and(anywhere).map_err(Standing::refusal)
    }
}
