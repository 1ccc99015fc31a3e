//! Decodes a request: first its head (URL and headers), then, once the caller is known, its body.

use std::collections::BTreeMap;

use hyper::http::request::Parts;
use hyper::{HeaderMap, Method, header};

use crate::error::{Exception, code};
use crate::{multipart, native, statement};

/// URL parameters that are neither settings nor anything that this process acts on.
const IGNORED: &[&str] = &[
    "buffer_size",
    "cancel_http_readonly_queries_on_client_close",
    "client_protocol_version",
    "enable_http_compression",
    "http_zlib_compression_level",
    "quota_key",
    "role",
    "send_progress_in_http_headers",
    "session_check",
    "session_id",
    "session_timeout",
    "stacktrace",
    "wait_end_of_query",
];

/// Everything that a request says before its body.
#[derive(Debug, Default)]
pub struct Head {
    /// Name of the caller; `default` when absent.
    pub user: Option<String>,
    /// Password of the caller.
    pub password: Option<String>,
    /// The id that the caller gives the query.
    pub query_id: Option<String>,
    /// Whether the reply is to be framed in compressed blocks.
    pub compress: bool,
    decompress: bool,
    is_read_only: bool,
    query: Option<Vec<u8>>,
    database: Option<String>,
    format: Option<String>,
    settings: BTreeMap<String, String>,
    parameters: Vec<(String, String)>,
    boundary: Option<String>,
}

/// A request that is ready to run.
#[derive(Debug)]
pub struct Request {
    /// What to do.
    pub work: Work,
    /// The output format.
    pub format: String,
    /// Values of the `{name:Type}` places in the statement.
    pub parameters: Vec<(String, String)>,
    database: Option<String>,
    settings: BTreeMap<String, String>,
}

/// The two ways into the engine.
#[derive(Debug, PartialEq, Eq)]
pub enum Work {
    /// A statement, with its data in it if it is an `INSERT … VALUES`.
    Query {
        /// The statement.
        sql: Vec<u8>,
    },
    /// An insert whose statement is in the URL and whose rows are the body.
    Insert {
        /// The statement without its `FORMAT`.
        sql: Vec<u8>,
        /// The format of the rows.
        format: String,
        /// The rows, uncompressed.
        rows: Vec<u8>,
    },
}

impl Head {
    /// Reads URL and headers. What the URL says wins over what the headers say.
    pub fn parse(parts: &Parts) -> Result<Self, Exception> {
        let text = |name: &str| header_text(&parts.headers, name);
        if let Some(encoding) = text("content-encoding").filter(|encoding| encoding != "identity") {
            return Err(Exception::new(
                code::UNKNOWN_COMPRESSION_METHOD,
                format_args!("Content-Encoding {encoding} is not supported. (UNKNOWN_COMPRESSION_METHOD)"),
            ));
        }
        let mut head = Self {
            user: text("x-clickhouse-user"),
            password: text("x-clickhouse-key"),
            database: text("x-clickhouse-database"),
            format: text("x-clickhouse-format"),
            boundary: text(header::CONTENT_TYPE.as_str())
                .and_then(|kind| multipart::boundary(&kind).map(str::to_owned)),
            is_read_only: parts.method != Method::POST,
            ..Self::default()
        };
        for (name, value) in form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()) {
            head.set(&name, value.into_owned())?;
        }
        Ok(head)
    }

    fn set(&mut self, name: &str, value: String) -> Result<(), Exception> {
        match name {
            "query" => self.query = Some(value.into_bytes()),
            "database" => self.database = Some(value),
            "default_format" => self.format = Some(value),
            "user" => self.user = Some(value),
            "password" => self.password = Some(value),
            "query_id" => self.query_id = Some(value),
            "compress" => self.compress = value == "1",
            "decompress" => self.decompress = value == "1",
            _ if IGNORED.contains(&name) => {}
            _ => match name.strip_prefix("param_") {
                Some(parameter) => self.parameters.push((parameter.to_owned(), value)),
                None if is_identifier(name) => drop(self.settings.insert(name.to_owned(), value)),
                None => {
                    let message = format_args!(
                        "Setting {name:?} is neither a builtin setting nor one of the custom ones. (UNKNOWN_SETTING)"
                    );
                    return Err(Exception::new(code::UNKNOWN_SETTING, message));
                }
            },
        }
        Ok(())
    }

    /// Completes the request with its body, which may unpack to `limit` bytes.
    pub fn with_body(mut self, mut body: Vec<u8>, limit: usize) -> Result<Request, Exception> {
        if self.decompress {
            body = native::decompress(&body, limit)?;
        }
        if let Some(boundary) = self.boundary.take() {
            body = self.read_form(&body, &boundary)?;
        }
        let work = match self.query.take() {
            None => Work::Query { sql: body },
            Some(sql) if body.is_empty() => Work::Query { sql },
            Some(sql) => match statement::split_format(&sql).filter(|_| statement::is_insert(&sql)) {
                Some((insert, format)) => Work::Insert { sql: insert.to_vec(), format: format.to_owned(), rows: body },
                // The statement may begin in the URL and go on in the body.
                None => Work::Query { sql: [sql.as_slice(), b"\n", body.as_slice()].concat() },
            },
        };
        let mut format = self.format.unwrap_or_else(|| "TabSeparated".to_owned());
        if let Work::Query { sql } = &work {
            if sql.trim_ascii().is_empty() {
                return Err(Exception::new(code::SYNTAX_ERROR, "Empty query. (SYNTAX_ERROR)"));
            }
            if let Some((_, own)) = statement::split_format(sql).filter(|_| !statement::is_insert(sql)) {
                format = own.to_owned();
            }
        }
        if self.is_read_only {
            self.settings.entry("readonly".to_owned()).or_insert_with(|| "2".to_owned());
        }
        Ok(Request { work, format, parameters: self.parameters, database: self.database, settings: self.settings })
    }

    /// Takes the parameters out of a form and returns its `query`.
    fn read_form(&mut self, body: &[u8], boundary: &str) -> Result<Vec<u8>, Exception> {
        let mut query = Vec::new();
        for (name, value) in multipart::fields(body, boundary)? {
            if name == "query" {
                query = value;
            } else if let Some(parameter) = name.strip_prefix("param_") {
                let value = String::from_utf8(value).map_err(|_| {
                    Exception::new(
                        code::BAD_ARGUMENTS,
                        format_args!("Parameter {parameter} is not UTF-8. (BAD_ARGUMENTS)"),
                    )
                })?;
                self.parameters.push((parameter.to_owned(), value));
            }
        }
        Ok(query)
    }
}

impl Request {
    /// The statements that bring a fresh connection into the state that the request asks for.
    pub fn preparation(&self) -> Vec<String> {
        let mut statements = Vec::new();
        if let Some(database) = self.database.as_deref().filter(|database| !database.is_empty()) {
            statements.push(format!("USE {}", quoted(database, '`')));
        }
        if !self.settings.is_empty() {
            let assignments: Vec<_> =
                self.settings.iter().map(|(name, value)| format!("{name} = {}", quoted(value, '\''))).collect();
            statements.push(format!("SET {}", assignments.join(", ")));
        }
        statements
    }
}

fn header_text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

fn is_identifier(name: &str) -> bool {
    !name.starts_with(|first: char| first.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn quoted(text: &str, quote: char) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push(quote);
    for character in text.chars() {
        if character == quote || character == '\\' {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted.push(quote);
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(uri: &str) -> Result<Head, Exception> {
        let request = hyper::Request::post(uri).header("X-ClickHouse-Database", "from_header").body(()).unwrap();
        Head::parse(&request.into_parts().0)
    }

    fn request(uri: &str, body: &[u8]) -> Request {
        head(uri).unwrap().with_body(body.to_vec(), 1000).unwrap()
    }

    #[test]
    fn the_statement_is_in_the_body_or_in_the_url_or_in_both() {
        let sql = |sql: &str| Work::Query { sql: sql.as_bytes().to_vec() };
        assert_eq!(request("/", b"SELECT 1").work, sql("SELECT 1"));
        assert_eq!(request("/?query=SELECT+1", b"").work, sql("SELECT 1"));
        assert_eq!(request("/?query=SELECT", b"1").work, sql("SELECT\n1"));
        let empty = head("/").unwrap().with_body(b" \n".to_vec(), 10).unwrap_err();
        assert_eq!(empty.code(), code::SYNTAX_ERROR);
    }

    #[test]
    fn an_insert_in_the_url_takes_its_rows_from_the_body() {
        let uri = "/?query=INSERT%20INTO%20%60t%60(%60a%60)%20FORMAT%20RowBinary&database=d";
        let expected =
            Work::Insert { sql: b"INSERT INTO `t`(`a`)".to_vec(), format: "RowBinary".to_owned(), rows: vec![7] };
        assert_eq!(request(uri, &[7]).work, expected);
    }

    #[test]
    fn the_format_of_the_statement_wins() {
        assert_eq!(request("/", b"SELECT 1").format, "TabSeparated");
        assert_eq!(request("/?default_format=CSV", b"SELECT 1").format, "CSV");
        assert_eq!(request("/?default_format=CSV", b"SELECT 1 FORMAT JSON").format, "JSON");
        assert_eq!(request("/", b"INSERT INTO t FORMAT CSV\n1").format, "TabSeparated");
    }

    #[test]
    fn database_and_settings_are_quoted() {
        let request = request("/?database=a%60b%5C&max_threads=1'%5C&log_comment=x", b"SELECT 1");
        let expected = ["USE `a\\`b\\\\`", "SET log_comment = 'x', max_threads = '1\\'\\\\'"];
        assert_eq!(request.preparation(), expected);
    }

    #[test]
    fn the_url_wins_over_the_headers() {
        assert_eq!(request("/", b"SELECT 1").preparation(), ["USE `from_header`"]);
        assert_eq!(request("/?database=d", b"SELECT 1").preparation(), ["USE `d`"]);
        assert!(request("/?database=", b"SELECT 1").preparation().is_empty());
    }

    #[test]
    fn a_setting_must_be_named_by_an_identifier() {
        for name in ["a%20%3D%201,b", "1a", "a%60", "", "a.b", "%C3%A9"] {
            assert_eq!(head(&format!("/?{name}=1")).unwrap_err().code(), code::UNKNOWN_SETTING, "{name}");
        }
    }

    #[test]
    fn what_is_not_posted_is_read_only() {
        let parts = hyper::Request::get("/?query=SELECT+1").body(()).unwrap().into_parts().0;
        let request = Head::parse(&parts).unwrap().with_body(Vec::new(), 0).unwrap();
        assert_eq!(request.preparation(), ["SET readonly = '2'"]);
    }

    #[test]
    fn parameters_come_from_url_and_form() {
        let body = b"--b\r\nContent-Disposition: form-data; name=\"query\"\r\n\r\nSELECT {x:String}\r\n\
            --b\r\nContent-Disposition: form-data; name=\"param_x\"\r\n\r\n1\r\n--b--\r\n";
        let parts = hyper::Request::post("/?param_y=2")
            .header("Content-Type", "multipart/form-data; boundary=b")
            .body(())
            .unwrap()
            .into_parts()
            .0;
        let request = Head::parse(&parts).unwrap().with_body(body.to_vec(), 1000).unwrap();
        assert_eq!(request.work, Work::Query { sql: b"SELECT {x:String}".to_vec() });
        assert_eq!(request.parameters, [("y".to_owned(), "2".to_owned()), ("x".to_owned(), "1".to_owned())]);
    }
}
