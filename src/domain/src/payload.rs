//! The payloads with rules: what `data` must hold for each kind, and the facts that are read from it.

use serde_json::{Value, value::RawValue};

use crate::{Author, Detail, Facts, Kind};

/// Reads the facts of a payload; `None` when a rule is broken, which `details` then names.
pub(crate) fn read(_kind: &Kind, data: &RawValue, _author: &Author, details: &mut Vec<Detail>) -> Option<Facts> {
    match serde_json::from_str::<Value>(data.get()) {
        Ok(_) => Some(Facts::default()),
        Err(error) => {
            details.push(Detail::new(&["data"], "invalid_json", error.to_string()));
            None
        }
    }
}
