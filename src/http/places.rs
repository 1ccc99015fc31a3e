//! How many connections, sockets and watchers are open on this node, whose they are, and how many of them anybody may
//! have. No tenant and no address gets more than half of what a worker takes, so that there is room for the others.

use std::{
    collections::HashMap,
    hash::Hash,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use domain::{OrgId, SessionRef};
use uuid::Uuid;

use super::error::{ApiError, Refusal};
use crate::settings::{Caps, Settings};

/// Places of one kind, by whose they are; clones are the same ones.
#[derive(Debug)]
struct Taken<K>(Arc<Mutex<HashMap<K, usize>>>);

/// A place that is taken until this is dropped.
#[derive(Debug)]
struct Place<K: Hash + Eq> {
    taken: Taken<K>,
    whose: K,
}

impl<K> Clone for Taken<K> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K> Default for Taken<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Hash + Eq + Clone> Taken<K> {
    /// A place, unless `most` are taken.
    fn take(&self, whose: &K, most: usize) -> Option<Place<K>> {
        let mut taken = self.lock();
        let count = taken.entry(whose.clone()).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        drop(taken);
        Some(Place { taken: self.clone(), whose: whose.clone() })
    }
}

impl<K> Taken<K> {
    fn lock(&self) -> MutexGuard<'_, HashMap<K, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Hash + Eq> Drop for Place<K> {
    fn drop(&mut self) {
        let mut taken = self.taken.lock();
        if let Some(count) = taken.get_mut(&self.whose) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.whose);
            }
        }
    }
}

/// How many of a kind are open in all, for the metrics and to tell when it is getting full.
#[derive(Debug, Clone)]
struct Open {
    count: Arc<AtomicUsize>,
    name: &'static str,
}

/// One that is open until this is dropped.
#[derive(Debug)]
struct One(Open);

impl Open {
    fn new(name: &'static str) -> Self {
        Self { count: Arc::default(), name }
    }

    fn one(&self) -> One {
        self.count.fetch_add(1, Ordering::Relaxed);
        metrics::gauge!(self.name).increment(1.0);
        One(self.clone())
    }
}

impl Drop for One {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::Relaxed);
        metrics::gauge!(self.0.name).decrement(1.0);
    }
}

/// All places of this node.
#[derive(Debug)]
pub struct Places {
    caps: Caps,
    /// Half of what one worker takes.
    half: usize,
    /// With more connections than this, those that only wait are ended.
    scarce_from: AtomicUsize,
    /// Whether connections are told apart by their peer: not behind a proxy, which is the peer of all.
    by_peer: bool,
    connections: Open,
    streams: Open,
    watchers: Open,
    of_address: Taken<IpAddr>,
    of_org: Taken<OrgId>,
    of_key: Taken<Uuid>,
    of_credential: Taken<Uuid>,
    of_session: Taken<SessionRef>,
}

/// A connection's place.
#[derive(Debug)]
pub struct ConnectionPlace {
    _address: Option<Place<IpAddr>>,
    _one: One,
}

/// The place of a socket that events come in by.
#[derive(Debug)]
pub struct StreamPlace {
    _org: Place<OrgId>,
    _key: Place<Uuid>,
    _one: One,
}

/// The place of somebody who watches.
#[derive(Debug)]
pub struct WatcherPlace {
    _org: Place<OrgId>,
    _credential: Place<Uuid>,
    _session: Option<Place<SessionRef>>,
    _one: One,
}

impl Places {
    /// All free.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        let half = (settings.max_connections / 2).max(1);
        Self {
            caps: settings.caps,
            half,
            scarce_from: AtomicUsize::new(half),
            by_peer: !settings.trust_forwarded_for,
            connections: Open::new("promptster_connections"),
            streams: Open::new("promptster_streams"),
            watchers: Open::new("promptster_watchers"),
            of_address: Taken::default(),
            of_org: Taken::default(),
            of_key: Taken::default(),
            of_credential: Taken::default(),
            of_session: Taken::default(),
        }
    }

    /// Says how many workers take connections.
    pub fn are_for(&self, workers: usize) {
        self.scarce_from.store(self.half.saturating_mul(workers.max(1)), Ordering::Relaxed);
    }

    /// A place for a connection of `peer`.
    ///
    /// # Errors
    /// `too_many_connections`: it is to be closed without an answer, since even to wait for its request would hold a place.
    pub fn connection(&self, peer: IpAddr) -> Result<ConnectionPlace, Refusal> {
        let most = self.caps.connections_per_address.min(self.half);
        let address = self.by_peer.then(|| self.of_address.take(&peer, most).ok_or(Refusal::TooManyConnections));
        Ok(ConnectionPlace { _address: address.transpose()?, _one: self.connections.one() })
    }

    /// Whether so many connections are open that those that only wait for their next request are better ended.
    #[must_use]
    pub fn are_scarce(&self) -> bool {
        self.connections.count.load(Ordering::Relaxed) > self.scarce_from.load(Ordering::Relaxed)
    }

    /// A place for a socket on which a candidate key streams events in.
    ///
    /// # Errors
    /// 429 `too_many_streams`; `limit` says whose limit it is.
    pub fn stream(&self, org: OrgId, key: Uuid) -> Result<StreamPlace, ApiError> {
        let refused = |limit| ApiError::from(Refusal::TooManyStreams).with("limit", limit);
        let own = self.of_key.take(&key, self.caps.streams_per_key).ok_or_else(|| refused("key"))?;
        let org = self.of_org.take(&org, self.sockets_per_org()).ok_or_else(|| refused("organisation"))?;
        Ok(StreamPlace { _org: org, _key: own, _one: self.streams.one() })
    }

    /// A place for somebody who watches `session`, or several when that is `None`.
    ///
    /// # Errors
    /// 429 `too_many_watchers`; `limit` says whose limit it is.
    pub fn watcher(
        &self,
        org: OrgId,
        credential: Uuid,
        session: Option<&SessionRef>,
    ) -> Result<WatcherPlace, ApiError> {
        let refused = |limit| ApiError::from(Refusal::TooManyWatchers).with("limit", limit);
        let most = self.caps.watchers_per_credential;
        let own = self.of_credential.take(&credential, most).ok_or_else(|| refused("credential"))?;
        let most = self.caps.watchers_per_session;
        let session = session.map(|name| self.of_session.take(name, most).ok_or_else(|| refused("session")));
        let session = session.transpose()?;
        let org = self.of_org.take(&org, self.sockets_per_org()).ok_or_else(|| refused("organisation"))?;
        Ok(WatcherPlace { _org: org, _credential: own, _session: session, _one: self.watchers.one() })
    }

    fn sockets_per_org(&self) -> usize {
        self.caps.sockets_per_org.min(self.half)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(caps: Caps, max_connections: usize) -> Places {
        Places::new(&Settings { caps, max_connections, ..Settings::default() })
    }

    fn session(org: OrgId, id: &str) -> SessionRef {
        SessionRef::new(org, id.parse().unwrap())
    }

    fn limit(refused: Result<impl std::fmt::Debug, ApiError>) -> String {
        refused.unwrap_err().body("")["limit"].as_str().unwrap().to_owned()
    }

    #[test]
    fn a_place_is_free_again_when_its_holder_has_gone() {
        let places = places(Caps { connections_per_address: 2, ..Caps::default() }, 100);
        let (one, other) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let held = (places.connection(one).unwrap(), places.connection(one).unwrap());
        assert_eq!(places.connection(one).unwrap_err(), Refusal::TooManyConnections);
        places.connection(other).unwrap();
        drop(held.0);
        let again = places.connection(one).unwrap();
        drop((held.1, again));
        assert!(places.of_address.lock().is_empty(), "who has gone is forgotten");
        assert_eq!(places.connections.count.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn nobody_takes_more_than_half_whatever_the_caps_say() {
        let places = places(Caps::default(), 10);
        let (org, other) = (OrgId::sample(Uuid::from_u128(1)), OrgId::sample(Uuid::from_u128(2)));
        let held: Vec<_> = (0..5).map(|n| places.stream(org, Uuid::from_u128(n)).unwrap()).collect();
        assert_eq!(limit(places.stream(org, Uuid::from_u128(9))), "organisation");
        assert_eq!(limit(places.watcher(org, Uuid::from_u128(9), None)), "organisation");
        places.stream(other, Uuid::from_u128(9)).unwrap();
        drop(held);
        places.watcher(org, Uuid::from_u128(9), None).unwrap();

        let peer = IpAddr::from([192, 0, 2, 1]);
        let held: Vec<_> = (0..5).map(|_| places.connection(peer).unwrap()).collect();
        assert!(places.connection(peer).is_err() && !places.are_scarce());
        let more = places.connection([192, 0, 2, 2].into()).unwrap();
        assert!(places.are_scarce());
        drop((held, more));
        assert!(!places.are_scarce());
        places.are_for(2);
        let held: Vec<_> = (1..=10).map(|n| places.connection([192, 0, 2, n].into()).unwrap()).collect();
        assert!(!places.are_scarce());
        let one_more = places.connection(peer).unwrap();
        assert!(places.are_scarce());
        drop((held, one_more));
    }

    #[test]
    fn what_one_limit_refuses_takes_no_place_of_another() {
        let caps = Caps { watchers_per_credential: 3, watchers_per_session: 2, streams_per_key: 1, ..Caps::default() };
        let places = places(caps, 100);
        let (org, who) = (OrgId::sample(Uuid::from_u128(1)), Uuid::from_u128(7));
        let (one, other) = (session(org, "one"), session(org, "other"));
        let _held = (places.watcher(org, who, Some(&one)).unwrap(), places.watcher(org, who, Some(&one)).unwrap());
        assert_eq!(limit(places.watcher(org, who, Some(&one))), "session");
        let _third = places.watcher(org, who, Some(&other)).unwrap();
        assert_eq!(limit(places.watcher(org, who, None)), "credential");
        let _stream = places.stream(org, who).unwrap();
        assert_eq!(limit(places.stream(org, who)), "key");
        assert_eq!(places.of_org.lock()[&org], 4);
    }

    #[test]
    fn behind_a_proxy_connections_are_not_told_apart() {
        let caps = Caps { connections_per_address: 1, ..Caps::default() };
        let places = Places::new(&Settings { caps, trust_forwarded_for: true, ..Settings::default() });
        let proxy = IpAddr::from([192, 0, 2, 1]);
        let _held = (places.connection(proxy).unwrap(), places.connection(proxy).unwrap());
    }
}
