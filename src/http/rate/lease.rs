//! What a node has drawn of one budget and not used yet. No I/O, no clock.

use std::time::{Duration, Instant};

use redis_scripts::{Draw, Drawn, HELD_FOR};

use super::standing::{Standing, interval};
use crate::settings::Rate;

/// Whoever finds a budget empty is not asked for again sooner than this, however fast it fills up.
const REST: Duration = Duration::from_millis(20);

/// Cells of one budget on this node.
#[derive(Debug)]
pub(super) struct Lease {
    rate: Rate,
    /// How much is drawn ahead at most.
    most_ahead: u32,
    /// Granted to requests that wait, and not picked up yet.
    granted: u32,
    /// Drawn ahead and still there; Redis keeps them from the others.
    held: u32,
    /// Drawn ahead and used since the last draw.
    used: u32,
    /// When what is there is lost.
    until: Option<Instant>,
    /// What was left to everybody at `drawn_at`.
    left: u32,
    drawn_at: Option<Instant>,
    /// Before this there is nothing, as far as this node knows.
    empty_until: Option<Instant>,
    /// How much the next draw takes ahead: more for those who come often.
    ahead: u32,
    /// What requests wait for.
    wanted: u32,
}

impl Lease {
    /// Nothing drawn yet.
    pub(super) fn new(rate: Rate, most_ahead: u32) -> Self {
        Self {
            rate,
            most_ahead,
            granted: 0,
            held: 0,
            used: 0,
            until: None,
            left: rate.burst.get(),
            drawn_at: None,
            empty_until: None,
            ahead: 0,
            wanted: 0,
        }
    }

    /// Takes `n`; or, when there is nothing more to be had, what there is. `None`: Redis has to be asked.
    pub(super) fn take(&mut self, n: u32, now: Instant) -> Option<(u32, Standing)> {
        self.expire(now);
        if self.wanted == 0 {
            // Whoever waited for it has hung up. It was counted long ago, and may have flowed in again since.
            self.granted = 0;
        }
        let there = self.granted.saturating_add(self.held);
        if there >= n {
            self.spend(n);
            return Some((n, Standing::of(self.rate, self.remaining(now))));
        }
        let wait = self.empty_for(now)?;
        self.spend(there);
        Some((there, Standing::exhausted(self.rate, 0, wait)))
    }

    fn spend(&mut self, n: u32) {
        let of_granted = n.min(self.granted);
        self.granted -= of_granted;
        let of_held = (n - of_granted).min(self.held);
        self.held -= of_held;
        self.used = self.used.saturating_add(of_held);
    }

    fn expire(&mut self, now: Instant) {
        if self.until.is_some_and(|until| until <= now) {
            if self.held > 0 {
                self.ahead /= 2;
            }
            (self.granted, self.held, self.until) = (0, 0, None);
        }
    }

    fn remaining(&self, now: Instant) -> u32 {
        let since = self.drawn_at.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        let flowed_in = since.as_micros().checked_div(interval(self.rate).as_micros()).unwrap_or_default();
        let there = self.left.saturating_add(self.held).saturating_add(self.granted);
        there.saturating_add(u32::try_from(flowed_in).unwrap_or(u32::MAX)).min(self.rate.burst.get())
    }

    /// How long the budget is empty still; `None` when it may have something.
    pub(super) fn empty_for(&self, now: Instant) -> Option<Duration> {
        self.empty_until?.checked_duration_since(now).filter(|wait| !wait.is_zero())
    }

    /// Takes note that there is nothing for so long.
    pub(super) fn note_empty(&mut self, wait: Duration, now: Instant) {
        self.empty_until = Some(now + wait.max(REST));
    }

    /// A request waits for `n`.
    pub(super) fn wait_for(&mut self, n: u32) {
        self.wanted = self.wanted.saturating_add(n);
    }

    /// A request waits for `n` no longer.
    pub(super) fn wait_no_more(&mut self, n: u32) {
        self.wanted = self.wanted.saturating_sub(n);
    }

    /// What to draw for all that wait.
    pub(super) fn draw(&mut self, now: Instant) -> Draw {
        let comes_often = self.drawn_at.is_some_and(|at| now.saturating_duration_since(at) < HELD_FOR);
        if comes_often && self.held == 0 {
            self.ahead = self.ahead.saturating_mul(2).max(1).min(self.most_ahead);
        }
        let asked = self.wanted.saturating_sub(self.granted.saturating_add(self.held));
        Draw { asked, ahead: self.ahead, used: self.used, kept: self.held }
    }

    /// Puts in what was drawn. Meanwhile some of what was held may have been used.
    pub(super) fn put(&mut self, draw: &Draw, drawn: &Drawn, now: Instant) {
        let meanwhile = draw.kept.saturating_sub(self.held);
        self.granted = self.granted.saturating_add(drawn.granted);
        self.held = drawn.held.saturating_sub(meanwhile);
        self.used = self.used.saturating_sub(draw.used);
        (self.left, self.drawn_at, self.until) = (drawn.left, Some(now), Some(drawn.until));
        self.empty_until = None;
        if drawn.granted < draw.asked {
            self.note_empty(drawn.wait, now);
        }
    }

    /// Whether nobody misses it when it is forgotten.
    pub(super) fn rests(&self, now: Instant) -> bool {
        let over = |end: Option<Instant>| end.is_none_or(|end| end <= now);
        self.wanted == 0 && over(self.until) && over(self.empty_until) && over(self.drawn_at.map(|at| at + HELD_FOR))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(granted: u32, held: u32, left: u32, now: Instant) -> Drawn {
        Drawn { granted, held, left, wait: Duration::from_secs(1), until: now + HELD_FOR }
    }

    #[test]
    fn whoever_comes_often_draws_ahead_and_whoever_stays_away_less() {
        let (now, rate) = (Instant::now(), Rate::new(60, 320));
        let mut lease = Lease::new(rate, 10);
        let mut ahead = Vec::new();
        for _ in 0..6 {
            assert!(lease.take(1, now).is_none());
            lease.wait_for(1);
            let draw = lease.draw(now);
            assert_eq!(draw.asked, 1);
            ahead.push(draw.ahead);
            lease.put(&draw, &drawn(1, draw.ahead, 100, now), now);
            for _ in 0..=draw.ahead {
                assert_eq!(lease.take(1, now).unwrap().0, 1);
            }
            lease.wait_no_more(1);
        }
        assert_eq!(ahead, [0, 1, 2, 4, 8, 10]);
        lease.wait_for(1);
        let draw = lease.draw(now);
        assert_eq!(draw.used, 10);
        lease.put(&draw, &drawn(1, 10, 100, now), now);
        let later = now + HELD_FOR;
        assert!(lease.take(1, later).is_none(), "what is held is lost after its time");
        assert_eq!(lease.draw(later), Draw { asked: 1, ahead: 5, used: 0, kept: 0 });
        assert!(lease.rests(later + HELD_FOR) || lease.wanted > 0);
    }

    #[test]
    fn what_is_used_while_a_draw_is_on_its_way_is_counted_once() {
        let (now, rate) = (Instant::now(), Rate::new(60, 320));
        let mut lease = Lease::new(rate, 10);
        let first = lease.draw(now);
        lease.put(&first, &drawn(0, 8, 100, now), now);
        assert_eq!(lease.take(3, now).unwrap().0, 3);
        lease.wait_for(10);
        let draw = lease.draw(now);
        assert_eq!((draw.used, draw.kept, draw.asked), (3, 5, 5));
        assert_eq!(lease.take(2, now).unwrap().0, 2);
        lease.put(&draw, &drawn(5, 5, 90, now), now);
        assert_eq!((lease.held, lease.used, lease.granted), (3, 2, 5));
    }

    #[test]
    fn what_nobody_waits_for_any_more_is_gone() {
        let now = Instant::now();
        let mut lease = Lease::new(Rate::new(60, 10), 0);
        lease.wait_for(3);
        let draw = lease.draw(now);
        lease.put(&draw, &drawn(3, 0, 7, now), now);
        lease.wait_no_more(3);
        assert!(lease.take(1, now).is_none());
    }

    #[test]
    fn an_empty_budget_gives_what_is_there_and_says_when_to_come_back() {
        let (now, rate) = (Instant::now(), Rate::new(60, 10));
        let mut lease = Lease::new(rate, 10);
        lease.wait_for(8);
        let draw = lease.draw(now);
        lease.put(&draw, &drawn(6, 0, 0, now), now);
        let (granted, standing) = lease.take(8, now).unwrap();
        lease.wait_no_more(8);
        assert_eq!((granted, standing.remaining, standing.retry_after), (6, 0, Duration::from_secs(1)));
        assert_eq!(lease.take(1, now).unwrap().0, 0);
        assert!(lease.take(1, now + Duration::from_secs(1)).is_none());
        assert!(!lease.rests(now) && lease.rests(now + HELD_FOR));
    }
}
