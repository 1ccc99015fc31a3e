use super::*;
use crate::chaos::check::sample::honest;

#[test]
fn every_wrong_that_is_planted_is_reported_as_what_it_is() {
    let (history, read) = honest();
    assert_eq!(check(&history, &read), []);
    for seed in 0..2 {
        let verdicts = plant_all(&history, &read, seed);
        assert_eq!(verdicts.len(), Wrong::ALL.len());
        for verdict in verdicts {
            assert!(verdict.result.is_ok(), "seed {seed}: {verdict:?}");
        }
    }
}

#[test]
fn what_is_reported_as_something_else_or_elsewhere_is_not_found() {
    let (history, read) = honest();
    let (mut with_gap, mut read) = (history, read);
    let mut rng = StdRng::seed_from_u64(1);
    let spot = spot::plant(Wrong::Missed, &mut with_gap, &mut read, &mut rng).unwrap();
    let found = check(&with_gap, &read);
    assert!(judge(Wrong::Missed, &spot, &found).is_ok());
    assert!(judge(Wrong::SeenTwice, &spot, &found).unwrap_err().starts_with("NOT FOUND"));
    assert!(judge(Wrong::Missed, &Spot { event: None, ..spot.clone() }, &found).is_err());
    assert!(judge(Wrong::Missed, &Spot { session: "another".into(), ..spot.clone() }, &found).is_err());
    assert!(judge(Wrong::Missed, &spot, &[]).unwrap_err().contains("nothing"));
    let mut more = found;
    more.push(Violation { promise: Promise::Lost, session: spot.session.clone(), event: spot.event, text: "x".into() });
    assert!(judge(Wrong::Missed, &spot, &more).unwrap_err().contains("as well"));
}
