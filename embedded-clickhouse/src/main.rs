//! The process: reads its arguments, starts the engine, serves until told to stop.

use std::error::Error;
use std::net::SocketAddr;
use std::num::NonZero;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use clap::Parser;
use embedded_clickhouse::config::EngineConfig;
use embedded_clickhouse::data_dir::{DataDir, write_atomically};
use embedded_clickhouse::engine::Engine;
use embedded_clickhouse::ffi::{self, Library};
use embedded_clickhouse::library_path;
use embedded_clickhouse::server::{Credentials, Server};
use embedded_clickhouse::supervision::{is_parent, stop_requested};
use tokio::net::TcpListener;

/// Serves ClickHouse's HTTP interface from libchdb, for development, tests and small installations.
#[derive(Parser)]
#[command(version, args_override_self = true)]
struct Arguments {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, env = "EMBEDDED_CLICKHOUSE_LISTEN", default_value = "127.0.0.1:8123")]
    listen: SocketAddr,
    /// Directory for the data, made if missing
    #[arg(long, env = "EMBEDDED_CLICKHOUSE_PATH")]
    path: PathBuf,
    /// The libchdb shared library [default: PROMPTSTER_LIBCHDB, or where `dev/install-libchdb` puts it]
    #[arg(long)]
    lib: Option<PathBuf>,
    /// The one user that is let in
    #[arg(long, env = "EMBEDDED_CLICKHOUSE_USER", default_value = "default")]
    user: String,
    /// File with the user's password; EMBEDDED_CLICKHOUSE_PASSWORD may hold it instead
    #[arg(long, env = "EMBEDDED_CLICKHOUSE_PASSWORD_FILE")]
    password_file: Option<PathBuf>,
    /// Memory that the engine may take in all; one statement may take half of it
    #[arg(long, env = "EMBEDDED_CLICKHOUSE_MAX_MEMORY_BYTES", default_value_t = 1 << 31, value_parser = clap::value_parser!(u64).range(1 << 28..))]
    max_memory_bytes: u64,
    /// Threads that one statement may use [default: the number of cores]
    #[arg(long, env = "EMBEDDED_CLICKHOUSE_MAX_THREADS")]
    max_threads: Option<NonZero<u64>>,
    /// How much other programs go first when cores are scarce, as `nice` counts: what waits for the log can wait, what
    /// waits for an acknowledgement cannot
    #[arg(long, env = "EMBEDDED_CLICKHOUSE_NICE", default_value_t = 12, value_parser = clap::value_parser!(i32).range(0..=19))]
    nice: i32,
    /// Largest request body, also when unpacked
    #[arg(long, env = "EMBEDDED_CLICKHOUSE_MAX_BODY_BYTES", default_value_t = 256 << 20)]
    max_body_bytes: usize,
    /// File that gets the bound address once the server is ready
    #[arg(long)]
    port_file: Option<PathBuf>,
    /// Acknowledge inserts before they are on the disk: faster, for tests
    #[arg(long)]
    no_fsync: bool,
    /// Stop when this process, which must be the parent, is gone
    #[arg(long)]
    parent_pid: Option<u32>,
}

fn main() {
    let arguments = Arguments::parse();
    let outcome = in_utc().and_then(|()| run(arguments));
    if let Err(error) = &outcome {
        eprintln!("embedded-clickhouse: {error}");
    }
    // The engine is closed by now; only threads that the library leaves behind remain.
    ffi::exit_at_once(i32::from(outcome.is_err()));
}

fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let credentials = Credentials { password: password(&arguments)?, user: arguments.user };
    if credentials.password.is_empty() && !arguments.listen.ip().is_loopback() {
        return Err(format!("refusing to listen on {} without a password", arguments.listen).into());
    }
    if arguments.parent_pid.is_some_and(|parent| !is_parent(parent)) {
        return Err("the process of --parent-pid is not, or no longer, the parent".into());
    }
    let library_path = library_path::find(arguments.lib)?;
    let data_dir = DataDir::open(&arguments.path)?;
    let cores = std::thread::available_parallelism()?;
    let config = EngineConfig {
        path: data_dir.path().to_owned(),
        max_memory_bytes: arguments.max_memory_bytes,
        max_threads: arguments.max_threads.unwrap_or(cores.try_into()?),
        is_durable: !arguments.no_fsync,
    };
    // Before the engine starts its threads, which take it over.
    rustix::process::nice(arguments.nice)?;
    let library = Library::load(&library_path).map_err(|error| format!("cannot load libchdb: {error}"))?;
    let engine = Engine::start(library, config.write()?)?;

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(arguments.listen).await?;
        let address = listener.local_addr()?;
        // Signals are watched before anybody can know that the process is ready.
        let stop = stop_requested(arguments.parent_pid)?;
        if let Some(path) = &arguments.port_file {
            write_atomically(path, &address.to_string())?;
        }
        eprintln!("embedded-clickhouse: ClickHouse {} listens on http://{address}", engine.version());
        Server::new(engine.clone(), credentials, arguments.max_body_bytes).run(listener, stop).await;
        Ok::<_, std::io::Error>(())
    })?;
    runtime.shutdown_timeout(Duration::from_secs(5));
    Ok(())
}

/// The engine takes its time zone from the environment alone, so this process replaces itself by one that says UTC.
fn in_utc() -> Result<(), Box<dyn Error>> {
    if std::env::var_os("TZ").is_some_and(|zone| zone == "UTC") {
        return Ok(());
    }
    let this = std::env::current_exe()?;
    Err(Command::new(this).args(std::env::args_os().skip(1)).env("TZ", "UTC").exec().into())
}

fn password(arguments: &Arguments) -> Result<String, Box<dyn Error>> {
    if let Some(path) = &arguments.password_file {
        let content =
            std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        return Ok(content.trim_end_matches(['\r', '\n']).to_owned());
    }
    Ok(std::env::var("EMBEDDED_CLICKHOUSE_PASSWORD").unwrap_or_default())
}
