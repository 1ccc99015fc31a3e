//! Chains: whole, cut, forked, forged.

use uuid::Uuid;

use super::super::{Chain, ChainReport, Link, Reason};
use crate::Timestamp;

/// Links by name: `sig`, `prev_sig`, and whether the signature holds. Time is the place in the list, and so is arrival.
fn links(chain: &[(&str, &str, Option<bool>)]) -> Vec<Link> {
    let link = |((sig, prev_sig, holds), seq): (&(&str, &str, Option<bool>), u64)| Link {
        id: Uuid::from_u128(seq.into()),
        seq,
        ts: Timestamp::from_millis(1_000 * i64::try_from(seq).unwrap()),
        sig: (*sig).to_owned(),
        prev_sig: (*prev_sig).to_owned(),
        holds: *holds,
    };
    chain.iter().zip(1..).map(link).collect()
}

/// The order by name, what is broken by seq, and the report.
fn chain(chain: &[(&str, &str, Option<bool>)]) -> (String, Vec<(u64, Reason)>, ChainReport) {
    let links = links(chain);
    let Chain { order, report } = Chain::of(&links);
    let names = order.iter().map(|place| links[*place].sig.as_str()).collect();
    let broken = report.broken.iter().map(|broken| (broken.seq, broken.reason)).collect();
    (names, broken, report)
}

const YES: Option<bool> = Some(true);
const NO: Option<bool> = Some(false);

#[test]
fn a_whole_chain_is_complete_in_whatever_order_it_came() {
    let (order, broken, report) = chain(&[("c", "b", YES), ("d", "c", YES), ("a", "", YES), ("b", "a", YES)]);
    assert_eq!((order.as_str(), broken), ("abcd", vec![]));
    let expected = ChainReport { signed: 4, verified: 4, broken: vec![], complete: true, gaps: 0, forks: 0 };
    assert_eq!(report, expected);
}

#[test]
fn nothing_signed_is_not_complete() {
    let (order, broken, report) = chain(&[]);
    assert_eq!((order.as_str(), broken, report.signed, report.complete), ("", vec![], 0, false));
}

#[test]
fn a_signature_that_nobody_could_check_is_no_break_but_not_complete_either() {
    let (_, broken, report) = chain(&[("a", "", None), ("b", "a", YES)]);
    assert_eq!((broken, report.verified, report.complete), (vec![], 1, false));
}

#[test]
fn a_missing_event_is_a_gap() {
    let (order, broken, report) = chain(&[("a", "", YES), ("c", "b", YES), ("d", "c", YES)]);
    assert_eq!((order.as_str(), broken), ("acd", vec![(2, Reason::Gap)]));
    assert_eq!((report.gaps, report.forks, report.verified, report.complete), (1, 0, 3, false));
}

#[test]
fn a_chain_may_begin_with_what_was_signed_elsewhere() {
    let (order, broken, _) = chain(&[("a", "old", YES), ("b", "a", YES)]);
    assert_eq!((order.as_str(), broken), ("ab", vec![(1, Reason::Gap)]));
}

#[test]
fn two_that_follow_one_are_a_fork_at_the_later() {
    let (order, broken, report) = chain(&[("a", "", YES), ("x", "a", YES), ("b", "a", YES), ("y", "x", YES)]);
    assert_eq!((order.as_str(), broken), ("axyb", vec![(3, Reason::Fork)]));
    assert_eq!((report.gaps, report.forks, report.complete), (0, 1, false));
}

#[test]
fn a_tampered_event_keeps_its_place() {
    let (order, broken, report) = chain(&[("a", "", YES), ("b", "a", NO), ("c", "b", YES)]);
    assert_eq!((order.as_str(), broken), ("abc", vec![(2, Reason::BadSignature)]));
    assert_eq!((report.gaps, report.forks, report.verified, report.complete), (0, 0, 2, false));
}

#[test]
fn a_forged_event_cannot_make_a_fork_or_take_the_place_of_an_honest_one() {
    // One takes a signature that is there, one a place, one the beginning.
    let (order, broken, report) =
        chain(&[("b", "a", NO), ("x", "a", NO), ("y", "", NO), ("a", "", YES), ("b", "a", YES), ("c", "b", YES)]);
    assert_eq!(order, "yabcbx");
    let bad = |seq| (seq, Reason::BadSignature);
    assert_eq!(broken, [bad(3), bad(1), bad(2)]);
    assert_eq!((report.gaps, report.forks), (0, 0));
}

#[test]
fn to_begin_anew_is_told_apart() {
    let (order, broken, report) = chain(&[("a", "", YES), ("b", "", YES), ("c", "a", YES)]);
    assert_eq!((order.as_str(), broken, report.complete), ("acb", vec![(2, Reason::Restart)], false));
}

#[test]
fn a_circle_ends_somewhere() {
    let (order, broken, _) = chain(&[("a", "c", None), ("b", "a", None), ("c", "b", None), ("d", "d", NO)]);
    assert_eq!((order.as_str(), broken), ("abcd", vec![(1, Reason::Gap), (4, Reason::BadSignature)]));
}

#[test]
fn a_long_chain_is_walked_in_good_time() {
    let names: Vec<String> = (0..100_000).map(|n| n.to_string()).collect();
    let mut long: Vec<_> = names.windows(2).map(|pair| (pair[1].as_str(), pair[0].as_str(), YES)).collect();
    long[0].1 = "";
    long.reverse();
    let (_, broken, report) = chain(&long);
    assert_eq!((broken, report.complete, report.signed), (vec![], true, 99_999));
}
