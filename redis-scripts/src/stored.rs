//! Reading the text fields of a stored entity.

use domain::Timestamp;

use crate::{Error, Fields};

pub(crate) fn number<T: std::str::FromStr>(fields: &Fields, field: &str) -> Result<Option<T>, Error> {
    let parse = |text: &String| text.parse().map_err(|_| Error::corrupt(format!("{field} is {text:?}")));
    fields.get(field).map(parse).transpose()
}

pub(crate) fn instant(fields: &Fields, field: &str) -> Result<Option<Timestamp>, Error> {
    Ok(number(fields, field)?.map(Timestamp::from_millis))
}

pub(crate) fn required<T: std::str::FromStr>(fields: &Fields, field: &str) -> Result<T, Error> {
    number(fields, field)?.ok_or_else(|| Error::corrupt(format!("{field} is missing")))
}

pub(crate) fn required_instant(fields: &Fields, field: &str) -> Result<Timestamp, Error> {
    required(fields, field).map(Timestamp::from_millis)
}

/// Words that are stored with blanks between them.
pub(crate) fn words<'a>(fields: &'a Fields, field: &str) -> impl Iterator<Item = &'a str> {
    fields.get(field).map(String::as_str).unwrap_or_default().split_whitespace()
}

/// The text of an instant.
pub(crate) fn millis(instant: Timestamp) -> String {
    instant.millis().to_string()
}

/// Texts that are stored as a JSON list.
pub(crate) fn json_list(fields: &Fields, field: &str) -> Result<Vec<String>, Error> {
    let parse = |text: &String| serde_json::from_str(text).map_err(|_| Error::corrupt(format!("{field} is {text:?}")));
    Ok(fields.get(field).map(parse).transpose()?.unwrap_or_default())
}

/// The JSON list of texts.
pub(crate) fn list_json(texts: &[String]) -> String {
    serde_json::json!(texts).to_string()
}
