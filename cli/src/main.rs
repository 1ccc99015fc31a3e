//! The candidate's tool.

mod api;
mod consent;
mod envelope;
mod import;
mod progress;
mod report;
mod stream;
mod transcript;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Streams a session of AI-assisted coding to a Promptster server.
#[derive(Debug, Parser)]
#[command(name = "promptster", version, arg_required_else_help = true, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Import(import::Import),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Arguments { command: Command::Import(import) } = Arguments::parse();
    // Two crates speak TLS here; both take the provider that is installed. An error means one is there already.
    let _ = rustls::crypto::ring::default_provider().install_default();
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
