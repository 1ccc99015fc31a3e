//! Hand-written bindings of libchdb: the only file with `unsafe`, and safe types around it.
//!
//! The library is found at run time, so that this crate builds and its unit tests run on machines without it. The
//! signatures follow `chdb.h` of libchdb 26.7; every one that takes text takes its length too.
#![expect(unsafe_code, reason = "a C library cannot be called without it")]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::Path;
use std::sync::Arc;

use crate::error::{Exception, code};

type ConnectionHandle = *mut c_void;
type ResultHandle = *mut c_void;
type InsertHandle = *mut c_void;

/// Declares the functions of the library once: as fields, and as symbols to look up.
macro_rules! symbols {
    ($($name:ident: fn($($argument:ty),*) $(-> $result:ty)?;)*) => {
        struct Symbols { $($name: unsafe extern "C" fn($($argument),*) $(-> $result)?,)* }

        impl Symbols {
            fn of(library: &'static libloading::Library) -> Result<Self, libloading::Error> {
                // SAFETY: the types are those of `chdb.h`, and the library is never unloaded.
                unsafe { Ok(Self { $($name: *library.get(stringify!($name))?,)* }) }
            }
        }
    };
}

symbols! {
    chdb_set_signal_handlers_enabled: fn(c_int);
    chdb_connect: fn(c_int, *mut *mut c_char) -> *mut ConnectionHandle;
    chdb_close_conn: fn(*mut ConnectionHandle);
    chdb_query_with_params_n: fn(
        ConnectionHandle, *const c_char, usize, *const c_char, usize,
        *const *const c_char, *const usize, *const *const c_char, *const usize, usize
    ) -> ResultHandle;
    chdb_stream_insert_n: fn(ConnectionHandle, *const c_char, usize, *const c_char, usize) -> InsertHandle;
    chdb_stream_append: fn(InsertHandle, *const c_void, usize) -> c_int;
    chdb_stream_done: fn(InsertHandle) -> ResultHandle;
    chdb_stream_cancel_insert: fn(InsertHandle);
    chdb_stream_insert_error: fn(InsertHandle) -> *const c_char;
    chdb_destroy_insert_stream: fn(InsertHandle);
    chdb_result_buffer: fn(ResultHandle) -> *const c_char;
    chdb_result_length: fn(ResultHandle) -> usize;
    chdb_result_error: fn(ResultHandle) -> *const c_char;
    chdb_result_rows_read: fn(ResultHandle) -> u64;
    chdb_result_storage_rows_read: fn(ResultHandle) -> u64;
    chdb_result_rows_written: fn(ResultHandle) -> u64;
    chdb_destroy_query_result: fn(ResultHandle);
}

/// The loaded library.
#[derive(Clone)]
pub struct Library {
    symbols: Arc<Symbols>,
}

impl Library {
    /// Loads the library and keeps it from installing signal handlers of its own.
    pub fn load(path: &Path) -> Result<Self, libloading::Error> {
        // SAFETY: libchdb's initialisers have no precondition; the caller vouches that the file is libchdb.
        let library = unsafe { libloading::Library::new(path)? };
        // It starts threads that outlive every connection, so it must stay mapped until the process ends.
        let symbols = Symbols::of(Box::leak(Box::new(library)))?;
        // SAFETY: takes a flag; called before the first connection, as it must be.
        unsafe { (symbols.chdb_set_signal_handlers_enabled)(0) };
        Ok(Self { symbols: Arc::new(symbols) })
    }

    /// Opens a connection. The first one starts the engine, the last one to close stops it.
    pub fn connect(&self, arguments: &[CString]) -> Result<Connection, Exception> {
        let mut pointers: Vec<*mut c_char> = Vec::with_capacity(arguments.len() + 1);
        pointers.push(c"clickhouse".as_ptr().cast_mut());
        pointers.extend(arguments.iter().map(|argument| argument.as_ptr().cast_mut()));
        let count = c_int::try_from(pointers.len()).map_err(|error| Exception::new(code::STD_EXCEPTION, error))?;
        // SAFETY: `pointers` holds `count` strings that end with NUL and live until the call returns; the library
        // copies them and writes to none.
        let handle = unsafe { (self.symbols.chdb_connect)(count, pointers.as_mut_ptr()) };
        // SAFETY: when it is not null it points to the connection that was just opened.
        if handle.is_null() || unsafe { (*handle).is_null() } {
            return Err(Exception::new(code::STD_EXCEPTION, "The engine refuses a connection. (STD_EXCEPTION)"));
        }
        Ok(Connection { symbols: Arc::clone(&self.symbols), handle })
    }
}

/// A connection: one statement at a time, its own settings and current database.
pub struct Connection {
    symbols: Arc<Symbols>,
    handle: *mut ConnectionHandle,
}

// SAFETY: the library binds no connection to a thread. It is not `Sync`: every call takes `&mut self`.
unsafe impl Send for Connection {}

impl Drop for Connection {
    fn drop(&mut self) {
        // SAFETY: the handle came from `chdb_connect` and is closed once, here.
        unsafe { (self.symbols.chdb_close_conn)(self.handle) };
    }
}

impl Connection {
    fn raw(&self) -> ConnectionHandle {
        // SAFETY: the handle points to an open connection until `drop`.
        unsafe { *self.handle }
    }

    /// Runs one statement and waits for its whole result.
    pub fn query(
        &mut self,
        sql: &[u8],
        format: &str,
        parameters: &[(String, String)],
    ) -> Result<QueryResult, Exception> {
        let names: Vec<*const c_char> = parameters.iter().map(|(name, _)| name.as_ptr().cast()).collect();
        let name_lengths: Vec<usize> = parameters.iter().map(|(name, _)| name.len()).collect();
        let values: Vec<*const c_char> = parameters.iter().map(|(_, value)| value.as_ptr().cast()).collect();
        let value_lengths: Vec<usize> = parameters.iter().map(|(_, value)| value.len()).collect();
        // SAFETY: the connection is open and ours alone; each pointer goes with its length, the four arrays have
        // `parameters.len()` items, and all of it lives until the call returns.
        let handle = unsafe {
            (self.symbols.chdb_query_with_params_n)(
                self.raw(),
                sql.as_ptr().cast(),
                sql.len(),
                format.as_ptr().cast(),
                format.len(),
                names.as_ptr(),
                name_lengths.as_ptr(),
                values.as_ptr(),
                value_lengths.as_ptr(),
                parameters.len(),
            )
        };
        QueryResult::of(&self.symbols, handle)
    }

    /// Inserts `rows`, which are in `format`, through a statement without its `FORMAT` clause.
    pub fn insert(&mut self, sql: &[u8], format: &str, rows: &[u8]) -> Result<QueryResult, Exception> {
        // SAFETY: the connection is open and ours alone; each pointer goes with its length.
        let handle = unsafe {
            (self.symbols.chdb_stream_insert_n)(
                self.raw(),
                sql.as_ptr().cast(),
                sql.len(),
                format.as_ptr().cast(),
                format.len(),
            )
        };
        if handle.is_null() {
            return Err(Exception::new(code::STD_EXCEPTION, "The engine refuses the insert. (STD_EXCEPTION)"));
        }
        InsertStream { symbols: &self.symbols, handle }.send(rows)
    }
}

/// An insert that is under way; dropping it frees it.
struct InsertStream<'a> {
    symbols: &'a Arc<Symbols>,
    handle: InsertHandle,
}

impl Drop for InsertStream<'_> {
    fn drop(&mut self) {
        // SAFETY: the handle came from `chdb_stream_insert_n` and is freed once, here.
        unsafe { (self.symbols.chdb_destroy_insert_stream)(self.handle) };
    }
}

impl InsertStream<'_> {
    fn send(&self, rows: &[u8]) -> Result<QueryResult, Exception> {
        if let Some(error) = self.error() {
            return Err(error);
        }
        if !rows.is_empty() {
            // SAFETY: the stream is open, and the pointer goes with its length.
            let status = unsafe { (self.symbols.chdb_stream_append)(self.handle, rows.as_ptr().cast(), rows.len()) };
            if status != 0 {
                let error = self.error_or("The engine refuses the rows.");
                // SAFETY: the stream is open and has not been finished.
                unsafe { (self.symbols.chdb_stream_cancel_insert)(self.handle) };
                return Err(error);
            }
        }
        // SAFETY: the stream is open and is finished once.
        let result = unsafe { (self.symbols.chdb_stream_done)(self.handle) };
        if result.is_null() {
            return Err(self.error_or("The engine did not finish the insert."));
        }
        QueryResult::of(self.symbols, result)
    }

    fn error(&self) -> Option<Exception> {
        // SAFETY: the stream is alive, and so is the text that it owns.
        unsafe { exception_at((self.symbols.chdb_stream_insert_error)(self.handle)) }
    }

    fn error_or(&self, otherwise: &str) -> Exception {
        self.error().unwrap_or_else(|| Exception::new(code::STD_EXCEPTION, otherwise))
    }
}

/// The finished result of a statement; its bytes stay in the library's memory.
pub struct QueryResult {
    symbols: Arc<Symbols>,
    handle: ResultHandle,
}

// SAFETY: a result belongs to no thread and to no connection once the query is over.
unsafe impl Send for QueryResult {}

impl Drop for QueryResult {
    fn drop(&mut self) {
        // SAFETY: the handle came from a finished query and is freed once, here.
        unsafe { (self.symbols.chdb_destroy_query_result)(self.handle) };
    }
}

impl QueryResult {
    fn of(symbols: &Arc<Symbols>, handle: ResultHandle) -> Result<Self, Exception> {
        if handle.is_null() {
            return Err(Exception::new(code::STD_EXCEPTION, "The engine gives no result. (STD_EXCEPTION)"));
        }
        let result = Self { symbols: Arc::clone(symbols), handle };
        // SAFETY: the result is alive, and so is the text that it owns.
        let error = unsafe { exception_at((symbols.chdb_result_error)(handle)) };
        error.map_or(Ok(result), Err)
    }

    /// Rows in the result.
    pub fn result_rows(&self) -> u64 {
        // SAFETY: the result is alive.
        unsafe { (self.symbols.chdb_result_rows_read)(self.handle) }
    }

    /// Rows that were read from tables to get there.
    pub fn rows_read(&self) -> u64 {
        // SAFETY: the result is alive.
        unsafe { (self.symbols.chdb_result_storage_rows_read)(self.handle) }
    }

    /// Rows that an insert wrote.
    pub fn rows_written(&self) -> u64 {
        // SAFETY: the result is alive.
        unsafe { (self.symbols.chdb_result_rows_written)(self.handle) }
    }
}

impl AsRef<[u8]> for QueryResult {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: the result is alive.
        let (data, length) =
            unsafe { ((self.symbols.chdb_result_buffer)(self.handle), (self.symbols.chdb_result_length)(self.handle)) };
        if data.is_null() || length == 0 {
            return &[];
        }
        // SAFETY: the buffer has `length` bytes, nobody writes to it, and it lives as long as the result.
        unsafe { std::slice::from_raw_parts(data.cast(), length) }
    }
}

/// Reads an error text, when there is one.
///
/// # Safety
/// `text` is null or ends with NUL, and nobody frees it during the call.
unsafe fn exception_at(text: *const c_char) -> Option<Exception> {
    if text.is_null() {
        return None;
    }
    // SAFETY: not null, and the caller promises the rest.
    let text = unsafe { CStr::from_ptr(text) }.to_string_lossy();
    (!text.is_empty()).then(|| Exception::of_engine(&text))
}

/// Ends the process without running the destructors of the library, whose threads may still be running.
pub fn exit_at_once(status: i32) -> ! {
    // SAFETY: takes a number, does not return, and leaves memory and files to the operating system.
    unsafe { libc::_exit(status) }
}
