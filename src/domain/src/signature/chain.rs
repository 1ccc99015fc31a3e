//! How the signed events of a session chain up, each naming the signature before it: in which order they were signed,
//! and what is wrong. An event that is missing is not one that was tampered with.

use std::collections::{HashMap, HashSet};

use serde::Serialize;
use uuid::Uuid;

use super::Claim;
use crate::{StoredEvent, Timestamp};

/// A signed event, as far as the chain goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The event.
    pub id: Uuid,
    /// Its place in the order of arrival.
    pub seq: u64,
    /// Its time.
    pub ts: Timestamp,
    /// Its signature.
    pub sig: String,
    /// The signature before it; empty without one.
    pub prev_sig: String,
    /// Whether its signature holds.
    pub holds: Option<bool>,
}

/// Why a chain is broken at an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Its signature does not hold: it, or its signature, is not what was signed.
    BadSignature,
    /// It names a signature that no event here has: an event is missing.
    Gap,
    /// It names a signature that an earlier one names too.
    Fork,
    /// It names none, and is not the first of those: the client began anew.
    Restart,
}

/// An event at which the chain is broken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Broken {
    /// The event.
    pub event_id: Uuid,
    /// Its place in the order of arrival.
    pub seq: u64,
    /// What is wrong with it.
    pub reason: Reason,
}

/// What can be said of the signed events of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChainReport {
    /// How many events are signed.
    pub signed: usize,
    /// How many of the signatures hold.
    pub verified: usize,
    /// Where the chain is broken, in its order.
    pub broken: Vec<Broken>,
    /// Whether there are signed events, every signature holds, and they form one chain from its beginning.
    pub complete: bool,
    /// Events that name a signature which no event here has.
    pub gaps: usize,
    /// Events that name a signature which an earlier one names too.
    pub forks: usize,
}

/// The chain of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// The places of the links in the order in which they were signed, as far as that is known.
    pub order: Vec<usize>,
    /// What can be said of it.
    pub report: ChainReport,
}

impl Link {
    /// The link that an event is; `None` when it is not signed.
    #[must_use]
    pub fn of(stored: &StoredEvent) -> Option<Self> {
        let event = &stored.event;
        let Claim { sig, prev_sig, .. } = Claim::of(event)?;
        let prev_sig = prev_sig.unwrap_or_default();
        Some(Self { id: event.id, seq: stored.seq, ts: event.ts, sig, prev_sig, holds: event.sig_verified })
    }

    /// What a forged event says of its place in the chain counts for nothing.
    fn is_forged(&self) -> bool {
        self.holds == Some(false)
    }
}

impl Chain {
    /// Orders the links: from each root (by time, then arrival) to its children, depth first. A root names no
    /// signature, or one that no link has.
    #[must_use]
    pub fn of(links: &[Link]) -> Self {
        let mut by_time: Vec<(usize, &Link)> = links.iter().enumerate().collect();
        by_time.sort_by_key(|(_, link)| (link.is_forged(), link.ts, link.seq));
        let mut by_sig: HashMap<&str, usize> = HashMap::new();
        for (place, link) in &by_time {
            by_sig.entry(&link.sig).or_insert(*place);
        }
        let mut children: HashMap<Option<usize>, Vec<(usize, &Link)>> = HashMap::new();
        for (place, link) in &by_time {
            let parent = by_sig.get(link.prev_sig.as_str()).copied().filter(|_| !link.prev_sig.is_empty());
            children.entry(parent).or_default().push((*place, link));
        }
        let mut roots = children.remove(&None).unwrap_or_default();
        roots.sort_by_key(|(_, link)| (link.ts, link.seq));
        let mut walk = Walk { children, passed: HashSet::new(), order: Vec::new(), broken: Vec::new() };
        let mut begun = false;
        for (place, link) in roots {
            let reason = match (link.prev_sig.is_empty(), begun) {
                (false, _) => Some(Reason::Gap),
                (true, true) => Some(Reason::Restart),
                (true, false) => None,
            };
            begun |= link.prev_sig.is_empty() && !link.is_forged();
            walk.from(place, link, reason);
        }
        // What is left names each other in a circle, which no signer can do.
        for (place, link) in by_time {
            walk.from(place, link, Some(Reason::Gap));
        }
        Self { report: ChainReport::of(links, walk.broken), order: walk.order }
    }
}

impl ChainReport {
    fn of(links: &[Link], broken: Vec<Broken>) -> Self {
        let verified = links.iter().filter(|link| link.holds == Some(true)).count();
        let count = |reason| broken.iter().filter(|broken| broken.reason == reason).count();
        Self {
            signed: links.len(),
            verified,
            complete: broken.is_empty() && verified == links.len() && verified > 0,
            gaps: count(Reason::Gap),
            forks: count(Reason::Fork),
            broken,
        }
    }
}

/// The way through the chain.
struct Walk<'a> {
    children: HashMap<Option<usize>, Vec<(usize, &'a Link)>>,
    passed: HashSet<usize>,
    order: Vec<usize>,
    broken: Vec<Broken>,
}

impl<'a> Walk<'a> {
    /// Passes a link and all that follow it.
    fn from(&mut self, place: usize, link: &'a Link, reason: Option<Reason>) {
        let mut ahead = vec![(place, link, reason)];
        while let Some((place, link, reason)) = ahead.pop() {
            if !self.passed.insert(place) {
                continue;
            }
            self.order.push(place);
            let reason = if link.is_forged() { Some(Reason::BadSignature) } else { reason };
            if let Some(reason) = reason {
                self.broken.push(Broken { event_id: link.id, seq: link.seq, reason });
            }
            // Honest ones stand first.
            let children = self.children.remove(&Some(place)).unwrap_or_default();
            let next = children.into_iter().enumerate();
            ahead.extend(next.rev().map(|(nth, (place, link))| (place, link, (nth > 0).then_some(Reason::Fork))));
        }
    }
}
