//! Order: `seq` without holes, the timeline sorted, and what was acknowledged before something else was sent stands
//! before it.

use std::collections::HashMap;

use uuid::Uuid;

use super::super::history::{Outcome, SessionHistory};
use super::super::row::CompactRow;
use crate::check::{Findings, Promise};

/// `seq` runs 1, 2, 3 …, and the timeline is sorted by time, then by `seq`.
pub(super) fn check_sequence(rows: &[CompactRow], findings: &mut Findings<'_>) {
    let mut seqs: Vec<(u64, Uuid)> = rows.iter().map(|row| (row.seq, row.id)).collect();
    seqs.sort_unstable();
    for ((seq, id), expected) in seqs.iter().zip(1..) {
        if *seq != expected {
            findings.add(Promise::Seq, Some(*id), format!("has seq {seq} where {expected} is next"));
            break;
        }
    }
    for (one, next) in rows.iter().zip(rows.iter().skip(1)) {
        if (one.ts_ms, one.seq) >= (next.ts_ms, next.seq) {
            let places = format!("({}, {}) after ({}, {})", next.ts_ms, next.seq, one.ts_ms, one.seq);
            findings.add(Promise::Misordered, Some(next.id), format!("stands at {places} in the timeline"));
        }
    }
}

/// The order of what was told is the order of `seq`.
pub(super) fn check_order(session: &SessionHistory, rows: &[CompactRow], findings: &mut Findings<'_>) {
    let places: HashMap<Uuid, u64> = rows.iter().map(|row| (row.id, row.seq)).collect();
    let seq = |event: u32| {
        let sent = session.events.get(usize::try_from(event).ok()?)?;
        Some((sent.id, *places.get(&sent.id)?))
    };
    check_lanes(session, seq, findings);
    check_time(session, seq, findings);
}

/// One call, or one connection, stores in the order in which it was sent.
fn check_lanes(session: &SessionHistory, seq: impl Fn(u32) -> Option<(Uuid, u64)>, findings: &mut Findings<'_>) {
    let mut highest: HashMap<u32, u64> = HashMap::new();
    for one in session.tries.iter().filter(|one| matches!(one.outcome, Outcome::Stored { .. }) && !one.is_altered) {
        let Some((id, seq)) = seq(one.event) else { continue };
        let highest = highest.entry(one.lane).or_default();
        if seq < *highest {
            let text = format!("has seq {seq}; what stood before it in the same call has {highest}");
            findings.add(Promise::Misordered, Some(id), text);
        }
        *highest = seq.max(*highest);
    }
}

/// What was acknowledged before another event was sent for the first time has the smaller `seq`.
fn check_time(session: &SessionHistory, seq: impl Fn(u32) -> Option<(Uuid, u64)>, findings: &mut Findings<'_>) {
    // For each event: when it was first sent, and when it was first known to be stored.
    let mut times: HashMap<u32, (u64, u64)> = HashMap::new();
    for one in session.tries.iter().filter(|one| !one.is_altered) {
        let (start, end) = times.entry(one.event).or_insert((u64::MAX, u64::MAX));
        *start = one.start_us.min(*start);
        if one.outcome.is_ok() {
            *end = one.end_us.min(*end);
        }
    }
    let all: Vec<(u64, u64, Uuid, u64)> =
        times.iter().filter_map(|(event, (start, end))| seq(*event).map(|(id, seq)| (*start, *end, id, seq))).collect();
    let (mut by_start, mut by_end) = (all.clone(), all);
    by_start.sort_unstable_by_key(|(start, ..)| *start);
    by_end.sort_unstable_by_key(|(_, end, ..)| *end);
    let (mut known, mut highest) = (by_end.into_iter().peekable(), 0);
    for (start, _, id, seq) in by_start {
        while let Some((_, _, _, before)) = known.next_if(|(_, end, ..)| *end < start) {
            highest = before.max(highest);
        }
        if seq < highest {
            let text = format!("has seq {seq}; something acknowledged before it was sent has {highest}");
            findings.add(Promise::Misordered, Some(id), text);
        }
    }
}
