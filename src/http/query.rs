//! Query parameters: each type states its parameters and their rules once. The same statement reads a query, naming
//! every parameter that is wrong, and describes it.

use std::{
    future::{Ready, ready},
    marker::PhantomData,
    ops::RangeInclusive,
};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use domain::{Detail, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    error::ApiError,
    rule::{instant_schema, uuid_schema},
};

/// A query that knows its rules.
pub trait FromQuery: Sized {
    /// Reads the parameters. What it returns counts only if none was wrong.
    fn from_query(params: &mut Params) -> Self;
}

/// The query of a request, not yet read: a handler reads it after it knows who asks.
#[derive(Debug)]
pub struct Query<T> {
    params: Params,
    of: PhantomData<T>,
}

impl<T> FromRequest for Query<T> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self { params: Params::parse(request.query_string()), of: PhantomData }))
    }
}

impl<T: FromQuery> Query<T> {
    /// The query as a `T`.
    ///
    /// # Errors
    /// 400 with every parameter that is wrong.
    pub fn read(mut self) -> Result<T, ApiError> {
        let read = T::from_query(&mut self.params);
        if self.params.details.is_empty() { Ok(read) } else { Err(ApiError::invalid_query(self.params.details)) }
    }

    /// The parameters of a `T` as OpenAPI has them.
    #[must_use]
    pub fn described() -> Vec<Value> {
        let mut params = Params { described: Some(Vec::new()), ..Params::parse("") };
        T::from_query(&mut params);
        params.described.unwrap_or_default()
    }
}

/// The greatest offset; no list is longer, and stores count with fewer digits than a client may send.
const MAX_OFFSET: i64 = 0xffff_ffff;

/// Which part of a list is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// How many.
    pub limit: u64,
    /// After how many.
    pub offset: u64,
}

impl Page {
    /// What of `all` is on it.
    #[must_use]
    pub fn of<'a, T>(&self, all: &'a [T]) -> &'a [T] {
        let at = |place: u64| usize::try_from(place).unwrap_or(usize::MAX).min(all.len());
        all.get(at(self.offset)..at(self.offset.saturating_add(self.limit))).unwrap_or_default()
    }
}

/// The parameters of a query while they are read. Of those given twice the first counts, but for [`Params::all`]. An
/// empty text is an absent one; an empty number is no number.
#[derive(Debug, Default)]
pub struct Params {
    pairs: Vec<(String, String)>,
    details: Vec<Detail>,
    /// Collects what is asked for, when that is all that is wanted.
    described: Option<Vec<Value>>,
}

impl Params {
    /// Reads a query string.
    #[must_use]
    pub fn parse(query: &str) -> Self {
        let pairs = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Self { pairs, details: Vec::new(), described: None }
    }

    /// A parameter as it was given.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values(name).next()
    }

    fn values<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.pairs.iter().filter(move |(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// Any text. `about` says what it is for.
    pub fn text(&mut self, name: &str, about: &str) -> Option<String> {
        self.ask(name, about, || json!({ "type": "string" }));
        self.get(name).filter(|value| !value.is_empty()).map(str::to_owned)
    }

    /// Every value of a parameter that may be given several times.
    pub fn all(&mut self, name: &str, about: &str) -> Vec<String> {
        self.ask(name, about, || json!({ "type": "array", "items": { "type": "string" } }));
        self.values(name).filter(|value| !value.is_empty()).map(str::to_owned).collect()
    }

    /// An integer, held within `range`; wrong when it is none of 64 bits.
    pub fn integer(&mut self, name: &str, about: &str, default: i64, range: RangeInclusive<i64>) -> i64 {
        let schema = || {
            let (least, most) = (i64::MIN, i64::MAX);
            json!({ "type": "integer", "format": "int64", "default": default, "minimum": least, "maximum": most })
        };
        let value = self.read(name, about, schema, "must be an integer", |text| text.parse::<i64>().ok());
        value.unwrap_or(default).clamp(*range.start(), *range.end())
    }

    /// `limit`, from 1 to `max`, and `offset`.
    pub fn page(&mut self, default: i64, max: i64) -> Page {
        let limit = format!("How many at most, 1 to {max}; what is beyond is taken for the nearest.");
        let limit = self.integer("limit", &limit, default, 1..=max);
        let offset = self.integer("offset", "How many to leave out; below 0 is taken for 0.", 0, 0..=MAX_OFFSET);
        Page { limit: limit.unsigned_abs(), offset: offset.unsigned_abs() }
    }

    /// A UUID.
    pub fn uuid(&mut self, name: &str, about: &str) -> Option<Uuid> {
        self.read(name, about, uuid_schema, "must be a UUID", |text| text.parse().ok())
    }

    /// An instant in RFC 3339.
    pub fn instant(&mut self, name: &str, about: &str) -> Option<Timestamp> {
        self.read(name, about, instant_schema, "must be an RFC 3339 date and time", Timestamp::parse_rfc3339)
    }

    /// Yes or no.
    pub fn flag(&mut self, name: &str, about: &str) -> bool {
        let schema = || json!({ "type": "boolean", "default": false });
        self.read(name, about, schema, "must be true or false", |text| text.parse().ok()).unwrap_or(false)
    }

    /// One of `words`.
    pub fn word(&mut self, name: &str, about: &str, words: &'static [&'static str]) -> Option<&'static str> {
        let message = format!("must be one of {}", words.join(", "));
        let known = |text: &str| words.iter().copied().find(|word| *word == text);
        self.read(name, about, || json!({ "type": "string", "enum": words }), &message, known)
    }

    /// Whatever `parse` reads and `schema` describes; where it reads nothing the parameter is wrong, as `message` says.
    pub fn read<T>(
        &mut self,
        name: &str,
        about: &str,
        schema: impl Fn() -> Value,
        message: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        self.ask(name, about, schema);
        let parsed = parse(self.get(name)?);
        if parsed.is_none() {
            self.details.push(Detail::new(&[name], "invalid_value", message));
        }
        parsed
    }

    fn ask(&mut self, name: &str, about: &str, schema: impl Fn() -> Value) {
        if let Some(described) = &mut self.described {
            described.push(json!({ "name": name, "in": "query", "description": about, "schema": schema() }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::error::Refusal;

    #[derive(Debug)]
    struct Sample {
        page: Page,
        from: Option<Timestamp>,
        kinds: Vec<String>,
    }

    impl FromQuery for Sample {
        fn from_query(params: &mut Params) -> Self {
            Self {
                page: params.page(20, 100),
                from: params.instant("from", "From when."),
                kinds: params.all("kind", "Which."),
            }
        }
    }

    fn read(query: &str) -> Result<Sample, ApiError> {
        Query { params: Params::parse(query), of: PhantomData }.read()
    }

    #[test]
    fn numbers_are_clamped_and_what_is_none_is_refused() {
        let page = |query: &str| read(query).unwrap().page;
        assert_eq!(page(""), Page { limit: 20, offset: 0 });
        assert_eq!(page("limit=1000&offset=-3"), Page { limit: 100, offset: 0 });
        assert_eq!(page("limit=0&offset=5"), Page { limit: 1, offset: 5 });
        assert_eq!(page("offset=9223372036854775807").offset, 0xffff_ffff);
        let on = |query: &str| page(query).of(&[1, 2, 3, 4, 5]).to_vec();
        assert_eq!((on("limit=2&offset=3"), on("offset=4"), on("offset=5")), (vec![4, 5], vec![5], vec![]));
        assert_eq!(on("limit=2"), [1, 2]);
        for bad in ["limit=ten", "limit=1.5", "limit=", "offset=99999999999999999999"] {
            assert_eq!(read(bad).unwrap_err().refusal(), Refusal::InvalidQuery, "{bad}");
        }
    }

    #[test]
    fn every_wrong_parameter_is_named() {
        let body = read("limit=ten&from=yesterday&offset=x").unwrap_err().body("");
        let named: Vec<_> = body["details"].as_array().unwrap().iter().map(|detail| &detail["path"][0]).collect();
        assert_eq!(named, ["limit", "offset", "from"]);
    }

    #[test]
    fn a_parameter_can_be_given_several_times_and_an_empty_text_is_none() {
        assert_eq!(read("kind=a&kind=b%20c&kind=&x=").unwrap().kinds, ["a", "b c"]);
        assert_eq!(read("x=").unwrap().from, None);
        assert!(read("from=").is_err());
        assert_eq!(read("limit=7&limit=8").unwrap().page.limit, 7);
    }

    #[test]
    fn the_same_statement_describes_the_parameters() {
        let described = Query::<Sample>::described();
        let names: Vec<_> = described.iter().map(|parameter| &parameter["name"]).collect();
        assert_eq!(names, ["limit", "offset", "from", "kind"]);
        assert_eq!(described[0]["schema"]["default"], 20);
        assert!(described[0]["description"].as_str().unwrap().contains("1 to 100"));
    }
}
