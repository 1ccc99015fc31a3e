//! Budgets: how much each credential, key and address may still do, on all nodes together.

mod budget;
mod failures;
mod lease;
mod local;
mod standing;
mod store;

use std::net::{IpAddr, Ipv6Addr};

use actix_web::HttpRequest;
use redis_scripts::Redis;
use uuid::Uuid;

pub use budget::{Budget, Whose};
pub use failures::Failures;
pub use standing::Standing;
pub use store::Store;

use crate::settings::{Rate, RateLimits, Settings};

/// Enough for an office behind one address, and little for somebody who tries keys.
const SIGN_INS: Rate = Rate::new(30, 30);

/// All budgets.
#[derive(Debug)]
pub struct Limits {
    /// Requests, by the id of the credential.
    pub credential: Budget<Uuid>,
    /// Requests to public routes, by address.
    pub address: Budget<IpAddr>,
    /// Events by HTTP, by candidate key.
    pub ingest: Budget<Uuid>,
    /// Events by WebSocket, by candidate key.
    pub stream: Budget<Uuid>,
    /// Tries to sign in, by address.
    pub sign_in: Budget<IpAddr>,
    /// Look-ups of guessable secrets that found nothing.
    pub failures: Failures,
}

impl Limits {
    /// The budgets in `redis`.
    #[must_use]
    pub fn new(rates: &RateLimits, redis: &Redis) -> Self {
        let store = Store::new(redis.clone());
        Self {
            credential: Budget::new("requests", rates.credential, store.clone()),
            address: Budget::new("public", rates.address, store.clone()),
            ingest: Budget::new("ingest", rates.ingest, store.clone()),
            stream: Budget::new("stream", rates.stream, store.clone()),
            sign_in: Budget::new("sign-ins", SIGN_INS, store.clone()),
            failures: Failures::new(rates.failures, rates.failures_overall, store),
        }
    }
}

/// Who asks, for budgets.
#[must_use]
pub fn client_address(request: &HttpRequest, settings: &Settings) -> IpAddr {
    let forwarded = || {
        let header = request.headers().get_all("x-forwarded-for").last()?.to_str().ok()?;
        header.rsplit(',').next()?.trim().parse().ok()
    };
    let peer = request.peer_addr().map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), |peer| peer.ip());
    let address = settings.trust_forwarded_for.then(forwarded).flatten().unwrap_or(peer);
    network_of(address)
}

/// The address, of IPv6 the network that one customer usually has (/64).
#[must_use]
pub fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from(u128::from(v6) >> 64 << 64)),
        v4 => v4,
    }
}
