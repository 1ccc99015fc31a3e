//! Every event and its fate: there once or not at all, as it was sent, as it was answered.

use std::collections::HashMap;

use uuid::Uuid;

use super::super::history::{Outcome, SessionHistory, Try};
use super::super::row::CompactRow;
use super::super::script::{Intent, Planned, digest};
use crate::check::{Findings, Promise};

/// Holds what is shown to what was sent.
pub(super) fn check_rows(
    session: &SessionHistory,
    planned: &[Planned],
    rows: &[CompactRow],
    org: &str,
    findings: &mut Findings<'_>,
) {
    let sent: HashMap<Uuid, &Planned> = planned.iter().map(|planned| (planned.id, planned)).collect();
    let mut times: HashMap<Uuid, u32> = HashMap::with_capacity(rows.len());
    let (org, name) = (digest(org), digest(session.recipe.session.as_str()));
    for row in rows {
        let times = times.entry(row.id).or_default();
        *times += 1;
        if *times == 2 {
            findings.add(Promise::Doubled, Some(row.id), "is in the timeline twice");
        }
        if row.org != org || row.session != name {
            findings.add(Promise::Leaked, Some(row.id), "says that it belongs to another organisation or session");
        }
        let Some(planned) = sent.get(&row.id) else {
            findings.add(Promise::Foreign, Some(row.id), "was never sent");
            continue;
        };
        let Some(event) = &planned.event else {
            findings.add(Promise::Foreign, Some(row.id), "had to be refused and is there all the same");
            continue;
        };
        let members = [
            ("data", row.data == digest(event.data())),
            ("kind", row.kind == digest(event.kind.as_str())),
            ("ts", row.ts_ms == event.ts.millis()),
        ];
        for (name, _) in members.into_iter().filter(|(_, is_same)| !is_same) {
            let shown = row.text.as_deref().unwrap_or("not kept");
            findings.add(
                Promise::Changed,
                Some(row.id),
                format!("{name} is not what was sent; the row: {}", brief(shown)),
            );
        }
    }
}

/// What was told about one event, taken together.
#[derive(Default)]
struct Told<'a> {
    n_stored: u32,
    n_ok: u32,
    n_unknown: u32,
    seq: Option<u64>,
    refused: Option<&'a Try>,
    altered: Option<&'a Try>,
}

/// Holds what was answered to what is there.
pub(super) fn check_tries(session: &SessionHistory, rows: &[CompactRow], findings: &mut Findings<'_>) {
    let places: HashMap<Uuid, u64> = rows.iter().map(|row| (row.id, row.seq)).collect();
    let mut told: Vec<Told<'_>> = Vec::new();
    told.resize_with(session.events.len(), Told::default);
    for one in &session.tries {
        let Some(told) = usize::try_from(one.event).ok().and_then(|event| told.get_mut(event)) else { continue };
        if let Outcome::Stored { seq } = one.outcome {
            told.n_stored += 1;
            told.seq = told.seq.or(seq);
        }
        match one.outcome {
            _ if one.is_altered => told.altered = Some(one),
            Outcome::Stored { .. } | Outcome::Duplicate => told.n_ok += 1,
            Outcome::Refused { .. } => told.refused = Some(one),
            Outcome::Unknown => told.n_unknown += 1,
            Outcome::Limited => {}
        }
    }
    for (sent, told) in session.events.iter().zip(&told) {
        let mut add = |promise, text: String| findings.add(promise, Some(sent.id), text);
        let place = places.get(&sent.id);
        if told.n_stored > 1 {
            add(Promise::Doubled, format!("was acknowledged as new {} times", told.n_stored));
        }
        if let Some(Try { outcome: outcome @ (Outcome::Stored { .. } | Outcome::Refused { .. }), .. }) = told.altered {
            add(Promise::Protocol, format!("with other content, its id is answered {outcome:?}"));
        }
        if let Intent::Invalid(expected) = sent.intent {
            if told.n_ok > 0 {
                add(Promise::Foreign, "had to be refused and was acknowledged".to_owned());
            }
            if let Some(Try { outcome: Outcome::Refused { status }, .. }) = told.refused
                && *status != expected
            {
                add(Promise::Protocol, format!("was refused with {status}, not {expected}"));
            }
            continue;
        }
        if let Some(Try { outcome: Outcome::Refused { status }, start_us, .. }) = told.refused {
            add(Promise::Refused, format!("was refused with {status} at {} µs", start_us));
            if place.is_some() && told.n_ok + told.n_unknown == 0 {
                add(Promise::Foreign, "was refused and is there all the same".to_owned());
            }
        }
        if told.n_ok > 0 && place.is_none() {
            add(Promise::Lost, format!("was acknowledged {}", acknowledged(session, sent.id)));
        }
        if told.n_ok > 0 && told.n_stored + told.n_unknown == 0 {
            add(Promise::Protocol, "was a repeat the first time that it was heard of".to_owned());
        }
        if let (Some(seq), Some(place)) = (told.seq, place)
            && seq != *place
        {
            add(Promise::Seq, format!("was acknowledged with seq {seq} and is shown with {place}"));
        }
    }
}

/// When and how an event was first acknowledged, for a person.
fn acknowledged(session: &SessionHistory, id: Uuid) -> String {
    let place = session.events.iter().position(|sent| sent.id == id).and_then(|place| u32::try_from(place).ok());
    let first = session.tries.iter().find(|one| Some(one.event) == place && one.outcome.is_ok() && !one.is_altered);
    first.map_or("never".to_owned(), |one| {
        format!("({}, {:?}) between {} and {} µs", session.door, one.outcome, one.start_us, one.end_us)
    })
}

fn brief(text: &str) -> String {
    text.chars().take(200).collect()
}
