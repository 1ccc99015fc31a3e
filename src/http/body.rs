//! Bodies: read with a limit and a deadline, unpacked with a limit, and checked field by field (see [`super::fields`]).

use std::{
    convert::Infallible,
    future::{Ready, ready},
    io::Read,
    marker::PhantomData,
};

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header, web};
use bytes::{Bytes, BytesMut};
use domain::{MAX_JSON_DEPTH, exceeds_depth};
use flate2::bufread::MultiGzDecoder;
use futures_util::StreamExt;
use serde_json::Value;

use super::{
    error::{ApiError, Refusal},
    fields::{Fields, FromFields, not_an_object},
    rule::Checked,
};
use crate::App;

/// What a body becomes; it knows its rules.
pub trait FromBody: Sized {
    /// What it is.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    fn from_body(body: Value) -> Checked<Self>;

    /// The JSON Schema of good bodies.
    fn schema() -> Value;
}

impl<T: FromFields> FromBody for T {
    fn from_body(body: Value) -> Checked<Self> {
        match body {
            Value::Object(object) => Fields::check(object),
            _ => not_an_object(),
        }
    }

    fn schema() -> Value {
        Fields::schema_of::<T>()
    }
}

/// A body that has not been read yet: a handler reads it after it knows who asks, so that strangers cost nothing.
pub struct RawBody {
    request: HttpRequest,
    payload: Payload,
}

/// A body that is to become a `T`.
pub struct Body<T> {
    raw: RawBody,
    of: PhantomData<T>,
}

impl FromRequest for RawBody {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        ready(Ok(Self { request: request.clone(), payload: payload.take() }))
    }
}

impl<T> FromRequest for Body<T> {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let raw = RawBody { request: request.clone(), payload: payload.take() };
        ready(Ok(Self { raw, of: PhantomData }))
    }
}

impl<T: FromBody> Body<T> {
    /// The body as `T`, whose rules are all checked at once.
    ///
    /// # Errors
    /// 400 with every field that is wrong, and the refusals of [`read_body`].
    pub async fn json(self, app: &App) -> Result<T, ApiError> {
        let limit = app.settings.bodies.default_bytes;
        self.json_within(app, limit).await
    }

    /// The body as `T`, where it may have `limit` bytes.
    ///
    /// # Errors
    /// As of [`Body::json`].
    pub async fn json_within(self, app: &App, limit: usize) -> Result<T, ApiError> {
        T::from_body(parse_json(&self.raw.bytes(app, limit).await?)?).map_err(ApiError::invalid)
    }
}

impl RawBody {
    /// How many bytes it may come to, as far as its head tells, and `limit` where that tells nothing.
    #[must_use]
    pub fn weight(&self, limit: usize) -> usize {
        let is_plain = matches!(Encoding::of(&self.request), Ok(Encoding::Identity));
        announced(&self.request).filter(|_| is_plain).map_or(limit, |length| length.min(limit))
    }

    /// The body itself, of `limit` bytes at most.
    ///
    /// # Errors
    /// See [`read_body`].
    pub async fn bytes(self, app: &App, limit: usize) -> Result<Bytes, ApiError> {
        read_body(&self.request, self.payload, app, limit).await
    }
}

/// Reads a body of at most `limit` bytes, unpacked, within the configured time.
///
/// # Errors
/// 413, 408, and 415 for an encoding other than gzip; 400 when the gzip is broken or the body is cut off.
pub async fn read_body(request: &HttpRequest, payload: Payload, app: &App, limit: usize) -> Result<Bytes, ApiError> {
    let encoding = Encoding::of(request)?;
    if announced(request).is_some_and(|length| length > limit) {
        return Err(Refusal::PayloadTooLarge.into());
    }
    let body = tokio::time::timeout(app.settings.bodies.timeout, collect(payload, limit))
        .await
        .map_err(|_| ApiError::from(Refusal::BodyTimeout))??;
    match encoding {
        Encoding::Identity => Ok(body),
        // On a thread of its own: 16 MiB take longer than a worker's other requests should wait.
        Encoding::Gzip => web::block(move || unpack(&body, limit)).await.map_err(ApiError::internal)?,
    }
}

fn announced(request: &HttpRequest) -> Option<usize> {
    request.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Reads JSON, not deeper than the contract allows.
///
/// # Errors
/// 400.
pub fn parse_json(body: &[u8]) -> Result<Value, ApiError> {
    if exceeds_depth(body, MAX_JSON_DEPTH) {
        return Err(Refusal::InvalidJson.into());
    }
    serde_json::from_slice(body).map_err(|_| Refusal::InvalidJson.into())
}

async fn collect(mut payload: Payload, limit: usize) -> Result<Bytes, ApiError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| ApiError::from(Refusal::BadRequest))?;
        if body.len() + chunk.len() > limit {
            return Err(Refusal::PayloadTooLarge.into());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

enum Encoding {
    Identity,
    Gzip,
}

impl Encoding {
    fn of(request: &HttpRequest) -> Result<Self, ApiError> {
        let mut encodings = request.headers().get_all(header::CONTENT_ENCODING);
        let encoding = match (encodings.next(), encodings.next()) {
            (None, _) => return Ok(Self::Identity),
            (Some(encoding), None) => encoding.to_str().unwrap_or("?").trim().to_ascii_lowercase(),
            (Some(_), Some(_)) => return Err(Refusal::UnsupportedEncoding.into()),
        };
        match encoding.as_str() {
            "identity" => Ok(Self::Identity),
            "gzip" => Ok(Self::Gzip),
            _ => Err(Refusal::UnsupportedEncoding.into()),
        }
    }
}

/// Unpacks gzip; stops as soon as there is more than `limit`.
fn unpack(packed: &[u8], limit: usize) -> Result<Bytes, ApiError> {
    let mut body = Vec::new();
    let cap = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    MultiGzDecoder::new(packed).take(cap).read_to_end(&mut body).map_err(|_| ApiError::from(Refusal::BadRequest))?;
    if body.len() > limit { Err(Refusal::PayloadTooLarge.into()) } else { Ok(body.into()) }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn packed(body: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn gzip_is_unpacked_up_to_the_limit_and_not_beyond() {
        let bomb = packed(&vec![b' '; 4 << 20]);
        assert!(bomb.len() < 8192);
        let refusal = |result: Result<Bytes, ApiError>| result.unwrap_err().refusal();
        assert_eq!(refusal(unpack(&bomb, 1 << 20)), Refusal::PayloadTooLarge);
        assert_eq!(unpack(&packed(b"{}"), 2).unwrap(), "{}");
        assert_eq!(refusal(unpack(b"no gzip", 99)), Refusal::BadRequest);
        assert_eq!(refusal(unpack(&bomb[..99], 99_999_999)), Refusal::BadRequest);
    }

    #[test]
    fn json_is_refused_when_broken_or_too_deep() {
        assert!(parse_json(b"{\"a\":1}").is_ok());
        for bad in [&b""[..], b"{", b"\"\xff\"", "[".repeat(65).as_bytes()] {
            assert_eq!(parse_json(bad).unwrap_err().refusal(), Refusal::InvalidJson);
        }
    }
}
