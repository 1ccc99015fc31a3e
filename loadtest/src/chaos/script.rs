//! What one candidate sends in one session, made anew as often as wanted from a few numbers: histories need not hold it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use domain::signature::{Canonical, Claim};
use domain::{Event, Limits, Timestamp};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::generate::Generator;

/// Everything that a session's events follow from.
#[derive(Debug, Clone)]
pub(crate) struct Recipe {
    /// Of the content.
    pub(crate) seed: u64,
    /// Of the ids; two organisations may share it.
    pub(crate) ids: u64,
    /// The session.
    pub(crate) session: String,
    /// The time of the first event.
    pub(crate) start_ms: i64,
    /// Whether a part of the events is signed.
    pub(crate) is_signed: bool,
    /// A session of somebody else, for events that must be refused.
    pub(crate) elsewhere: String,
}

/// What is to happen with an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Intent {
    /// Sent until its fate is known.
    Plain,
    /// Sent twice at the same time, through two nodes.
    Twice,
    /// Sent again with other content under the same id, once it is acknowledged.
    Altered,
    /// Must be refused with this status.
    Invalid(u16),
}

/// An event as it is to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Planned {
    /// Its id.
    pub(crate) id: Uuid,
    /// The exact text of the envelope.
    pub(crate) text: Arc<str>,
    /// The same, understood; nothing where it must be refused.
    pub(crate) event: Option<Event>,
    /// What is to happen with it.
    pub(crate) intent: Intent,
}

/// Makes the events of a recipe, in order.
pub(crate) struct Script {
    recipe: Recipe,
    generator: Generator,
    choices: StdRng,
    signer: Option<Signer>,
    is_first: bool,
}

/// A candidate's key, and the last signature of its chain.
struct Signer {
    key: Ed25519KeyPair,
    last: String,
}

impl Recipe {
    /// The key with which its events are signed.
    fn key(&self) -> Option<Ed25519KeyPair> {
        let seed: [u8; 32] = StdRng::seed_from_u64(self.seed ^ 0x5151).random();
        Ed25519KeyPair::from_seed_unchecked(&seed).ok().filter(|_| self.is_signed)
    }

    /// The base64 of the public key, where events are signed.
    pub(crate) fn public_key(&self) -> Option<String> {
        let mut base64 = [0; 44];
        let length = STANDARD.encode_slice(self.key()?.public_key().as_ref(), &mut base64).ok()?;
        Some(String::from_utf8_lossy(base64.get(..length)?).into_owned())
    }
}

impl Script {
    /// From the beginning.
    pub(crate) fn of(recipe: &Recipe) -> Self {
        Self {
            generator: Generator::new(recipe.seed, &recipe.session, recipe.start_ms).small(recipe.ids),
            choices: StdRng::seed_from_u64(recipe.seed ^ 0xC4A05),
            signer: recipe.key().map(|key| Signer { key, last: String::new() }),
            recipe: recipe.clone(),
            is_first: true,
        }
    }

    /// The next event.
    pub(crate) fn next(&mut self) -> Result<Planned, String> {
        let sent = self.generator.event(self.is_first)?;
        let (id, text) = (sent.event.id, sent.text);
        let choice = if self.is_first { 99 } else { self.choices.random_range(0..100) };
        self.is_first = false;
        match choice {
            0..4 => {
                let (text, status) = self.spoilt(&text)?;
                Ok(Planned { id, text, event: None, intent: Intent::Invalid(status) })
            }
            4..10 => Ok(Planned { id, text, event: Some(sent.event), intent: Intent::Twice }),
            10..13 => Ok(Planned { id, text, event: Some(sent.event), intent: Intent::Altered }),
            13..40 => {
                let (text, event) = self.signed(text, sent.event);
                Ok(Planned { id, text, event: Some(event), intent: Intent::Plain })
            }
            _ => Ok(Planned { id, text, event: Some(sent.event), intent: Intent::Plain }),
        }
    }

    /// An event with something wrong, and the status that it must be answered with.
    fn spoilt(&mut self, text: &str) -> Result<(Arc<str>, u16), String> {
        let mut envelope: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let (name, value, status) = match self.choices.random_range(0..6) {
            0 => ("ts", Value::Null, 400),
            1 => ("ts", json!("2093-04-01T00:00:00Z"), 400),
            2 => ("v", json!(2), 400),
            3 => ("kind", json!("not a kind!"), 400),
            4 => ("data", json!("no object"), 400),
            _ => ("sessionId", json!(self.recipe.elsewhere), 403),
        };
        if let Some(members) = envelope.as_object_mut() {
            members.insert(name.to_owned(), value);
        }
        Ok((envelope.to_string().into(), status))
    }

    /// The event with a signature that holds, as the next of the chain; as it was where nothing is signed.
    fn signed(&mut self, text: Arc<str>, event: Event) -> (Arc<str>, Event) {
        let mut made = || {
            let signer = self.signer.as_mut()?;
            let placed = |sig: &str, last: &str| {
                Some(format!(r#"{},"sig":"{sig}","prevSig":"{last}"}}"#, text.strip_suffix('}')?))
            };
            // An empty signature would be none.
            let unsigned = parse(&placed(&"0".repeat(128), &signer.last)?)?;
            let data = Canonical::read(unsigned.data())?;
            let message = Claim::of(&unsigned)?.message(&data, data.spellings().first().copied()?);
            let sig: String =
                signer.key.sign(message.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
            let text = placed(&sig, &signer.last)?;
            let event = parse(&text)?;
            signer.last = sig;
            Some((Arc::from(text), event))
        };
        made().unwrap_or((text, event))
    }
}

/// The same id with other content.
pub(crate) fn altered(text: &str) -> String {
    let mut envelope: Value = serde_json::from_str(text).unwrap_or_default();
    if let Some(members) = envelope.as_object_mut() {
        members.insert("data".to_owned(), json!({ "text": "this is not what was acknowledged" }));
        members.insert("kind".to_owned(), json!("prompt"));
    }
    envelope.to_string()
}

fn parse(text: &str) -> Option<Event> {
    let limits = Limits { now: Timestamp::from_millis(i64::MAX), strict_kinds: false };
    Event::parse(Bytes::from(text.to_owned()), &limits).ok()
}

/// A number that stands for a text; equal for equal texts within one program.
pub(crate) fn digest(text: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::signature::{PublicKey, SigCheck};
    use std::collections::HashSet;

    fn recipe(seed: u64) -> Recipe {
        Recipe {
            seed,
            ids: 7,
            session: "s".into(),
            start_ms: 1_775_037_600_000,
            is_signed: true,
            elsewhere: "elsewhere".into(),
        }
    }

    fn events(seed: u64) -> Vec<Planned> {
        let mut script = Script::of(&recipe(seed));
        (0..400).map(|_| script.next().unwrap()).collect()
    }

    #[test]
    fn a_recipe_gives_the_same_events_each_time_and_ids_have_a_seed_of_their_own() {
        let texts = |seed| events(seed).into_iter().map(|planned| planned.text).collect::<Vec<_>>();
        assert_eq!(texts(1), texts(1));
        let ids = |seed| events(seed).into_iter().map(|planned| planned.id).collect::<Vec<_>>();
        assert_eq!(ids(1), ids(2));
        let (one, other): (HashSet<_>, HashSet<_>) = (texts(1).into_iter().collect(), texts(2).into_iter().collect());
        assert!(one.is_disjoint(&other));
    }

    #[test]
    fn all_that_is_to_happen_happens() {
        let events = events(3);
        let count = |is: &dyn Fn(&Planned) -> bool| events.iter().filter(|planned| is(planned)).count();
        assert!((5..40).contains(&count(&|planned| matches!(planned.intent, Intent::Invalid(_)))));
        assert!((10..50).contains(&count(&|planned| planned.intent == Intent::Twice)));
        assert!((3..30).contains(&count(&|planned| planned.intent == Intent::Altered)));
        assert_eq!(count(&|planned| planned.event.is_none()), count(&|p| matches!(p.intent, Intent::Invalid(_))));
        for planned in events.iter().filter(|planned| planned.event.is_none()) {
            let understood = parse(&planned.text);
            let is_right = match planned.intent {
                Intent::Invalid(403) => understood.is_some_and(|event| event.session_id.as_str() == "elsewhere"),
                // The time is read against the clock, which stands at the end of all days here.
                _ => understood.is_none() || planned.text.contains("2093"),
            };
            assert!(is_right, "{}", planned.text);
        }
        assert!(parse(&altered(&events[5].text)).is_some_and(|event| event.id == events[5].id));
    }

    #[test]
    fn signatures_hold_and_chain_up() {
        let keys = [PublicKey::of_base64(&recipe(4).public_key().unwrap())];
        let mut last = String::new();
        let mut n_signed = 0;
        for event in events(4).iter().filter_map(|planned| planned.event.as_ref()).filter(|event| event.signed) {
            assert_eq!(SigCheck::of(event, &keys).and_then(|check| check.holds), Some(true));
            let claim = Claim::of(event).unwrap();
            assert_eq!(claim.prev_sig.unwrap(), last);
            last = claim.sig;
            n_signed += 1;
        }
        assert!(n_signed > 50, "{n_signed}");
    }
}
