//! Checks afterwards that every event met with the fate that its candidate was told.

use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::Value;

use super::player::Player;
use super::run::Played;
use crate::chaos::check::{check_events, check_seen};
use crate::chaos::timeline;
use crate::check::{Findings, Moment, Promise, Violation, check_signals, signals_of};
use crate::report::mixed;
use domain::Totals;

/// Sessions that are read at once.
const AT_ONCE: usize = 4;

/// Every promise that was broken: what was acknowledged is there once, in order and unchanged, watchers saw it all, and the
/// signals are those of what is there.
pub(crate) async fn verify(played: &Played) -> Result<Vec<Violation>, String> {
    let checks = stream::iter(&played.players).map(|player| check(played, player)).buffer_unordered(AT_ONCE);
    let found: Vec<Vec<Violation>> = Box::pin(checks.try_collect()).await?;
    Ok(mixed(found.into_iter().flatten().collect()))
}

async fn check(played: &Played, player: &Player) -> Result<Vec<Violation>, String> {
    let (org, name) = (&played.crowd.org, player.seat.session.as_str());
    let history = player.log.state().clone();
    let planned = player.payloads().understood(history.events.len())?;
    let rows = timeline::read(org, name, player.node, timeline::PAGE, false).await?;
    let mut findings = Findings::of(name);
    for fault in &history.faults {
        findings.add(Promise::Protocol, None, format!("{}: {fault}", history.door));
    }
    check_events(&history, &planned, &rows, &org.id, &mut findings);
    for seen in played.seen.iter().filter(|seen| seen.session == name) {
        check_seen(seen, &rows, &mut findings);
    }
    let seqs: std::collections::HashMap<_, _> = rows.iter().map(|row| (row.id, row.seq)).collect();
    let events = planned.iter().filter_map(|planned| Some((*seqs.get(&planned.id)?, planned.event.as_ref()?)));
    let totals = Totals::fold(events);
    let api = org.api(player.node);
    let session = api.get(&format!("/v1/sessions/{name}")).await?.json();
    let told = api.get(&format!("/v1/sessions/{name}/signals")).await?.json();
    let expected = signals_of(&totals, session.get("session").unwrap_or(&Value::Null));
    let mut found = findings.found;
    found.extend(check_signals(name, &expected, &told, Moment::Running));
    Ok(found)
}
