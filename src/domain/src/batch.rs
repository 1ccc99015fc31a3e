//! The body of a batch: taken apart into its members, each the very bytes that were received.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{MAX_JSON_DEPTH, exceeds_depth};

/// Why a body is no batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchError {
    /// It is not JSON, or nests too deeply around its members.
    InvalidJson,
    /// It is no object.
    NotAnObject,
    /// `events` is given more than once.
    GivenTwice,
    /// `events` is missing.
    Missing,
    /// `events` is no array.
    NotAnArray,
    /// There are more members than allowed.
    TooLarge,
}

/// The members of a batch of at most `max`; they are parts of `body`, not copies.
///
/// # Errors
/// [`BatchError`] when the body as a whole is none. What its members are is not asked here.
pub fn members(body: &Bytes, max: usize) -> Result<Vec<Bytes>, BatchError> {
    #[derive(Deserialize)]
    struct Outer<'a> {
        #[serde(borrow)]
        events: Option<&'a RawValue>,
    }
    let text = std::str::from_utf8(body).map_err(|_| BatchError::InvalidJson)?;
    let outer: &RawValue = serde_json::from_str(text).map_err(|_| BatchError::InvalidJson)?;
    if !outer.get().starts_with('{') {
        return Err(BatchError::NotAnObject);
    }
    let outer: Outer<'_> = serde_json::from_str(outer.get()).map_err(|_| BatchError::GivenTwice)?;
    let events = outer.events.ok_or(BatchError::Missing)?;
    // How deep a member may be is asked of each alone: one that is too deep does not refuse the others.
    let around = text.split_once(events.get()).map(|(before, after)| [before, "[]", after].concat());
    if around.is_some_and(|around| exceeds_depth(around.as_bytes(), MAX_JSON_DEPTH)) {
        return Err(BatchError::InvalidJson);
    }
    let events: Vec<&RawValue> = serde_json::from_str(events.get()).map_err(|_| BatchError::NotAnArray)?;
    if events.len() > max {
        return Err(BatchError::TooLarge);
    }
    Ok(events.into_iter().map(|event| body.slice_ref(event.get().as_bytes())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_taken_apart_byte_by_byte_and_what_is_none_is_named() {
        let of = |text: &str| members(&Bytes::from(text.to_owned()), 2);
        assert_eq!(of(r#" {"x":1, "events" : [ {"a": 1.50} ,7]} "#).unwrap(), [r#"{"a": 1.50}"#, "7"]);
        assert_eq!(of(r#"{"events":[]}"#).unwrap(), Vec::<Bytes>::new());
        let deep = format!(r#"{{"events":[{}{}]}}"#, "[".repeat(100), "]".repeat(100));
        assert_eq!(of(&deep).unwrap().len(), 1, "how deep a member is is asked of it alone");
        let around = format!(r#"{{"x":{}{},"events":[]}}"#, "[".repeat(70), "]".repeat(70));
        let wrong = [
            ("", BatchError::InvalidJson),
            ("{", BatchError::InvalidJson),
            (around.as_str(), BatchError::InvalidJson),
            ("[]", BatchError::NotAnObject),
            (r#"{"events":[],"events":[]}"#, BatchError::GivenTwice),
            ("{}", BatchError::Missing),
            (r#"{"events":7}"#, BatchError::NotAnArray),
            (r#"{"events":[1,2,3]}"#, BatchError::TooLarge),
        ];
        for (text, error) in wrong {
            assert_eq!(of(text), Err(error), "{text}");
        }
    }
}
