//! The artifact `key_moments_v1`: where to look in the timeline.

use serde_json::{Map, Value, json};

use super::{
    Derivation,
    moment::{Moment, MomentKind, Weightiest},
};

pub(super) fn of(derivation: &Derivation) -> Value {
    let lists = lists(derivation);
    let at_end = derivation.work.verified_at_end();
    let mut moments: Vec<&Moment> = lists.iter().flat_map(|(_, list)| list.kept()).chain(&at_end).collect();
    // Two moments of one rule never end with the same event, so the order is complete.
    moments.sort_by_key(|moment| (moment.from.ts, moment.from.at.seq, moment.to.ts, moment.to.at.seq, moment.rule));
    let listed = u64::try_from(moments.len()).unwrap_or(u64::MAX);
    let found = |kind: MomentKind| {
        let of_lists: u64 = lists.iter().filter(|(of, _)| *of == kind).map(|(_, list)| list.found()).sum();
        let is_at_end = at_end.as_ref().is_some_and(|moment| moment.kind == kind);
        of_lists + u64::from(is_at_end)
    };
    let counts: Map<String, Value> =
        MomentKind::ALL.iter().map(|kind| (kind.as_str().to_owned(), json!(found(*kind)))).collect();
    let all: u64 = MomentKind::ALL.iter().map(|kind| found(*kind)).sum();
    json!({
        "counts": counts,
        "leftOut": all.saturating_sub(listed),
        "moments": moments.into_iter().map(Moment::to_json).collect::<Vec<_>>(),
    })
}

/// The lists of all rules, each with the kind of its moments.
fn lists(derivation: &Derivation) -> [(MomentKind, &Weightiest); 6] {
    let Derivation { stretches, pivots, work, .. } = derivation;
    [
        (MomentKind::Breakthrough, &stretches.breakthroughs),
        (MomentKind::Struggle, &stretches.struggles),
        (MomentKind::Pivot, &pivots.reverted),
        (MomentKind::Pivot, &pivots.rewritten),
        (MomentKind::Pivot, &pivots.redirected),
        (MomentKind::Verification, &work.verified),
    ]
}
