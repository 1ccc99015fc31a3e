//! The engine: runs requests on fresh connections, a bounded number at a time.

use std::ffi::CString;
use std::num::NonZero;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Semaphore;

use crate::error::{Exception, code};
use crate::ffi::{Connection, Library, QueryResult};
use crate::request::{Request, Work};
use crate::statement;

/// More inserts at once do not go faster: each one already keeps a core and the disk busy.
const INSERTS_AT_ONCE: usize = 2;
/// Tables that are filled from tables: whoever derives results does so by the hundred, and nobody waits for it.
const DERIVATIONS_AT_ONCE: usize = 2;

/// A running engine. Clones share it.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

struct Shared {
    library: Library,
    arguments: Vec<CString>,
    version: String,
    /// Inserts have permits of their own, or a crowd of selects would starve them; so have derivations, or a crowd of them
    /// would keep readers waiting, and whoever asks whether the engine answers.
    inserts: Arc<Semaphore>,
    derivations: Arc<Semaphore>,
    others: Arc<Semaphore>,
    /// Open for as long as the engine lives: the engine stops when its last connection closes.
    _keep_alive: std::sync::Mutex<Connection>,
}

/// What a statement gave.
pub struct Answer {
    /// The rows, in `format`.
    pub body: Bytes,
    /// The output format.
    pub format: String,
    /// The content of `X-ClickHouse-Summary`.
    pub summary: String,
}

impl Engine {
    /// Starts the engine with the arguments that each of its connections gets.
    pub fn start(library: Library, arguments: Vec<CString>) -> Result<Self, Exception> {
        let mut connection = library.connect(&arguments)?;
        let version = connection.query(b"SELECT version()", "TSVRaw", &[])?;
        let version = String::from_utf8_lossy(version.as_ref()).trim().to_owned();
        let cores = std::thread::available_parallelism().map_or(2, NonZero::get);
        let shared = Shared {
            library,
            arguments,
            version,
            inserts: Arc::new(Semaphore::new(INSERTS_AT_ONCE)),
            derivations: Arc::new(Semaphore::new(DERIVATIONS_AT_ONCE)),
            // Twice the cores keeps them busy while some statements wait for the disk; more gains nothing.
            others: Arc::new(Semaphore::new(cores.saturating_mul(2).max(4))),
            _keep_alive: std::sync::Mutex::new(connection),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The engine's version.
    pub fn version(&self) -> &str {
        &self.shared.version
    }

    /// Runs a request when its turn comes. A request whose turn has come runs to its end even if nobody waits for it.
    pub async fn run(&self, request: Request) -> Result<Answer, Exception> {
        let permits = match &request.work {
            Work::Insert { .. } => &self.shared.inserts,
            Work::Query { sql } if statement::is_insert(sql) => &self.shared.derivations,
            Work::Query { .. } => &self.shared.others,
        };
        let permit = Arc::clone(permits).acquire_owned().await.map_err(internal)?;
        let shared = Arc::clone(&self.shared);
        let running = tokio::task::spawn_blocking(move || {
            // Held here, because the caller may be gone long before the statement ends.
            let _permit = permit;
            shared.run(&request)
        });
        running.await.map_err(internal)?
    }
}

impl Shared {
    /// Each request gets a connection of its own: nothing of it can reach the next one, neither settings, temporary
    /// tables nor, after an error, the rows that the engine would put before another result. It costs 0.1 to 0.6 ms.
    fn run(&self, request: &Request) -> Result<Answer, Exception> {
        let mut connection = self.library.connect(&self.arguments)?;
        for statement in request.preparation() {
            connection.query(statement.as_bytes(), "Null", &[])?;
        }
        let result = match &request.work {
            Work::Insert { sql, format, rows } => connection.insert(sql, format, rows)?,
            Work::Query { sql } => connection.query(sql, &request.format, &request.parameters)?,
        };
        Ok(Answer::of(result, request))
    }
}

impl Answer {
    fn of(result: QueryResult, request: &Request) -> Self {
        let summary = format!(
            r#"{{"read_rows":"{}","written_rows":"{}","result_rows":"{}"}}"#,
            result.rows_read(),
            result.rows_written(),
            result.result_rows()
        );
        Self { body: Bytes::from_owner(result), format: request.format.clone(), summary }
    }
}

fn internal(error: impl std::fmt::Display) -> Exception {
    Exception::new(code::STD_EXCEPTION, format_args!("{error}. (STD_EXCEPTION)"))
}
