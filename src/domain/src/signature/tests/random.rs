//! Properties on random events and texts.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{Canonical, Chain, Link, PublicKey, SigCheck, Spelling};
use super::signer;
use crate::testing::{arb_events, parse};
use crate::{OrgId, StoredEvent, Timestamp};

fn arb_json() -> impl Strategy<Value = Value> {
    let text = "[a-c<>&\"\\\\\u{0}-\u{20}\u{2028}\u{2029}\u{fffd}é😀]{0,8}";
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, move |inner| {
        let list = prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from);
        let object = prop::collection::btree_map(text, inner, 0..5).prop_map(|members| json!(members));
        prop_oneof![list, object]
    })
}

fn arb_spelling() -> impl Strategy<Value = Spelling> {
    let go = any::<(bool, bool)>().prop_map(|(replaced, long)| Spelling::G { replaced, long });
    prop_oneof![Just(Spelling::J), go]
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in r#"[{}\[\],:"\\ua-f0-9.eE+ \-tnrl😀]{0,60}"#) {
        if let Some(canonical) = Canonical::read(&text) {
            for spelling in canonical.spellings() {
                prop_assert!(!canonical.spelled(spelling).is_empty());
            }
        }
    }

    #[test]
    fn canonical_text_is_the_same_value_and_its_own_canonical_text(json in arb_json(), spelling in arb_spelling()) {
        let canonical = Canonical::read(&json.to_string()).unwrap();
        let text = canonical.spelled(spelling);
        let again = Canonical::read(&text).unwrap();
        prop_assert_eq!(again.spelled(spelling), text.clone());
        prop_assert_eq!(again.spelled(Spelling::J), canonical.spelled(Spelling::J));
        let pretty = serde_json::to_string_pretty(&json).unwrap();
        prop_assert_eq!(Canonical::read(&pretty).unwrap().spelled(spelling), text);
        if !canonical.spellings().contains(&spelling) {
            let all: Vec<_> = canonical.spellings().into_iter().map(|known| canonical.spelled(known)).collect();
            prop_assert!(all.contains(&canonical.spelled(spelling)));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_was_signed_holds_in_every_spelling_and_chains_up(
        events in arb_events(1..12), note in arb_json(), spelling in arb_spelling()
    ) {
        let (mut signer, mut stored) = (signer(), Vec::new());
        let keys = [PublicKey::of_base64(&signer.public_key())];
        for (mut event, seq) in events.into_iter().zip(1..) {
            event["source"] = json!("claude-code");
            event["data"]["anything"] = note.clone();
            let data = Canonical::read(&event["data"].to_string()).unwrap().spelled(spelling);
            signer.chain(&mut event, &data);
            let mut event = parse(&event);
            event.check_signature(&keys);
            prop_assert_eq!(event.sig_verified, Some(true));
            prop_assert!(SigCheck::of(&event, &keys).unwrap().event_hash.len() == 64);
            let org = OrgId::sample(uuid::Uuid::nil());
            stored.push(StoredEvent { event, org, seq, received_at: Timestamp::from_millis(0) });
        }
        let links: Vec<_> = stored.iter().rev().map(|stored| Link::of(stored).unwrap()).collect();
        let chain = Chain::of(&links);
        prop_assert!(chain.report.complete, "{:?}", chain.report);
        prop_assert_eq!(chain.order, (0..links.len()).rev().collect::<Vec<_>>());
    }
}
