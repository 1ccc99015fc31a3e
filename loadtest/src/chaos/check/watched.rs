//! What a watcher saw: exactly what the log holds, from where it began, by `seq` without gap or repeat.

use std::collections::HashMap;

use super::super::row::CompactRow;
use super::super::watcher::Seen;
use crate::check::{Findings, Promise};

/// Holds what one watcher saw to the timeline.
pub(crate) fn check_seen(seen: &Seen, rows: &[CompactRow], findings: &mut Findings<'_>) {
    let name = &seen.name;
    for fault in &seen.faults {
        findings.add(Promise::Protocol, None, format!("{name}: {fault}"));
    }
    let by_seq: HashMap<u64, &CompactRow> = rows.iter().map(|row| (row.seq, row)).collect();
    let mut last = seen.from;
    for row in &seen.rows {
        if row.seq <= last {
            let is_again = row.seq > seen.from && seen.rows.iter().filter(|other| other.seq == row.seq).count() > 1;
            let promise = if is_again { Promise::SeenTwice } else { Promise::Misordered };
            findings.add(promise, Some(row.id), format!("{name} saw seq {} after {last}", row.seq));
        } else if row.seq > last + 1 {
            findings.add(Promise::Missed, Some(row.id), format!("{name} saw seq {} right after {last}", row.seq));
        }
        last = row.seq.max(last);
        match by_seq.get(&row.seq) {
            None => {
                findings.add(Promise::Foreign, Some(row.id), format!("{name} saw seq {}, which is not there", row.seq))
            }
            Some(shown) if shown.id != row.id => {
                let text = format!("{name} saw it with seq {}, which is event {}", row.seq, shown.id);
                findings.add(Promise::Foreign, Some(row.id), text);
            }
            Some(shown) if shown.whole != row.whole => {
                findings.add(Promise::Changed, Some(row.id), format!("{name} saw another row for seq {}", row.seq));
            }
            Some(_) => {}
        }
    }
    if last < seen.must_reach {
        let text = format!("{name} saw up to seq {last}, but {} events were acknowledged", seen.must_reach);
        findings.add(Promise::Missed, None, text);
    }
}
