//! Load and correctness checks: plays candidates and watchers against a running server, or against one that it starts
//! itself and hurts.

mod api;
mod bench;
mod candidate_http;
mod candidate_ws;
mod chaos;
mod check;
mod demo;
mod descriptors;
mod feed;
mod generate;
mod histogram;
mod history;
mod load;
mod patience;
mod reach;
mod readback;
mod report;
mod row;
mod scenario;
mod setup;
mod smoke;
mod socket;
mod sse;
mod watcher;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

// What plays the load shares the machine with what is measured: the less it takes, the more is seen of the server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
    Run(Box<load::Load>),
    Compare(load::Compare),
    Outage(scenario::Outage),
    Overload(scenario::Overload),
    Idle(scenario::Idle),
    Chaos(Box<chaos::Chaos>),
    Bench(bench::Bench),
    Demo(demo::Demo),
    #[command(hide = true)]
    Edge(bench::edge::Edge),
}

fn main() -> ExitCode {
    let Arguments { command } = Arguments::parse();
    // HTTP and WebSocket both speak TLS; both take the provider that is installed. An error means one is there already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    if let Command::Edge(edge) = &command {
        // It brings threads of its own.
        return edge.run();
    }
    match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime.block_on(run(command)),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

async fn run(command: Command) -> ExitCode {
    match command {
        Command::Smoke(smoke) => Box::pin(run_smoke(&smoke)).await,
        Command::Run(load) => told(Box::pin(load.run()).await.map(|report| (report.holds(), report.to_string()))),
        Command::Outage(outage) => told(Box::pin(outage.run()).await.map(|one| (one.holds(), one.to_string()))),
        Command::Overload(overload) => told(Box::pin(overload.run()).await.map(|one| (one.holds(), one.to_string()))),
        Command::Idle(idle) => told(Box::pin(idle.run()).await.map(|one| (one.holds(), one.to_string()))),
        Command::Compare(compare) => told(compare.run().map(|text| (true, text))),
        Command::Chaos(chaos) => Box::pin(chaos.run()).await,
        Command::Demo(demo) => told(Box::pin(demo.run()).await.map(|()| (true, "All have handed in.".to_owned()))),
        Command::Bench(bench) => Box::pin(bench.run()).await,
        Command::Edge(edge) => edge.run(),
    }
}

/// Prints what a command found; 0 when it holds, 1 when not, 2 when it could not run.
fn told(result: Result<(bool, String), String>) -> ExitCode {
    match result {
        Ok((holds, text)) => {
            println!("{text}");
            if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
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
