//! Load and correctness checks: plays candidates and watchers against a running server, or against one that it starts
//! itself and hurts.

mod api;
mod candidate_http;
mod candidate_ws;
mod chaos;
mod check;
mod generate;
mod histogram;
mod history;
mod patience;
mod readback;
mod report;
mod row;
mod setup;
mod smoke;
mod socket;
mod sse;
mod watcher;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Plays candidates and watchers against a Promptster server.
#[derive(Debug, Parser)]
#[command(name = "loadtest", version, arg_required_else_help = true, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Smoke(smoke::Smoke),
    Chaos(Box<chaos::Chaos>),
}

#[tokio::main]
async fn main() -> ExitCode {
    let Arguments { command } = Arguments::parse();
    // HTTP and WebSocket both speak TLS; both take the provider that is installed. An error means one is there already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match command {
        Command::Smoke(smoke) => Box::pin(run_smoke(&smoke)).await,
        Command::Chaos(chaos) => Box::pin(chaos.run()).await,
    }
}

async fn run_smoke(smoke: &smoke::Smoke) -> ExitCode {
    match Box::pin(smoke.run()).await {
        Ok(report) => {
            if smoke.json {
                println!("{}", report.json());
            } else {
                println!("{report}");
            }
            if report.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            if smoke.json {
                println!("{}", serde_json::json!({ "ok": false, "error": error }));
            } else {
                eprintln!("error: {error}");
            }
            ExitCode::FAILURE
        }
    }
}
