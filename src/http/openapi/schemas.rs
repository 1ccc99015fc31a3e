//! The shapes of replies, by name. Those that follow from tables of `domain` are made from these tables; the others
//! stand in `schemas/`.

use domain::{
    Timestamp, Totals,
    cohort::{Better, METRICS},
    signals::{Signals, Span},
};
use serde_json::{Map, Value, json};

use super::operation::reference;

const FILES: [&str; 6] = [
    include_str!("schemas/common.json"),
    include_str!("schemas/reviewing.json"),
    include_str!("schemas/tasks.json"),
    include_str!("schemas/candidate.json"),
    include_str!("schemas/events.json"),
    include_str!("schemas/sessions.json"),
];

/// Every shape.
pub(super) fn all() -> Map<String, Value> {
    let mut schemas = Map::new();
    for file in FILES {
        // The files are part of the program, and a test reads them.
        schemas.extend(serde_json::from_str::<Map<String, Value>>(file).unwrap_or_default());
    }
    if let Some(event) = schemas.get_mut("NewEvent").and_then(Value::as_object_mut) {
        event.insert("allOf".to_owned(), payload_rules());
    }
    let issue = json!({ "anyOf": [reference("Issue"), { "type": "null" }], "description": "The linked issue." });
    let with_issue = extended(&schemas, "Assessment", "issue", issue);
    let listed = extended(&schemas, "CandidateKey", "assessmentTitle", json!({ "type": ["string", "null"] }));
    schemas.insert("AssessmentWithIssue".to_owned(), with_issue);
    schemas.insert("Candidate".to_owned(), listed);
    schemas.insert("Signals".to_owned(), signals());
    schemas.insert("CohortStats".to_owned(), cohort_stats());
    schemas
}

/// What `data` has to hold, for each kind that has rules.
fn payload_rules() -> Value {
    let rules = domain::payload_schemas().map(|(kind, schema)| {
        let is_kind = json!({ "properties": { "kind": { "const": kind } }, "required": ["kind"] });
        json!({ "if": is_kind, "then": { "properties": { "data": schema } } })
    });
    rules.collect()
}

/// The shape of this name with one more member.
fn extended(schemas: &Map<String, Value>, name: &str, member: &str, schema: Value) -> Value {
    let mut shape = schemas.get(name).cloned().unwrap_or_default();
    if let Some(properties) = shape.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert(member.to_owned(), schema);
    }
    if let Some(required) = shape.get_mut("required").and_then(Value::as_array_mut) {
        required.push(member.into());
    }
    shape
}

/// An object with all of these members.
fn object(members: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let properties: Map<String, Value> = members.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect();
    let required: Vec<&String> = properties.keys().collect();
    json!({ "type": "object", "required": required, "properties": properties })
}

fn signals() -> Value {
    let span = Span { created_at: Timestamp::from_millis(0), ended_at: None };
    let printed = Signals::of(&Totals::default(), span).to_json();
    let names: Vec<&String> = printed.as_object().into_iter().flat_map(Map::keys).collect();
    let properties: Map<String, Value> = names.iter().map(|name| ((*name).clone(), reference("Signal"))).collect();
    json!({ "type": "object", "required": names, "properties": properties })
}

fn cohort_stats() -> Value {
    let averages = METRICS.map(|metric| {
        let schema = if metric.whole_average {
            json!({ "type": ["integer", "null"], "description": "Milliseconds; `null` over no value." })
        } else {
            json!({ "type": "number", "description": "At most three decimals; 0 over no value." })
        };
        (metric.average, schema)
    });
    let pass_rate = json!({
        "type": "integer", "minimum": 0, "maximum": 100,
        "description": "Per cent of the sessions whose last test passed.",
    });
    let percentiles = METRICS.map(|metric| {
        let better = match metric.better {
            Better::Less => "less is better",
            Better::More => "more is better",
        };
        let text = format!("The share of the others that this session is strictly better than: {better}.");
        (metric.name, json!({ "type": ["number", "null"], "minimum": 0, "maximum": 1, "description": text }))
    });
    let spread =
        METRICS.map(|metric| (metric.name, json!({ "anyOf": [reference("Distribution"), { "type": "null" }] })));
    json!({
        "type": "object",
        "required": ["sessionCount", "metrics"],
        "properties": {
            "sessionCount": { "type": "integer", "minimum": 0 },
            "metrics": object(averages.into_iter().chain([("testPassRate", pass_rate)])),
            "percentiles": object(percentiles),
            "distribution": object(spread),
            "provisional": { "const": true, "description": "The session runs, and is ranked with the cohort." },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_are_json_and_name_each_shape_once() {
        let read = FILES.map(|file| serde_json::from_str::<Map<String, Value>>(file).unwrap());
        let n: usize = read.iter().map(Map::len).sum();
        assert_eq!(all().len(), n + 4);
        for (name, schema) in all() {
            jsonschema::meta::validate(&schema).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }

    #[test]
    fn directions_stand_beside_the_percentiles() {
        let percentiles = &cohort_stats()["properties"]["percentiles"]["properties"];
        let says = |name: &str, text: &str| percentiles[name]["description"].as_str().unwrap().contains(text);
        assert!(says("durationMs", "less is better") && says("verifyIntensity", "more is better"));
        assert!(signals()["required"].as_array().unwrap().contains(&json!("testsPassedAtEnd")));
    }
}
