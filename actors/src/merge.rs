//! What waits at a session becomes one batch: in order of arrival, each id once, with the sum of the contributions.

use std::collections::HashMap;

use domain::{Contribution, Event, SessionRef, Timestamp};
use redis_scripts::{CommitPart, NewSession};
use uuid::Uuid;

/// The events of several callers, each id once.
#[derive(Debug)]
pub(crate) struct Merge {
    /// The events that are left to be recorded.
    events: Vec<Event>,
    /// For each event of each caller, in order: what is known of its fate.
    fates: Vec<Fate>,
    /// For each of `events`: its place in `fates`.
    places: Vec<usize>,
}

/// What is known of an event's fate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Not known yet.
    Open,
    /// It is recorded with this seq.
    Recorded(u64),
    /// It had been recorded before.
    Repeated,
    /// The same id stands earlier in the batch, at this place: it shares that one's fate.
    SameAs(usize),
}

impl Merge {
    /// Merges events in order of arrival.
    pub(crate) fn of(arrived: impl IntoIterator<Item = Event>) -> Self {
        let mut merge = Self { events: Vec::new(), fates: Vec::new(), places: Vec::new() };
        let mut first: HashMap<Uuid, usize> = HashMap::new();
        for event in arrived {
            let place = merge.fates.len();
            match first.get(&event.id) {
                Some(earlier) => merge.fates.push(Fate::SameAs(*earlier)),
                None => {
                    first.insert(event.id, place);
                    merge.fates.push(Fate::Open);
                    merge.places.push(place);
                    merge.events.push(event);
                }
            }
        }
        merge
    }

    /// Packs what is left; `None` when nothing is.
    pub(crate) fn part(
        &self,
        session: &SessionRef,
        new: &NewSession,
        now: Timestamp,
    ) -> Option<(CommitPart, Contribution)> {
        if self.events.is_empty() {
            return None;
        }
        let mut sum = Contribution::default();
        for (order, event) in (0..).zip(&self.events) {
            sum.add(&Contribution::of(event, order, now));
        }
        Some((CommitPart::new(session, new, &self.events, &sum, now), sum))
    }

    /// What is left was recorded, with seqs from `base + 1` on.
    pub(crate) fn recorded(&mut self, base: u64) {
        for (seq, place) in (base + 1..).zip(&self.places) {
            if let Some(fate) = self.fates.get_mut(*place) {
                *fate = Fate::Recorded(seq);
            }
        }
        self.events.clear();
        self.places.clear();
    }

    /// Drops those of what is left that had been recorded before.
    pub(crate) fn drop_repeated(&mut self, repeated: &[bool]) {
        let repeated = |place: usize| repeated.get(place).copied().unwrap_or(false);
        for (number, place) in self.places.iter().enumerate() {
            if repeated(number)
                && let Some(fate) = self.fates.get_mut(*place)
            {
                *fate = Fate::Repeated;
            }
        }
        let mut number = 0..;
        self.events.retain(|_| !number.next().is_some_and(repeated));
        let mut number = 0..;
        self.places.retain(|_| !number.next().is_some_and(repeated));
    }

    /// The fate of each event in order of arrival; a repetition within the batch is `Repeated` if its first is known.
    pub(crate) fn fates(&self) -> impl Iterator<Item = Fate> + '_ {
        self.fates.iter().map(|fate| match fate {
            Fate::SameAs(earlier) => match self.fates.get(*earlier) {
                Some(Fate::Recorded(_) | Fate::Repeated) => Fate::Repeated,
                _ => Fate::Open,
            },
            fate => *fate,
        })
    }
}

#[cfg(test)]
mod tests {
    use domain::testing::{envelope, parse};
    use serde_json::json;

    use super::*;

    fn events(n: usize) -> Vec<Event> {
        (0..n).map(|_| parse(&envelope("s", "prompt", 1_000, json!({ "text": "hi" })))).collect()
    }

    fn fates(merge: &Merge) -> Vec<Fate> {
        merge.fates().collect()
    }

    #[test]
    fn each_id_is_recorded_once_and_its_repetition_shares_its_fate() {
        let [one, two] = events(2).try_into().unwrap();
        let mut merge = Merge::of([one.clone(), two, one]);
        assert_eq!(merge.events.len(), 2);
        assert_eq!(fates(&merge), [Fate::Open; 3]);
        merge.recorded(7);
        assert_eq!(fates(&merge), [Fate::Recorded(8), Fate::Recorded(9), Fate::Repeated]);
    }

    #[test]
    fn what_had_been_recorded_before_is_dropped_and_the_rest_goes_on_in_order() {
        let all = events(4);
        let mut merge = Merge::of(all.clone());
        merge.drop_repeated(&[true, false, false, true]);
        let left: Vec<_> = merge.events.iter().map(|event| event.id).collect();
        assert_eq!(left, [all[1].id, all[2].id]);
        merge.drop_repeated(&[false, true]);
        merge.recorded(0);
        assert_eq!(fates(&merge), [Fate::Repeated, Fate::Recorded(1), Fate::Repeated, Fate::Repeated]);
    }

    #[test]
    fn a_repetition_of_what_has_no_fate_has_none_either() {
        let [one] = events(1).try_into().unwrap();
        let merge = Merge::of([one.clone(), one]);
        assert_eq!(fates(&merge), [Fate::Open, Fate::Open]);
        assert!(Merge::of([]).part(&session(), &NewSession::default(), Timestamp::from_millis(1)).is_none());
    }

    fn session() -> SessionRef {
        SessionRef::new(domain::OrgId::sample(Uuid::nil()), "s".parse().unwrap())
    }
}
