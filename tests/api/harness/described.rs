//! Holds every reply against the server's own description: whatever a test provokes has to be documented, status, type,
//! headers and shape. Shapes are taken strictly here: a member that the document does not name is a fault.

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex},
};

use jsonschema::Validator;
use promptster_server::http::openapi::document;
use reqwest::Method;
use serde_json::{Value, json};

use super::Reply;

static DOCUMENT: LazyLock<Value> = LazyLock::new(document);

/// The document that replies are held against.
pub fn described() -> &'static Value {
    &DOCUMENT
}

/// Fails unless the document allows this reply. Of paths that it does not have it says nothing.
#[track_caller]
pub fn hold(method: &Method, path: &str, reply: &Reply) {
    // A head that is too large is refused before anybody has looked at the path.
    if reply.status == 431 {
        return;
    }
    let path = collapsed(path);
    let Some((template, operations)) = find(&path) else { return };
    let what = format!("{method} {template} → {} {}", reply.status, reply.text.chars().take(600).collect::<String>());
    let Some(operation) = operations.get(method.as_str().to_ascii_lowercase()) else {
        let is_head_or_options = *method == Method::HEAD || *method == Method::OPTIONS;
        assert!(is_head_or_options || reply.status == 405, "a method that is not described: {what}");
        return;
    };
    let response = &operation["responses"][reply.status.to_string()];
    assert!(!response.is_null(), "a status that is not described: {what}");
    for (name, header) in response["headers"].as_object().unwrap() {
        let header = resolved(header);
        let is_missing = header["required"] == true && !reply.headers.contains_key(name.to_ascii_lowercase());
        // Of two refusals of one status one may say when to come back, and the other not.
        assert!(!is_missing || name == "Retry-After", "the header {name} is missing: {what}");
    }
    let Some(content) = response["content"].as_object() else { return };
    let kind = reply.header("content-type").split(';').next().unwrap_or_default().trim().to_owned();
    let Some(media) = content.get(&kind) else { panic!("the type {kind} is not described: {what}") };
    // Numbers beyond every double are passed on as they came; no value of this program's can hold them.
    let is_beyond = reply.body.is_null() && serde_json::from_str::<&serde_json::value::RawValue>(&reply.text).is_ok();
    if (kind == "application/json" || kind.ends_with("+json")) && !is_beyond {
        let faults = faults(&format!("{method} {template} {}", reply.status), &media["schema"], &reply.body);
        assert!(faults.is_empty(), "not as described: {what}\n{}", faults.join("\n"));
    }
}

/// What of a reply does not fit a schema of the document, taken strictly.
pub fn faults(name: &str, schema: &Value, reply: &Value) -> Vec<String> {
    check(name, schema, reply, true)
}

/// What of a request does not fit a schema of the document. Clients may say more than it names.
pub fn request_faults(name: &str, schema: &Value, request: &Value) -> Vec<String> {
    check(name, schema, request, false)
}

fn check(name: &str, schema: &Value, value: &Value, strictly: bool) -> Vec<String> {
    static VALIDATORS: LazyLock<Mutex<HashMap<String, Validator>>> = LazyLock::new(Mutex::default);
    let mut validators = VALIDATORS.lock().unwrap();
    let validator = validators.entry(name.to_owned()).or_insert_with(|| {
        let mut whole = json!({ "allOf": [schema], "components": DOCUMENT["components"] });
        if strictly {
            close(&mut whole, true);
        }
        jsonschema::options().should_validate_formats(true).build(&whole).unwrap()
    });
    validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// Lets objects have the members only that their schemas name.
fn close(schema: &mut Value, is_whole: bool) {
    match schema {
        Value::Object(members) => {
            let is_open = members.contains_key("additionalProperties");
            if is_whole && members.get("properties").is_some_and(Value::is_object) && !is_open {
                members.insert("unevaluatedProperties".to_owned(), false.into());
            }
            for (name, member) in members.iter_mut() {
                match member {
                    // The parts of a conjunction know only some of the members.
                    Value::Array(parts) if name == "allOf" => parts.iter_mut().for_each(|part| close(part, false)),
                    member => close(member, true),
                }
            }
        }
        Value::Array(members) => members.iter_mut().for_each(|member| close(member, true)),
        _ => {}
    }
}

fn resolved(value: &Value) -> &Value {
    match value["$ref"].as_str() {
        Some(pointer) => DOCUMENT.pointer(&pointer[1..]).unwrap(),
        None => value,
    }
}

fn collapsed(path: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let mut collapsed = String::new();
    for letter in path.chars() {
        if letter != '/' || !collapsed.ends_with('/') {
            collapsed.push(letter);
        }
    }
    collapsed
}

/// The described path that this one is an instance of; one without placeholders counts first.
fn find(path: &str) -> Option<(&'static str, &'static Value)> {
    let given: Vec<&str> = path.split('/').collect();
    let fits = |template: &str| {
        let parts: Vec<&str> = template.split('/').collect();
        let same = |(part, given): (&&str, &&str)| part == given || (part.starts_with('{') && !given.is_empty());
        parts.len() == given.len() && parts.iter().zip(&given).all(same)
    };
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let mut found: Vec<_> = paths.iter().filter(|(template, _)| fits(template)).collect();
    found.sort_by_key(|(template, _)| template.matches('{').count());
    found.first().map(|(template, operations)| (template.as_str(), *operations))
}
