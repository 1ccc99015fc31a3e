//! The fields of every body: which must be there, and of which type.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::{Need, Reply, TestApp, Type, Write, writes, wrong_fields};

/// Values that a field of the type cannot have.
fn of_other_types(right: Type) -> Vec<Value> {
    let samples = [json!(true), json!(5), json!(1.5), json!("text"), json!([]), json!({})];
    let fits = |value: &Value| match right {
        Type::Text => value.is_string(),
        Type::Integer => value.is_i64(),
        Type::Number => value.is_number(),
        Type::List => value.is_array(),
        Type::Object => value.is_object(),
        Type::TextOrObject => value.is_string() || value.is_object(),
    };
    samples.into_iter().filter(|value| !fits(value)).collect()
}

/// Fails unless the refusal names this field and no other.
#[track_caller]
fn names(write: &Write, reply: &Reply, field: &str, what: &str) {
    write.refuses(reply, 400, "validation_failed", &format!("{field} {what}"));
    let wrong = wrong_fields(reply);
    assert!(wrong.iter().all(|path| path.split('.').next() == Some(field)), "{write}, {field} {what}: {}", reply.text);
    for detail in reply.body["details"].as_array().unwrap() {
        let says = |name: &str| detail[name].as_str().is_some_and(|text| !text.is_empty());
        assert!(says("message") && says("code") && detail["path"].is_array(), "{detail}");
    }
}

#[tokio::test]
async fn what_must_be_there_is_missed_and_what_may_be_null_is_not() {
    let app = TestApp::start().await;
    for write in writes(&app).await {
        for (field, _, need) in write.fields {
            let (absent, null) = (write.send_without(field).await, write.send_with(&json!({(*field): null})).await);
            match need {
                Need::Required => {
                    names(&write, &absent, field, "absent");
                    names(&write, &null, field, "null");
                }
                Need::Optional => {
                    write.accepts(&absent, field);
                    write.accepts(&null, field);
                }
                Need::NotNull => {
                    write.accepts(&absent, field);
                    names(&write, &null, field, "null");
                }
                Need::OrNull => {
                    names(&write, &absent, field, "absent");
                    write.accepts(&null, field);
                }
            }
        }
        write.accepts(&write.send_with(&json!({"orgId": 7, "createdAt": [], "unknown": {"a": null}})).await, "others");
    }
}

#[tokio::test]
async fn a_value_of_another_type_is_named_and_all_of_them_at_once() {
    let app = TestApp::start().await;
    for write in writes(&app).await {
        let mut all = json!({});
        for (field, right, _) in write.fields {
            for value in of_other_types(*right) {
                let reply = write.send_with(&json!({(*field): value})).await;
                names(&write, &reply, field, &value.to_string());
                all[*field] = value;
            }
        }
        if write.fields.is_empty() {
            continue;
        }
        let reply = write.send_with(&all).await;
        write.refuses(&reply, 400, "validation_failed", "all wrong");
        let named: BTreeSet<_> =
            wrong_fields(&reply).iter().map(|path| path.split('.').next().unwrap().to_owned()).collect();
        let expected: BTreeSet<_> = write.fields.iter().map(|(field, ..)| (*field).to_owned()).collect();
        assert_eq!(named, expected, "{write}: {}", reply.text);
    }
}
