//! Query parameters: read by name, wrong ones refused by name.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use domain::{Detail, SessionId, Timestamp};
use uuid::Uuid;

use super::error::{ApiError, Refusal};

/// The query of a request. Of parameters given twice the first counts, but for [`Query::all`].
#[derive(Debug, Clone, Default)]
pub struct Query {
    pairs: Vec<(String, String)>,
}

impl FromRequest for Query {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::parse(request.query_string())))
    }
}

/// Which part of a list is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// How many.
    pub limit: u64,
    /// After how many.
    pub offset: u64,
}

impl Query {
    /// Reads a query string.
    #[must_use]
    pub fn parse(query: &str) -> Self {
        Self { pairs: form_urlencoded::parse(query.as_bytes()).into_owned().collect() }
    }

    /// A parameter; an empty one is an absent one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next().filter(|value| !value.is_empty())
    }

    /// Every value of a parameter.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.pairs.iter().filter(move |(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// An integer, held between `min` and `max`.
    ///
    /// # Errors
    /// 400 when it is no integer of 64 bits.
    pub fn integer(&self, name: &str, default: i64, min: i64, max: i64) -> Result<i64, ApiError> {
        let value = self.read(name, "must be an integer", |text| text.parse::<i64>().ok())?;
        Ok(value.unwrap_or(default).clamp(min, max))
    }

    /// `limit`, from 1 to `max`, and `offset`.
    ///
    /// # Errors
    /// 400 when one of them is no integer.
    pub fn page(&self, default: i64, max: i64) -> Result<Page, ApiError> {
        let limit = self.integer("limit", default, 1, max)?;
        let offset = self.integer("offset", 0, 0, i64::MAX)?;
        Ok(Page { limit: limit.unsigned_abs(), offset: offset.unsigned_abs() })
    }

    /// A UUID.
    ///
    /// # Errors
    /// 400 when it is none.
    pub fn uuid(&self, name: &str) -> Result<Option<Uuid>, ApiError> {
        self.read(name, "must be a UUID", |text| text.parse().ok())
    }

    /// An instant in RFC 3339.
    ///
    /// # Errors
    /// 400 when it is none.
    pub fn instant(&self, name: &str) -> Result<Option<Timestamp>, ApiError> {
        self.read(name, "must be an RFC 3339 date and time", Timestamp::parse_rfc3339)
    }

    /// One of the words that `parse` knows, or whatever else it reads.
    ///
    /// # Errors
    /// 400 with `message` when it reads nothing.
    pub fn read<T>(&self, name: &str, message: &str, parse: impl Fn(&str) -> Option<T>) -> Result<Option<T>, ApiError> {
        let wrong = || ApiError::invalid_query(vec![Detail::new(&[name], "invalid_value", message)]);
        self.get(name).map(|text| parse(text).ok_or_else(wrong)).transpose()
    }
}

/// A UUID of the path, by its place (`{id}`, `{key_id}`). What is none names nothing: 404.
///
/// # Errors
/// 404.
pub fn path_uuid(request: &HttpRequest, name: &str) -> Result<Uuid, ApiError> {
    request.match_info().get(name).and_then(|text| text.parse().ok()).ok_or_else(|| Refusal::NotFound.into())
}

/// The `{id}` of the path, a UUID.
#[derive(Debug, Clone, Copy)]
pub struct PathId(pub Uuid);

/// The `{id}` of the path, a session's.
#[derive(Debug, Clone)]
pub struct PathSession(pub SessionId);

impl FromRequest for PathId {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(path_uuid(request, "id").map(Self))
    }
}

impl FromRequest for PathSession {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let id = request.match_info().get("id").and_then(|text| text.parse().ok());
        ready(id.map(Self).ok_or_else(|| Refusal::NotFound.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_clamped_and_what_is_none_is_refused() {
        let page = |query: &str| Query::parse(query).page(20, 100);
        assert_eq!(page("").unwrap(), Page { limit: 20, offset: 0 });
        assert_eq!(page("limit=1000&offset=-3").unwrap(), Page { limit: 100, offset: 0 });
        assert_eq!(page("limit=0&offset=5").unwrap(), Page { limit: 1, offset: 5 });
        for bad in ["limit=ten", "limit=1.5", "offset=99999999999999999999"] {
            assert_eq!(page(bad).unwrap_err().refusal(), Refusal::InvalidQuery, "{bad}");
        }
    }

    #[test]
    fn a_parameter_can_be_given_several_times() {
        let query = Query::parse("kind=a&kind=b%20c&x=");
        assert_eq!(query.all("kind").collect::<Vec<_>>(), ["a", "b c"]);
        assert_eq!((query.get("kind"), query.get("x")), (Some("a"), None));
        assert!(Query::parse("from=yesterday").instant("from").is_err());
    }
}
