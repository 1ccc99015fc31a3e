//! When to stop: at a signal, or when the process that started this one is gone.

use std::future::pending;
use std::io;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

/// How often the parent is looked for. Its death is no event that could be waited for: the kernel's death signal
/// (`PR_SET_PDEATHSIG`) follows the parent's *thread*, not the parent.
const PARENT_CHECK: Duration = Duration::from_millis(500);

/// Ready at SIGTERM or SIGINT, or when `parent` is no longer the parent of this process. Signals are watched from the
/// call on, not from the first poll.
pub fn stop_requested(parent: Option<u32>) -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = parent_gone(parent) => {}
        }
    })
}

async fn parent_gone(parent: Option<u32>) {
    let Some(parent) = parent else { return pending().await };
    while is_parent(parent) {
        tokio::time::sleep(PARENT_CHECK).await;
    }
}

/// Whether this process is still the child of `parent`; an orphan belongs to another process.
pub fn is_parent(parent: u32) -> bool {
    std::os::unix::process::parent_id() == parent
}
