//! Reading the fields of a body: each type states its fields and their rules once. The same statement checks a body,
//! naming every field that is wrong, and describes it as JSON Schema.

use domain::{Detail, PathPart};
use serde_json::{Map, Value, json};

use super::{
    error::ApiError,
    rule::{Checked, Rule, rule},
};

/// A body that knows its rules.
pub trait FromFields: Sized {
    /// Reads the fields. What it returns counts only if no field was wrong.
    fn from_fields(fields: &mut Fields) -> Self;
}

/// The fields of a body while they are read. Those that nobody asks for are dropped.
#[derive(Debug)]
pub struct Fields {
    values: Map<String, Value>,
    details: Vec<Detail>,
    /// Collects what is asked for, when that is all that is wanted.
    asked: Option<Asked>,
}

/// The fields that a type asked for.
#[derive(Debug, Default)]
struct Asked {
    properties: Map<String, Value>,
    required: Vec<String>,
    /// Pairs of which one has to be there.
    either: Vec<[String; 2]>,
}

impl Fields {
    /// Reads a `T` out of `values`.
    ///
    /// # Errors
    /// 400 with every field that is wrong.
    pub fn read<T: FromFields>(values: Map<String, Value>) -> Result<T, ApiError> {
        Self::check(values).map_err(ApiError::invalid)
    }

    /// Reads a `T` out of `values`.
    ///
    /// # Errors
    /// Every field that is wrong.
    pub fn check<T: FromFields>(values: Map<String, Value>) -> Checked<T> {
        let mut fields = Self { values, details: Vec::new(), asked: None };
        let read = T::from_fields(&mut fields);
        if fields.details.is_empty() { Ok(read) } else { Err(fields.details) }
    }

    /// The JSON Schema of the bodies that a `T` is read from.
    #[must_use]
    pub fn schema_of<T: FromFields>() -> Value {
        let mut fields = Self { values: Map::new(), details: Vec::new(), asked: Some(Asked::default()) };
        T::from_fields(&mut fields);
        fields.asked.unwrap_or_default().into_schema()
    }

    /// Whether the field was given as `null`.
    #[must_use]
    pub fn is_null(&self, name: &str) -> bool {
        self.values.get(name).is_some_and(Value::is_null)
    }

    /// Whether the field has a value, right or wrong.
    #[must_use]
    pub fn is_given(&self, name: &str) -> bool {
        self.values.get(name).is_some_and(|value| !value.is_null())
    }

    /// All fields, as they came.
    pub fn take_all(&mut self) -> Map<String, Value> {
        std::mem::take(&mut self.values)
    }

    /// A field that may be absent or `null`.
    pub fn optional<T>(&mut self, name: &str, rule: impl Rule<Value = T>) -> Option<T> {
        self.ask(name, &rule, true);
        self.value(name, rule)
    }

    /// A field that may be absent, but not `null`; `why` says so.
    pub fn never_null<T>(&mut self, name: &str, why: &str, rule: impl Rule<Value = T>) -> Option<T> {
        self.ask(name, &rule, false);
        if self.is_null(name) {
            self.wrong(name, "invalid_type", why);
        }
        self.value(name, rule)
    }

    /// A field that must be there.
    pub fn required<T: Default>(&mut self, name: &str, rule: impl Rule<Value = T>) -> T {
        self.ask(name, &rule, false);
        if let Some(asked) = &mut self.asked {
            asked.required.push(name.to_owned());
        }
        if !self.is_given(name) {
            self.wrong(name, "required", "is required");
        }
        self.value(name, rule).unwrap_or_default()
    }

    /// A field that must be there, and may be `null`: what is left out by mistake is not taken for a `null`.
    pub fn required_or_null<T>(&mut self, name: &str, rule: impl Rule<Value = T>) -> Option<T> {
        self.ask(name, &rule, true);
        if let Some(asked) = &mut self.asked {
            asked.required.push(name.to_owned());
        }
        if !self.values.contains_key(name) {
            self.wrong(name, "required", "is required");
        }
        self.value(name, rule)
    }

    /// A field that must be there unless `other` is.
    pub fn required_unless<T: Default>(&mut self, other: &str, name: &str, rule: impl Rule<Value = T>) -> Option<T> {
        self.ask(name, &rule, true);
        if let Some(asked) = &mut self.asked {
            asked.either.push([name, other].map(str::to_owned));
        }
        if !self.is_given(other) && !self.is_given(name) {
            self.wrong(name, "required", "is required");
        }
        self.value(name, rule)
    }

    /// Says that a field is wrong for a reason that concerns several.
    pub fn wrong(&mut self, name: &str, code: &'static str, message: impl Into<String>) {
        self.details.push(Detail::new(&[name], code, message));
    }

    fn value<T>(&mut self, name: &str, rule: impl Rule<Value = T>) -> Option<T> {
        let value = self.values.get(name).filter(|value| !value.is_null())?;
        match rule.check(value) {
            Ok(value) => Some(value),
            Err(details) => {
                self.details.extend(details.into_iter().map(|detail| beneath(name.into(), detail)));
                None
            }
        }
    }

    fn ask<T>(&mut self, name: &str, rule: &impl Rule<Value = T>, or_null: bool) {
        if let Some(asked) = &mut self.asked {
            let schema = if or_null { nullable(rule.schema()) } else { rule.schema() };
            asked.properties.insert(name.to_owned(), schema);
        }
    }
}

impl Asked {
    fn into_schema(self) -> Value {
        let mut schema =
            Map::from_iter([("type".to_owned(), "object".into()), ("properties".to_owned(), self.properties.into())]);
        if !self.required.is_empty() {
            schema.insert("required".to_owned(), self.required.into());
        }
        // A `null` stands for an absent field, so it does not count as being there.
        let given =
            |name: &String| json!({ "required": [name], "properties": { name: { "not": { "type": "null" } } } });
        let either: Vec<Value> =
            self.either.iter().map(|pair| json!({ "anyOf": pair.each_ref().map(given) })).collect();
        if !either.is_empty() {
            schema.insert("allOf".to_owned(), either.into());
        }
        schema.into()
    }
}

/// The schema of a value that may be `null` as well.
fn nullable(mut schema: Value) -> Value {
    if let Some(kind) = schema.get_mut("type") {
        *kind = json!([kind, "null"]);
    }
    if let Some(words) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        words.push(Value::Null);
    }
    schema
}

/// The same fault, seen from outside of `part`.
pub(super) fn beneath(part: PathPart, mut detail: Detail) -> Detail {
    detail.path.insert(0, part);
    detail
}

/// Any object, taken as it came.
#[derive(Debug, Default)]
pub struct AnyObject(pub Map<String, Value>);

impl FromFields for AnyObject {
    fn from_fields(fields: &mut Fields) -> Self {
        Self(fields.take_all())
    }
}

/// Some of the fields of a `T`, to be laid over those that stand.
#[derive(Debug)]
pub struct PatchOf<T> {
    given: Map<String, Value>,
    of: std::marker::PhantomData<T>,
}

impl<T: FromFields> FromFields for PatchOf<T> {
    fn from_fields(fields: &mut Fields) -> Self {
        if fields.asked.is_some() {
            T::from_fields(fields);
        }
        if let Some(asked) = &mut fields.asked {
            asked.required.clear();
            asked.either.clear();
        }
        Self { given: fields.take_all(), of: std::marker::PhantomData }
    }
}

impl<T: FromFields> PatchOf<T> {
    /// Whether it puts another value in the place of the one that stands.
    #[must_use]
    pub fn replaces(&self, name: &str, standing: &Map<String, Value>) -> bool {
        let is_value = |value: &&Value| !value.is_null();
        let standing = standing.get(name).filter(is_value);
        standing.is_some() && self.given.get(name).filter(is_value).is_some_and(|given| standing != Some(given))
    }

    /// What stands, overlaid with what is given: the rules are those of a whole body.
    ///
    /// # Errors
    /// 400 with every field that is wrong.
    pub fn over(self, mut standing: Map<String, Value>) -> Result<T, ApiError> {
        standing.extend(self.given);
        Fields::read(standing)
    }
}

/// An object with the fields of a `T`.
pub(super) fn fields_of<T: FromFields>() -> impl Rule<Value = T> {
    rule(Fields::schema_of::<T>, |value| value.as_object().cloned().map_or_else(not_an_object, Fields::check))
}

/// What is wrong with a value that is not an object.
pub(super) fn not_an_object<T>() -> Checked<T> {
    Err(vec![Detail::new(&[], "invalid_type", "must be an object")])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::rule::{email, integer, list, text};

    #[derive(Debug, Default)]
    struct Sample {
        title: String,
        count: Option<i64>,
        names: Option<Vec<String>>,
        brief: Option<String>,
    }

    impl FromFields for Sample {
        fn from_fields(fields: &mut Fields) -> Self {
            Self {
                title: fields.required("title", text(1..=3)),
                count: fields.optional("count", integer(1..=50)),
                names: fields.never_null("names", "must be a list", list(0..=3, email())),
                brief: fields.required_unless("issue", "brief", text(0..=3)),
            }
        }
    }

    fn read(body: Value) -> Result<Sample, Value> {
        let Value::Object(object) = body else { panic!("an object") };
        Fields::read(object).map_err(|error| error.body("")["details"].clone())
    }

    #[test]
    fn good_fields_are_read_and_unknown_ones_dropped() {
        let body = json!({"title": " ab ", "count": null, "names": ["a@b.example"], "orgId": 7, "brief": "b"});
        let sample = read(body).unwrap();
        assert_eq!((sample.title.as_str(), sample.count, sample.brief.as_deref()), ("ab", None, Some("b")));
        assert_eq!(sample.names.unwrap(), ["a@b.example"]);
        assert!(read(json!({"title": "a", "issue": "i"})).is_ok());
    }

    #[test]
    fn every_wrong_field_is_named_with_its_path() {
        let details = read(json!({"count": 51, "names": ["ok@example.org", "bad", 7]})).unwrap_err();
        let told: Vec<_> = details.as_array().unwrap().iter().map(|d| (d["path"].clone(), d["code"].clone())).collect();
        let expected = [
            (json!(["title"]), json!("required")),
            (json!(["count"]), json!("out_of_range")),
            (json!(["names", 1]), json!("invalid_email")),
            (json!(["names", 2]), json!("invalid_type")),
            (json!(["brief"]), json!("required")),
        ];
        assert_eq!(told, expected);
        assert_eq!(read(json!({"title": "a", "names": null, "brief": ""})).unwrap_err()[0]["path"], json!(["names"]));
    }

    #[test]
    fn the_same_statement_is_the_schema() {
        let schema = Fields::schema_of::<Sample>();
        assert_eq!(schema["required"], json!(["title"]));
        assert_eq!(schema["properties"]["count"], json!({"type": ["integer", "null"], "minimum": 1, "maximum": 50}));
        assert_eq!(schema["properties"]["names"]["type"], "array");
        assert_eq!(schema["allOf"][0]["anyOf"][1]["required"], json!(["issue"]));
        let patch = Fields::schema_of::<PatchOf<Sample>>();
        assert_eq!((patch.get("required"), patch.get("allOf")), (None, None));
        assert_eq!(patch["properties"], schema["properties"]);
    }

    #[test]
    fn what_may_be_null_has_to_be_there_all_the_same() {
        #[derive(Debug)]
        struct Days(Option<i64>);
        impl FromFields for Days {
            fn from_fields(fields: &mut Fields) -> Self {
                Self(fields.required_or_null("days", integer(1..=9)))
            }
        }
        let read = |body: Value| Fields::read::<Days>(body.as_object().unwrap().clone()).map(|Days(days)| days);
        assert_eq!(read(json!({"days": 7})).unwrap(), Some(7));
        assert_eq!(read(json!({"days": null})).unwrap(), None);
        assert!(read(json!({})).is_err() && read(json!({"days": 0})).is_err());
        let schema = Fields::schema_of::<Days>();
        assert_eq!(
            (&schema["required"], &schema["properties"]["days"]["type"]),
            (&json!(["days"]), &json!(["integer", "null"]))
        );
    }

    #[test]
    fn a_patch_lies_over_what_stands_and_is_checked_as_a_whole() {
        let over = |patch: Value| {
            let Value::Object(patch) = patch else { panic!("an object") };
            let patch: PatchOf<Sample> = Fields::read(patch).unwrap();
            let Value::Object(standing) = json!({"title": "old", "count": 7, "brief": "b"}) else { panic!() };
            patch.over(standing)
        };
        assert_eq!(over(json!({"title": "new"})).unwrap().count, Some(7));
        assert_eq!(over(json!({"count": null})).unwrap().count, None);
        assert!(over(json!({"title": null})).is_err());
    }
}
