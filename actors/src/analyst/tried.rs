//! Which sessions wait for their analysis, and which had none a moment ago: whoever asks again and again does not make the
//! model be asked again and again.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use domain::SessionRef;

/// How long after a try without a result the next one may begin.
const AGAIN_AFTER: Duration = Duration::from_secs(60);

/// Sessions that are remembered at one time. With more than these, none begins before one can be forgotten.
const REMEMBERED: usize = 4_096;

/// The sessions; `None` of one that waits or is being judged, otherwise when it was tried.
#[derive(Debug, Default)]
pub(super) struct Tried(Mutex<HashMap<SessionRef, Option<Instant>>>);

impl Tried {
    /// Whether a session may be tried at `now`; it counts as waiting then.
    pub(super) fn begin(&self, name: &SessionRef, now: Instant) -> bool {
        let mut known = self.lock();
        if known.len() >= REMEMBERED {
            known.retain(|_, tried| !is_over(*tried, now));
        }
        let may = match known.get(name) {
            Some(tried) => is_over(*tried, now),
            None => known.len() < REMEMBERED,
        };
        if may {
            known.insert(name.clone(), None);
        }
        may
    }

    /// Nothing came of it, as was found at `now`.
    pub(super) fn failed(&self, name: &SessionRef, now: Instant) {
        self.lock().insert(name.clone(), Some(now));
    }

    /// It may be tried again at any time.
    pub(super) fn forget(&self, name: &SessionRef) {
        self.lock().remove(name);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionRef, Option<Instant>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_over(tried: Option<Instant>, now: Instant) -> bool {
    tried.is_some_and(|tried| now.duration_since(tried) >= AGAIN_AFTER)
}

#[cfg(test)]
mod tests {
    use domain::OrgId;
    use uuid::Uuid;

    use super::*;

    fn session(n: usize) -> SessionRef {
        SessionRef::new(OrgId::sample(Uuid::nil()), format!("session-{n}").parse().unwrap())
    }

    #[test]
    fn what_waits_or_failed_lately_is_not_tried_again() {
        let (tried, wren, now) = (Tried::default(), session(1), Instant::now());
        let later = now + AGAIN_AFTER;
        assert!(tried.begin(&wren, now) && !tried.begin(&wren, later), "it waits");
        tried.failed(&wren, now);
        assert!(!tried.begin(&wren, now) && tried.begin(&session(2), now));
        assert!(tried.begin(&wren, later));
        tried.forget(&wren);
        assert!(tried.begin(&wren, later));
    }

    #[test]
    fn no_more_are_remembered_than_there_is_room_for() {
        let (tried, now) = (Tried::default(), Instant::now());
        for n in 0..REMEMBERED {
            assert!(tried.begin(&session(n), now));
            tried.failed(&session(n), now);
        }
        assert!(!tried.begin(&session(REMEMBERED), now));
        assert!(tried.begin(&session(REMEMBERED), now + AGAIN_AFTER));
        assert_eq!(tried.lock().len(), 1);
    }
}
