//! The limit of the HTTP edge: a server that parses an event as ours does, and answers 201 at once.

use std::num::NonZeroUsize;
use std::process::ExitCode;

use actix_web::{App, HttpResponse, HttpServer, web};
use clap::Args;
use domain::{Event, Limits, Timestamp};

/// Answers 201 to every event, and keeps none: what an HTTP server of this kind can do at most on this machine.
#[derive(Debug, Args)]
pub(crate) struct Edge {
    /// The port, on 127.0.0.1.
    #[arg(long)]
    port: u16,
    /// Threads.
    #[arg(long)]
    workers: NonZeroUsize,
}

impl Edge {
    /// Serves until it is killed.
    pub(crate) fn run(&self) -> ExitCode {
        let serve = async {
            let app = || App::new().route("/v1/hooks/ingest", web::post().to(take));
            let server = HttpServer::new(app).workers(self.workers.get()).bind(("127.0.0.1", self.port))?;
            server.run().await
        };
        match actix_web::rt::System::new().block_on(serve) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("error: {error}");
                ExitCode::from(2)
            }
        }
    }
}

async fn take(body: web::Bytes) -> HttpResponse {
    let limits = Limits { now: Timestamp::from_millis(i64::MAX), strict_kinds: false };
    match Event::parse(body, &limits) {
        Ok(event) => HttpResponse::Created().json(serde_json::json!({ "ok": true, "id": event.id, "seq": 1 })),
        Err(_) => HttpResponse::BadRequest().finish(),
    }
}
