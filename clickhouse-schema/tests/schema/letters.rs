//! Dead letters are kept with all that it takes to write them again, and go when that was done.

use clickhouse_schema::DeadLetter;

use crate::store::{ORG, OTHER_ORG, Store, letter, logged, prompt, session};

#[tokio::test]
async fn a_letter_becomes_the_event_that_it_was() {
    let store = Store::start().await;
    let events = logged(ORG, &[prompt("s", 1), prompt("s", 2)]);
    let letters: Vec<_> = events.iter().map(|logged| DeadLetter::of(logged, "refused".to_owned())).collect();
    store.log.append_dead_letters(&letters).await.unwrap();
    store.log.append_dead_letters(&[letter(OTHER_ORG, "s", b"{"), letter(ORG, "t", b"{")]).await.unwrap();

    assert_eq!(store.log.orgs_with_dead_letters().await.unwrap(), [ORG, OTHER_ORG]);
    let found = store.log.dead_letters(ORG, &[], 10).await.unwrap();
    assert_eq!(found.len(), 3);
    assert_eq!(store.log.dead_letters(ORG, &[], 2).await.unwrap().len(), 2);
    let second = events[1].stored.event.id;
    let found = store.log.dead_letters(ORG, &[second], 10).await.unwrap();
    assert_eq!(found, [letters[1].clone()]);

    let again = found[0].to_event().unwrap();
    assert_eq!((again.version, again.stored.seq), (events[1].version, 2));
    store.log.append_events(&[again]).await.unwrap();
    let read = store.log.read_after(&session("s"), 0, 9).await.unwrap();
    assert_eq!(read[0].event.raw(), events[1].stored.event.raw());
    assert_eq!(read[0].event.sig_verified, events[1].stored.event.sig_verified);
    for _ in 0..2 {
        store.log.remove_dead_letters(&found.iter().collect::<Vec<_>>()).await.unwrap();
    }
    assert_eq!(store.log.dead_letters(ORG, &[], 10).await.unwrap().len(), 2);
    assert_eq!(store.log.dead_letters(OTHER_ORG, &[], 10).await.unwrap().len(), 1);
    assert!(letter(ORG, "s", b"{").to_event().is_err(), "what was never read as an event is none now");
}
