//! Reads `multipart/form-data`, the form in which the `clickhouse` crate sends query parameters.

use crate::error::{Exception, code};

/// The boundary, when the content type is that of a form.
pub fn boundary(content_type: &str) -> Option<&str> {
    let rest = content_type.strip_prefix("multipart/form-data")?;
    let (_, value) = rest.split_once("boundary=")?;
    let value = value.split(';').next()?.trim().trim_matches('"');
    (!value.is_empty()).then_some(value)
}

/// The fields of a form, in their order.
pub fn fields(body: &[u8], boundary: &str) -> Result<Vec<(String, Vec<u8>)>, Exception> {
    let delimiter = format!("\r\n--{boundary}");
    // The first delimiter has no line end before it.
    let (_, mut rest) = split_once(body, delimiter.trim_start().as_bytes()).ok_or_else(malformed)?;
    let mut fields = Vec::new();
    while !rest.starts_with(b"--") {
        let (head, value_and_rest) = split_once(rest, b"\r\n\r\n").ok_or_else(malformed)?;
        let (value, following) = split_once(value_and_rest, delimiter.as_bytes()).ok_or_else(malformed)?;
        fields.push((field_name(head).ok_or_else(malformed)?, value.to_vec()));
        rest = following;
    }
    Ok(fields)
}

fn field_name(head: &[u8]) -> Option<String> {
    let head = str::from_utf8(head).ok()?;
    let (_, rest) = head.split_once(" name=\"")?;
    let (name, _) = rest.split_once('"')?;
    Some(name.to_owned())
}

fn split_once<'a>(bytes: &'a [u8], separator: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = bytes.windows(separator.len()).position(|window| window == separator)?;
    Some((bytes.get(..at)?, bytes.get(at + separator.len()..)?))
}

fn malformed() -> Exception {
    Exception::new(code::BAD_ARGUMENTS, "Malformed multipart body. (BAD_ARGUMENTS)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_boundary_may_be_quoted() {
        assert_eq!(boundary("multipart/form-data; boundary=abc"), Some("abc"));
        assert_eq!(boundary("multipart/form-data; boundary=\"a b\"; charset=utf-8"), Some("a b"));
        assert_eq!(boundary("text/plain; boundary=abc"), None);
        assert_eq!(boundary("multipart/form-data"), None);
    }

    #[test]
    fn fields_keep_order_and_bytes() {
        let body = b"--b\r\nContent-Disposition: form-data; name=\"query\"\r\n\r\nSELECT\r\n--1\r\n\
            --b\r\nContent-Disposition: form-data; name=\"param_x\"\r\nContent-Type: text/plain\r\n\r\n\xff\r\n--b--\r\n";
        let expected = vec![("query".to_owned(), b"SELECT\r\n--1".to_vec()), ("param_x".to_owned(), b"\xff".to_vec())];
        assert_eq!(fields(body, "b").unwrap(), expected);
    }

    #[test]
    fn a_cut_form_is_refused() {
        let body = b"--b\r\nContent-Disposition: form-data; name=\"query\"\r\n\r\nSELECT 1\r\n--b--\r\n";
        for length in 0..body.len() - 4 {
            assert_eq!(fields(body.get(..length).unwrap(), "b").unwrap_err().code(), code::BAD_ARGUMENTS);
        }
    }
}
