//! The thread that drives all connections to Redis. A connection is driven by the runtime on which it was opened; if
//! that were a web worker's, the connection would stall while the worker is busy and break when it stops, and with it
//! whoever else uses it.

use std::sync::Arc;

use tokio::runtime::{Builder, Handle, Runtime};

use crate::Error;

/// A runtime that lasts as long as anybody holds it; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct LastingRuntime(Arc<Held>);

#[derive(Debug)]
struct Held {
    handle: Handle,
    runtime: Option<Runtime>,
}

impl LastingRuntime {
    pub(crate) fn start() -> std::io::Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("redis").enable_all().build()?;
        Ok(Self(Arc::new(Held { handle: runtime.handle().clone(), runtime: Some(runtime) })))
    }

    /// Runs `future` there, with all the tasks that it starts.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Error> {
        let task = self.0.handle.spawn(future);
        task.await.map_err(|error| Error::Unavailable(error.to_string()))
    }

    /// Runs `future` there, and waits for nothing.
    pub(crate) fn start_beside(&self, future: impl Future<Output = ()> + Send + 'static) {
        self.0.handle.spawn(future);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Not by dropping it: that would block, which no async context allows.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
