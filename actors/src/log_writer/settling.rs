//! Which sessions are to be brought up to date after a batch. That of one whose record the batch changes is done at once, and
//! so is that of one that has ended. Of one that only goes on, nothing followed that its own node does not see to: it is
//! looked at now and then, in case that node died in between.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    time::{Duration, Instant},
};

use domain::SessionRef;

/// How often one that goes on is looked at.
const AGAIN_AFTER: Duration = Duration::from_secs(5);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Settling {
    /// Those that were looked at lately and go on.
    known: HashMap<SessionRef, Known>,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    looked_at: Instant,
    /// Whether something came since.
    is_due: bool,
}

impl Settling {
    /// Which of the `touched` sessions to see to now; the others are put off. `changed` are those whose records changed.
    pub(super) fn now(
        &mut self,
        touched: BTreeSet<SessionRef>,
        changed: &HashSet<SessionRef>,
        now: Instant,
    ) -> Vec<SessionRef> {
        let mut waits = |name: &SessionRef| {
            let known = self.known.get_mut(name).filter(|_| !changed.contains(name));
            known.filter(|known| now < known.looked_at + AGAIN_AFTER).map(|known| known.is_due = true).is_some()
        };
        touched.into_iter().filter(|name| !waits(name)).collect()
    }

    /// Those that were put off long enough. Forgets those of which nothing came.
    pub(super) fn overdue(&mut self, now: Instant) -> Vec<SessionRef> {
        let ended_waiting = |known: &Known| now >= known.looked_at + AGAIN_AFTER;
        let due = self.known.iter().filter(|(_, known)| known.is_due && ended_waiting(known));
        let due = due.map(|(name, _)| name.clone()).collect();
        self.known.retain(|_, known| known.is_due || !ended_waiting(known));
        due
    }

    /// All that were put off, whenever their time is.
    pub(super) fn all(&self) -> Vec<SessionRef> {
        self.known.iter().filter(|(_, known)| known.is_due).map(|(name, _)| name.clone()).collect()
    }

    /// Notes that a session was brought up to date, and whether it goes on.
    pub(super) fn is_settled(&mut self, name: SessionRef, goes_on: bool, now: Instant) {
        if goes_on {
            self.known.insert(name, Known { looked_at: now, is_due: false });
        } else {
            self.known.remove(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::OrgId;
    use uuid::Uuid;

    use super::*;

    fn name(name: &str) -> SessionRef {
        SessionRef::new(OrgId::sample(Uuid::nil()), name.parse().unwrap())
    }

    fn names(of: &[&str]) -> Vec<SessionRef> {
        of.iter().map(|text| name(text)).collect()
    }

    fn sorted(mut of: Vec<SessionRef>) -> Vec<SessionRef> {
        of.sort();
        of
    }

    #[test]
    fn one_that_goes_on_is_put_off_and_never_forgotten() {
        let (mut settling, began) = (Settling::default(), Instant::now());
        let at = |seconds| began + Duration::from_secs(seconds);
        let touched = |of: &[&str]| names(of).into_iter().collect::<BTreeSet<_>>();
        let none = HashSet::new();
        assert_eq!(settling.now(touched(&["a", "b"]), &none, at(0)), names(&["a", "b"]), "nothing is known of them");
        settling.is_settled(name("a"), true, at(0));
        settling.is_settled(name("b"), false, at(0));
        assert_eq!(settling.now(touched(&["a", "b"]), &none, at(1)), names(&["b"]), "it has ended: at once");
        assert_eq!(settling.all(), names(&["a"]));
        assert_eq!(settling.now(touched(&["a"]), &names(&["a"]).into_iter().collect(), at(1)), names(&["a"]));
        assert_eq!(settling.overdue(at(4)), []);
        assert_eq!(settling.overdue(at(5)), names(&["a"]));
        assert_eq!(settling.overdue(at(6)), names(&["a"]), "until it is done");
        settling.is_settled(name("a"), true, at(6));
        assert_eq!((settling.overdue(at(7)), settling.all()), (vec![], vec![]));
        assert_eq!(settling.now(touched(&["a"]), &none, at(11)), names(&["a"]), "long enough ago");
    }

    #[test]
    fn what_is_known_is_of_those_that_something_came_of_lately() {
        let (mut settling, began) = (Settling::default(), Instant::now());
        for text in ["a", "b", "c"] {
            settling.is_settled(name(text), true, began);
        }
        settling.now(names(&["b"]).into_iter().collect(), &HashSet::new(), began);
        assert_eq!(sorted(settling.overdue(began + AGAIN_AFTER)), names(&["b"]));
        assert_eq!(settling.known.len(), 1);
    }
}
