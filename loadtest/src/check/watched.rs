//! Holds what a watcher saw to the timeline.

use std::collections::HashMap;

use super::{Findings, Promise, Violation};
use crate::row::Row;
use crate::watcher::Seen;

/// A watcher that applied its messages in order holds exactly the timeline, sorted by `seq`.
pub(crate) fn check_watcher(seen: &Seen, timeline: &[Row]) -> Vec<Violation> {
    let mut findings = Findings::of(&seen.session);
    let name = &seen.name;
    for fault in &seen.faults {
        findings.add(Promise::Protocol, None, format!("{name}: {fault}"));
    }
    let shown: HashMap<_, _> = timeline.iter().map(|row| (row.id, row)).collect();
    let mut times = HashMap::new();
    let mut highest = 0;
    for row in &seen.rows {
        *times.entry(row.id).or_insert(0) += 1;
        if times.get(&row.id).is_some_and(|n| *n > 1) {
            findings.add(Promise::SeenTwice, Some(row.id), format!("{name} saw it again, with seq {}", row.seq));
        } else if row.seq <= highest {
            findings.add(Promise::Misordered, Some(row.id), format!("{name} saw seq {} after {highest}", row.seq));
        }
        highest = highest.max(row.seq);
        match shown.get(&row.id) {
            None => findings.add(Promise::Foreign, Some(row.id), format!("{name} saw it, the timeline has it not")),
            Some(shown) if !is_same(seen, row, shown) => {
                findings.add(
                    Promise::Changed,
                    Some(row.id),
                    format!("{name} saw another row: {}", difference(row, shown)),
                );
            }
            Some(_) => {}
        }
    }
    for row in timeline.iter().filter(|row| !times.contains_key(&row.id)) {
        findings.add(Promise::Missed, Some(row.id), format!("{name} never saw seq {}", row.seq));
    }
    findings.found
}

/// The same row with the same bytes of data. In Server-Sent Events a line break would end the field: there, line breaks
/// between the tokens of JSON (within strings they are escaped) may have become blanks.
fn is_same(seen: &Seen, row: &Row, shown: &Row) -> bool {
    let is_same_text = row.data == shown.data || (seen.is_sse && *row.data == *shown.data.replace(['\n', '\r'], " "));
    is_same_text && row.whole == shown.whole
}

fn difference(seen: &Row, shown: &Row) -> String {
    if seen.data != shown.data {
        return "the bytes of data differ".to_owned();
    }
    let names = seen.whole.as_object().into_iter().chain(shown.whole.as_object()).flat_map(|members| members.keys());
    let name = names.into_iter().find(|name| seen.whole.get(name) != shown.whole.get(name));
    let value = |row: &Row| name.and_then(|name| row.whole.get(name)).map_or("nothing".to_owned(), ToString::to_string);
    format!("{} is {}, in the timeline {}", name.map_or("?", String::as_str), value(seen), value(shown))
}
