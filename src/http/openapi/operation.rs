//! One operation of the API while it is being described: what its handler's arguments say of it, and what
//! [`super::texts`] adds.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::http::error::Refusal;

/// An operation: whoever may call it, what it takes, how it answers.
#[derive(Debug, Default)]
pub struct Operation {
    /// The ways to prove who asks; each alone is enough.
    security: Vec<&'static str>,
    parameters: Vec<Value>,
    body: Option<Value>,
    refusals: Vec<Refusal>,
    /// The shape of refusals, where it is not the common one.
    refused_as: Option<&'static str>,
}

/// What an operation answers when it does what it was asked: status, what that means, and the media type with its
/// schema.
#[derive(Debug, Clone, Copy)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// What it means.
    pub meaning: &'static str,
    /// The type of the body; empty without one.
    pub media: &'static str,
    /// The name of the schema of the body; empty for any.
    pub schema: &'static str,
}

/// Where a named schema stands.
pub fn reference(schema: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{schema}") })
}

impl Operation {
    /// Whoever has one of these credentials may call it.
    pub fn admit(&mut self, schemes: &[&'static str]) {
        self.security.extend(schemes);
    }

    /// It may be refused so.
    pub fn refuse(&mut self, refusals: &[Refusal]) {
        self.refusals.extend(refusals);
    }

    /// Its refusals have this shape instead of the common one.
    pub fn refuse_as(&mut self, schema: &'static str) {
        self.refused_as = Some(schema);
    }

    /// It takes this parameter of the path.
    pub fn path_parameter(&mut self, name: &str, schema: &Value) {
        self.parameters.push(json!({ "name": name, "in": "path", "required": true, "schema": schema }));
    }

    /// It takes these parameters.
    pub fn parameters(&mut self, parameters: Vec<Value>) {
        self.parameters.extend(parameters);
    }

    /// It takes a body of this type and schema.
    pub fn body(&mut self, media: &str, schema: Value) {
        self.body = Some(json!({ "required": true, "content": { media: { "schema": schema } } }));
    }

    /// The whole as OpenAPI has it.
    pub fn into_value(self, id: &str, tag: &str, summary: &str, details: &str, answers: &[Answer]) -> Value {
        let mut operation = Map::new();
        operation.insert("operationId".into(), id.into());
        operation.insert("tags".into(), json!([tag]));
        operation.insert("summary".into(), summary.into());
        if !details.is_empty() {
            operation.insert("description".into(), details.into());
        }
        let security: Vec<Value> = self.security.iter().map(|scheme| json!({ *scheme: [] })).collect();
        operation.insert("security".into(), security.into());
        if !self.parameters.is_empty() {
            operation.insert("parameters".into(), self.parameters.into());
        }
        if let Some(body) = self.body {
            operation.insert("requestBody".into(), body);
        }
        let mut responses = Map::new();
        for answer in answers {
            responses.insert(answer.status.to_string(), answer.to_value(answers));
        }
        for (status, refusals) in by_status(&self.refusals) {
            responses.insert(status.to_string(), refused(status, &refusals, self.refused_as));
        }
        operation.insert("responses".into(), responses.into());
        operation.into()
    }
}

impl Answer {
    /// The response of this status; several answers of one status differ in the type of their body.
    fn to_value(self, all: &[Self]) -> Value {
        let same = all.iter().filter(|answer| answer.status == self.status);
        let content: Map<String, Value> = same
            .filter(|answer| !answer.media.is_empty())
            .map(|answer| {
                let schema = if answer.schema.is_empty() { json!(true) } else { reference(answer.schema) };
                (answer.media.to_owned(), json!({ "schema": schema }))
            })
            .collect();
        let mut response =
            Map::from_iter([("description".to_owned(), self.meaning.into()), ("headers".to_owned(), headers(&[]))]);
        if !content.is_empty() {
            response.insert("content".to_owned(), content.into());
        }
        response.into()
    }
}

fn by_status(refusals: &[Refusal]) -> BTreeMap<u16, Vec<Refusal>> {
    let mut found: BTreeMap<u16, Vec<Refusal>> = BTreeMap::new();
    for refusal in refusals {
        let same = found.entry(refusal.status().as_u16()).or_default();
        if !same.contains(refusal) {
            same.push(*refusal);
        }
    }
    found
}

/// The response of a status that has these reasons.
fn refused(status: u16, refusals: &[Refusal], shape: Option<&str>) -> Value {
    let codes: Vec<&str> = refusals.iter().map(|refusal| refusal.code()).collect();
    let lines: Vec<String> =
        refusals.iter().map(|refusal| format!("- `{}`: {}", refusal.code(), refusal.sentence())).collect();
    let extra: &[&str] = match status {
        429 | 503 => &["Retry-After"],
        401 => &["WWW-Authenticate"],
        _ => &[],
    };
    let schema = match shape {
        Some(shape) => reference(shape),
        None => json!({
            "allOf": [reference("Error"), { "type": "object", "properties": { "code": { "enum": codes } } }],
        }),
    };
    json!({
        "description": lines.join("\n"),
        "headers": headers(extra),
        "content": { "application/json": { "schema": schema } },
    })
}

/// What every reply carries, and `extra`.
fn headers(extra: &[&str]) -> Value {
    let always = ["x-request-id", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"];
    let named = always.iter().chain(extra).map(|name| {
        let reference = json!({ "$ref": format!("#/components/headers/{name}") });
        ((*name).to_owned(), reference)
    });
    Value::Object(named.collect())
}
