//! When the server stops, and in which order its parts do.

use std::io;

use actix_web::dev::ServerHandle;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::App;

/// Waits for SIGTERM or SIGINT. They are watched from the call on, not from the first poll.
///
/// # Errors
/// When the system lets nobody watch.
pub fn requested() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Whether the server stops. Sockets live long and ask for it; requests are short and need not.
#[derive(Debug, Default)]
pub struct Stopping(watch::Sender<bool>);

impl Stopping {
    /// Whether it does.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        *self.0.borrow()
    }

    /// Ready as soon as it does.
    pub fn begun(&self) -> impl Future<Output = ()> + use<> {
        let mut stopping = self.0.subscribe();
        async move {
            stopping.wait_for(|begun| *begun).await.ok();
        }
    }
}

/// Stops the parts, the outermost first, so that none is asked for something that it can no longer do: readiness and
/// sockets, requests in flight, what is still being recorded of calls of models, then the actors behind them. Nothing has to be flushed; what was acknowledged is in
/// Redis.
pub async fn in_order(app: &App, http: &ServerHandle) {
    tracing::info!("stopping");
    app.stopping.0.send_replace(true);
    http.stop(true).await;
    app.proxy.finish().await;
    app.actors.stop().await;
    tracing::info!("stopped");
}
