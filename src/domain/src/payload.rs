//! The payloads with rules: what `data` must hold for each kind, and the facts that are read from it.

use serde_json::{Map, Value, json, value::RawValue};

use crate::{
    CommandClass, Detail, Facts, Kind,
    json::{Members, integer, is_bool, is_text, number, text},
    verification::classify,
};

#[cfg(test)]
mod tests;

/// What a member must be when it is there.
#[derive(Clone, Copy)]
enum Type {
    Text,
    Bool,
    Integer,
    /// An integer from 0 on.
    Count,
    /// A number from 0 on.
    Duration,
}

/// A member with a rule; the last part says whether it is required.
type Rule = (&'static str, Type, bool);

/// The rules of a kind; none for the kinds that take any payload.
#[rustfmt::skip]
fn rules(kind: &Kind) -> &'static [Rule] {
    use Type::{Bool, Count, Duration, Integer, Text};
    match kind {
        Kind::Command => &[
            ("command", Text, true), ("exitCode", Integer, false), ("durationMs", Duration, false),
            ("stdout", Text, false), ("stderr", Text, false), ("human", Bool, false), ("source", Text, false),
        ],
        Kind::FileDiff => &[
            ("path", Text, true), ("diff", Text, false), ("linesAdded", Count, false), ("linesRemoved", Count, false),
        ],
        Kind::FileCreate => &[
            ("path", Text, true), ("content", Text, false), ("linesAdded", Count, false), ("sizeBytes", Count, false),
        ],
        Kind::TestRun => &[
            ("suite", Text, false), ("passed", Count, false), ("failed", Count, false), ("skipped", Count, false),
            ("durationMs", Duration, false),
        ],
        Kind::GitAction => &[
            ("action", Text, true), ("ref", Text, false), ("message", Text, false), ("commit", Text, false),
        ],
        Kind::Checkpoint => &[("label", Text, false), ("trigger", Text, false), ("summary", Text, false)],
        _ => &[],
    }
}

/// The kinds whose payloads have rules.
static RULED: [Kind; 6] =
    [Kind::Command, Kind::FileDiff, Kind::FileCreate, Kind::TestRun, Kind::GitAction, Kind::Checkpoint];

/// The rules of payloads as JSON Schema: kinds by their names, with the schema of their `data`.
pub fn schemas() -> impl Iterator<Item = (&'static str, Value)> {
    RULED.iter().map(|kind| {
        let rules = rules(kind);
        let properties: Map<String, Value> =
            rules.iter().map(|(name, wanted, required)| ((*name).to_owned(), wanted.schema(*required))).collect();
        let required: Vec<&str> = rules.iter().filter(|(.., required)| *required).map(|(name, ..)| *name).collect();
        (kind.as_str(), json!({ "properties": properties, "required": required }))
    })
}

/// What a change of a file is asked for, whatever its rules are.
const OF_CHANGES: [&str; 3] = ["path", "linesAdded", "linesRemoved"];

/// Reads the facts of a payload; `None` when a rule is broken, which `details` then names.
pub(crate) fn read(kind: &Kind, data: &RawValue, details: &mut Vec<Detail>) -> Option<Facts> {
    let rules = rules(kind);
    let mut wanted: Vec<_> = rules.iter().map(|(name, ..)| *name).collect();
    if kind.is_file_change() {
        wanted.extend(OF_CHANGES);
    }
    if wanted.is_empty() {
        return Some(Facts::default());
    }
    let members = Members::of(data, &wanted)?;
    let details_before = details.len();
    for (name, wanted, required) in rules {
        let complaint = match members.get(name) {
            Some(value) => wanted.complaint(value),
            None => required.then_some(("required", "is required")),
        };
        details.extend(complaint.map(|(code, message)| Detail::new(&["data", name], code, message)));
    }
    (details.len() == details_before).then(|| facts(kind, &members))
}

impl Type {
    /// The schema of such a value. One that is not required may be `null`, which reads as absent.
    fn schema(self, required: bool) -> Value {
        let (name, minimum) = match self {
            Self::Text => ("string", None),
            Self::Bool => ("boolean", None),
            Self::Integer => ("integer", None),
            Self::Count => ("integer", Some(0)),
            Self::Duration => ("number", Some(0)),
        };
        let kind = if required { json!(name) } else { json!([name, "null"]) };
        match minimum {
            Some(minimum) => json!({ "type": kind, "minimum": minimum }),
            None => json!({ "type": kind }),
        }
    }

    /// What is wrong with `value`: a code and a message.
    fn complaint(self, value: &RawValue) -> Option<(&'static str, &'static str)> {
        let (is_right_type, is_in_range, message) = match self {
            Self::Text => (is_text(value), true, "must be a string"),
            Self::Bool => (is_bool(value), true, "must be true or false"),
            Self::Integer => (integer(value).is_some(), true, "must be an integer"),
            Self::Count => {
                let count = integer(value);
                (count.is_some(), count >= Some(0), "must be an integer from 0 on")
            }
            Self::Duration => {
                let duration = number(value);
                (duration.is_some(), duration >= Some(0.0), "must be a number from 0 on")
            }
        };
        match (is_right_type, is_in_range) {
            (true, true) => None,
            (true, false) => Some(("out_of_range", message)),
            (false, _) => Some(("invalid_type", message)),
        }
    }
}

fn facts(kind: &Kind, data: &Members<'_>) -> Facts {
    match kind {
        Kind::Command => {
            let command = data.get("command").and_then(text).unwrap_or_default();
            let command_class = classify(&command);
            // Beyond 64 bits it is the nearest: not 0, so a failure all the same.
            let exit_code = data.get("exitCode").and_then(integer);
            let exit_code = exit_code.map(|code| code.clamp(i64::MIN.into(), i64::MAX.into()));
            let exit_code = exit_code.and_then(|code| i64::try_from(code).ok());
            let test_verdict = exit_code.filter(|_| command_class == Some(CommandClass::Test)).map(|code| code == 0);
            Facts { command: Some(command.into()), command_class, exit_code, test_verdict, ..Facts::default() }
        }
        Kind::TestRun => {
            let (passed, failed) = (data.get("passed").and_then(integer), data.get("failed").and_then(integer));
            let says_something = passed.is_some() || failed.is_some();
            let all_passed = failed.unwrap_or(0) == 0 && passed.unwrap_or(0) > 0;
            Facts { test_verdict: says_something.then_some(all_passed), ..Facts::default() }
        }
        kind if kind.is_file_change() => Facts {
            path: data.get("path").and_then(text).filter(|path| !path.is_empty()).map(Into::into),
            lines_added: lines(data, "linesAdded"),
            lines_removed: lines(data, "linesRemoved"),
            ..Facts::default()
        },
        _ => Facts::default(),
    }
}

/// A count of lines; anything that is none counts 0.
fn lines(data: &Members<'_>, name: &str) -> u32 {
    let count = data.get(name).and_then(integer).unwrap_or(0).clamp(0, Facts::MAX_LINES.into());
    u32::try_from(count).unwrap_or(Facts::MAX_LINES)
}
