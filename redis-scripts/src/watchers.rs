//! How many watch a session, on all nodes.

use std::time::Duration;

use domain::{SessionRef, Timestamp};
use uuid::Uuid;

use crate::{Error, Redis, keys::SessionKeys, scripts};

/// How long what a node said counts: a node that dies takes its watchers with it by then.
const COUNTS_FOR: Duration = Duration::from_secs(20);

impl Redis {
    /// Says how many watch a session on `node`, and answers how many do on the others. To be said again well within
    /// twenty seconds; a change wakes the nodes on which the session is watched. While anybody watches, commits broadcast
    /// the session's events.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn count_watchers(
        &self,
        session: &SessionRef,
        node: Uuid,
        watchers: usize,
        now: Timestamp,
    ) -> Result<usize, Error> {
        let keys = SessionKeys::of(session);
        let mut invocation = scripts::count_watchers().prepare_invoke();
        invocation.key(keys.watchers()).key(keys.watched());
        invocation
            .arg(node.to_string())
            .arg(watchers)
            .arg(now.millis())
            .arg(u64::try_from(COUNTS_FOR.as_millis()).unwrap_or(u64::MAX))
            .arg(keys.partition().wake_channel())
            .arg(session.to_string());
        let mut connection = self.connection(keys.partition()).await?;
        Ok(invocation.invoke_async(&mut connection).await?)
    }
}
