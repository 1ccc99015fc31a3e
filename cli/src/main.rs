//! The candidate's tool.

mod api;
mod bundle;
mod capture;
mod consent;
mod decision;
mod doctor;
mod done;
mod editor;
mod envelope;
mod explain;
mod git;
mod hook;
mod hooks_files;
mod import;
mod journal;
mod mcp;
mod menu;
mod plain;
mod progress;
mod rails;
mod redact;
mod report;
mod reviewer;
mod shell_hook;
mod sign;
mod start;
mod status;
mod stream;
mod streamer;
mod transcript;
mod trouble;
mod verify;
mod watch;
mod workspace;

use clap::{CommandFactory, Parser, Subcommand};
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

/// Streams a session of AI-assisted coding to a Promptster server.
#[derive(Debug, Parser)]
#[command(name = "promptster", version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Start(start::Start),
    Status(status::Status),
    #[command(visible_alias = "task")]
    Brief(status::Brief),
    Explain(explain::Explain),
    Done(done::Done),
    Abort(done::Abort),
    Doctor(doctor::Doctor),
    Verify(verify::Verify),
    Import(import::Import),
    Login(reviewer::Login),
    Watch(watch::Watch),
    Mcp(mcp::Mcp),
    Hook(hook::Hook),
    ShellHook(shell_hook::ShellHook),
    /// Show the version.
    Version,
    #[command(hide = true)]
    Streamer(streamer::Streamer),
}

fn main() -> ExitCode {
    // Hooks need no runtime, and are over before it would stand.
    match Arguments::parse().command {
        Some(Command::Hook(hook)) => {
            hook.run();
            ExitCode::SUCCESS
        }
        Some(command) => run(command),
        None => chosen(),
    }
}

/// Called with nothing: asks what to do, where there is somebody to ask.
fn chosen() -> ExitCode {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        // A closed standard error has nobody to read it.
        let _ = write!(io::stderr(), "{}", Arguments::command().render_help());
        return ExitCode::from(2);
    }
    match menu::asked() {
        Ok(Some(words)) => {
            let program = "promptster".to_owned();
            match Arguments::parse_from([program].into_iter().chain(words)).command {
                Some(command) => run(command),
                None => ExitCode::SUCCESS,
            }
        }
        Ok(None) => ExitCode::SUCCESS,
        Err(error) => told(Err(error), false),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn run(command: Command) -> ExitCode {
    // Two crates speak TLS here; both take the provider that is installed. An error means one is there already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match command {
        Command::Start(start) => told(start.run().await, start.json),
        Command::Status(status) => judged(status.run()),
        Command::Brief(brief) => told(brief.run(), false),
        Command::Explain(explain) => told(explain.run().await, false),
        Command::Done(done) => told(done.run().await, done.json),
        Command::Abort(abort) => told(abort.run().await, abort.json),
        Command::Doctor(doctor) => judged(doctor.run().await),
        Command::Verify(verify) => judged(verify.run().await),
        Command::Login(login) => told(login.run().await, false),
        Command::Watch(watch) => told(watch.run().await, false),
        Command::Import(import) => imported(&import).await,
        Command::Mcp(mcp) => told(mcp.run().map_err(trouble::Trouble::from), false),
        Command::Streamer(streamer) => told(streamer.run().await, false),
        Command::Version => {
            println!("promptster {}", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
        Command::ShellHook(hook) => {
            hook.run();
            ExitCode::SUCCESS
        }
        Command::Hook(_) => ExitCode::SUCCESS,
    }
}

/// The exit code of a command that says itself what there is to say, and the words of its failure.
fn told(outcome: Result<(), trouble::Trouble>, json: bool) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if json {
                println!("{}", serde_json::json!({ "ok": false, "error": error.to_string() }));
            } else {
                eprintln!("error: {error}");
            }
            ExitCode::FAILURE
        }
    }
}

/// The exit code of a command that judges.
fn judged(outcome: Result<bool, trouble::Trouble>) -> ExitCode {
    match outcome {
        Ok(false) => ExitCode::FAILURE,
        outcome => told(outcome.map(drop), false),
    }
}

async fn imported(import: &import::Import) -> ExitCode {
    let outcome = import.run().await;
    let is_success = outcome.as_ref().is_ok_and(report::Report::is_success);
    match &outcome {
        Ok(report) if import.json => println!("{}", report.json()),
        Ok(report) => println!("{report}"),
        Err(error) if import.json => println!("{}", serde_json::json!({ "ok": false, "error": error.to_string() })),
        Err(error) => eprintln!("error: {error}"),
    }
    if is_success { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
