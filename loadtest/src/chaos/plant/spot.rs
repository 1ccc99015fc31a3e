//! Finds a place for a wrong, and does it there.

use std::collections::{HashMap, HashSet};

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, IteratorRandom};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Wrong;
use crate::chaos::check::{History, label};
use crate::chaos::history::{Outcome, SessionHistory};
use crate::chaos::readback::{Read, SessionRead};
use crate::chaos::row::CompactRow;
use crate::chaos::script::Intent;

/// Rows that a session must have to be worth a wrong.
const ENOUGH: usize = 10;

/// Where a wrong was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spot {
    /// The session, as violations name it.
    pub(super) session: String,
    /// The event that has to be named.
    pub(super) event: Option<Uuid>,
}

/// Does it; nothing where there is no place for it.
pub(super) fn plant(wrong: Wrong, history: &mut History, read: &mut Read, rng: &mut StdRng) -> Option<Spot> {
    match wrong {
        Wrong::Missed | Wrong::SeenTwice => return watcher(wrong, history, rng),
        Wrong::Leak => return leak(history, read, rng),
        _ => {}
    }
    let mut places = quiet(history, read);
    while let Some(at) = (0..places.len()).choose(rng) {
        let place = places.swap_remove(at);
        let (session, back) = (history.sessions.get(place)?, read.sessions.get_mut(place)?);
        let planted = match wrong {
            Wrong::Loss => lose(session, back, rng).map(Some),
            Wrong::Double => double(back, rng).map(Some),
            Wrong::Swap => swap_arrival(session, back, rng).map(Some),
            Wrong::SwappedRows => swap_rows(back, rng).map(Some),
            Wrong::ChangedByte => change(back, rng).map(Some),
            Wrong::Foreign => add(back, Uuid::from_u128(rng.random()), rng).map(Some),
            Wrong::Refused => {
                let refused = session.events.iter().filter(|sent| matches!(sent.intent, Intent::Invalid(_)));
                refused.choose(rng).map(|sent| sent.id).and_then(|id| add(back, id, rng)).map(Some)
            }
            _ => signal(back).map(|()| None),
        };
        if let Some(event) = planted {
            return Some(Spot { session: label(session), event });
        }
    }
    None
}

/// Sessions that nobody watched: a watcher would tell the same wrong in its own words.
fn quiet(history: &History, read: &Read) -> Vec<usize> {
    let watched: HashSet<(usize, &str)> = history.seen.iter().map(|seen| (seen.org, seen.session.as_str())).collect();
    let all = history.sessions.iter().zip(&read.sessions).enumerate();
    all.filter(|(_, (session, back))| {
        back.rows.len() >= ENOUGH && !watched.contains(&(session.org, session.recipe.session.as_str()))
    })
    .map(|(place, _)| place)
    .collect()
}

/// What was acknowledged as new: for each event, when it was first sent and when it was acknowledged.
fn stored(session: &SessionHistory) -> HashMap<Uuid, (u64, u64)> {
    let mut times: HashMap<Uuid, (u64, Option<u64>)> = HashMap::new();
    for one in session.tries.iter().filter(|one| !one.is_altered) {
        let Some(sent) = usize::try_from(one.event).ok().and_then(|event| session.events.get(event)) else { continue };
        let (start, end) = times.entry(sent.id).or_insert((u64::MAX, None));
        *start = one.start_us.min(*start);
        if matches!(one.outcome, Outcome::Stored { .. }) {
            *end = Some(one.end_us);
        }
    }
    times.into_iter().filter_map(|(id, (start, end))| Some((id, (start, end?)))).collect()
}

fn lose(session: &SessionHistory, back: &mut SessionRead, rng: &mut StdRng) -> Option<Uuid> {
    let stored = stored(session);
    let signed: HashSet<Uuid> = back.signed.iter().map(|row| row.id).collect();
    let rows = back.rows.iter().enumerate();
    // The signed log would tell it once more.
    let can_go = rows.filter(|(_, row)| stored.contains_key(&row.id) && !signed.contains(&row.id));
    let place = can_go.map(|(place, _)| place).choose(rng)?;
    Some(back.rows.remove(place).id)
}

fn double(back: &mut SessionRead, rng: &mut StdRng) -> Option<Uuid> {
    let place = rng.random_range(0..back.rows.len());
    let again = back.rows.get(place)?.clone();
    let id = again.id;
    back.rows.insert(place, again);
    Some(id)
}

/// Two neighbours in the order of arrival, of which one was acknowledged before the other was sent, change their places.
fn swap_arrival(session: &SessionHistory, back: &mut SessionRead, rng: &mut StdRng) -> Option<Uuid> {
    let stored = stored(session);
    let by_seq: HashMap<u64, Uuid> = back.rows.iter().map(|row| (row.seq, row.id)).collect();
    let pairs = by_seq.iter().filter_map(|(seq, first)| {
        let second = by_seq.get(&(seq + 1))?;
        (stored.get(first)?.1 < stored.get(second)?.0).then_some((*seq, *second))
    });
    // In an order of their own: that of a map is another each time.
    let mut pairs: Vec<(u64, Uuid)> = pairs.collect();
    pairs.sort_unstable();
    let (seq, second) = *pairs.choose(rng)?;
    for row in &mut back.rows {
        row.seq = match row.seq {
            one if one == seq => seq + 1,
            one if one == seq + 1 => seq,
            other => other,
        };
    }
    sort(&mut back.rows);
    Some(second)
}

fn swap_rows(back: &mut SessionRead, rng: &mut StdRng) -> Option<Uuid> {
    let place = rng.random_range(1..back.rows.len());
    back.rows.swap(place - 1, place);
    back.rows.get(place).map(|row| row.id)
}

/// Another letter in place of one within the payload.
fn change(back: &mut SessionRead, rng: &mut StdRng) -> Option<Uuid> {
    let row = back.rows.iter_mut().choose(rng)?;
    let text = row.text.as_deref()?;
    let begin = text.find(r#""data":"#)?;
    let letters: Vec<usize> = text
        .char_indices()
        .filter(|(at, letter)| *at > begin + 7 && letter.is_ascii_lowercase())
        .map(|(at, _)| at)
        .collect();
    // Not every letter can be another: `null`, and what stands behind a backslash.
    for _ in 0..100 {
        let at = *letters.choose(rng)?;
        let other = if text.as_bytes().get(at) == Some(&b'q') { "p" } else { "q" };
        let mut changed = text.to_owned();
        changed.replace_range(at..=at, other);
        let Ok(changed) = CompactRow::of(&changed, true) else { continue };
        let is_only_data =
            CompactRow { data: row.data, whole: row.whole, text: row.text.clone(), ..changed.clone() } == *row;
        if changed.data != row.data && is_only_data {
            *row = changed;
            return Some(row.id);
        }
    }
    None
}

/// One more row like those that are there, under another id, behind all others.
fn add(back: &mut SessionRead, id: Uuid, rng: &mut StdRng) -> Option<Uuid> {
    let like = back.rows.choose(rng)?.clone();
    append(back, CompactRow { id, ..like });
    Some(id)
}

fn append(back: &mut SessionRead, row: CompactRow) {
    let seq = back.rows.iter().map(|row| row.seq).max().unwrap_or_default() + 1;
    back.rows.push(CompactRow { seq, ..row });
    sort(&mut back.rows);
}

fn sort(rows: &mut [CompactRow]) {
    rows.sort_by_key(|row| (row.ts_ms, row.seq));
}

fn leak(history: &History, read: &mut Read, rng: &mut StdRng) -> Option<Spot> {
    let place = quiet(history, read).into_iter().choose(rng)?;
    let session = history.sessions.get(place)?;
    let own: HashSet<Uuid> = session.events.iter().map(|sent| sent.id).collect();
    let others = history.sessions.iter().zip(&read.sessions).filter(|(other, _)| other.org != session.org);
    // Twins have the same ids: theirs would be taken for a changed row.
    let rows = others.flat_map(|(_, back)| &back.rows).filter(|row| !own.contains(&row.id));
    let row = rows.choose(rng)?.clone();
    let id = row.id;
    append(read.sessions.get_mut(place)?, row);
    Some(Spot { session: label(session), event: Some(id) })
}

fn watcher(wrong: Wrong, history: &mut History, rng: &mut StdRng) -> Option<Spot> {
    let seen = history.seen.iter_mut().filter(|seen| seen.rows.len() >= ENOUGH).choose(rng)?;
    let session = history.sessions.iter().find(|one| one.org == seen.org && one.recipe.session == seen.session)?;
    let place = rng.random_range(1..seen.rows.len() - 1);
    if wrong == Wrong::Missed {
        seen.rows.remove(place);
    } else {
        let again = seen.rows.get(place)?.clone();
        seen.rows.insert(place, again);
    }
    let event = seen.rows.get(place)?.id;
    Some(Spot { session: label(session), event: Some(event) })
}

fn signal(back: &mut SessionRead) -> Option<()> {
    let value: &mut Value = back.final_signals.last_mut()?.pointer_mut("/signals/promptCount/value")?;
    *value = json!(value.as_u64()? + 1);
    Some(())
}
