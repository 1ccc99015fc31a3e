//! What model traffic costs: sums that several answers add to at once, in whole billionths of a dollar.

use domain::{OrgId, SessionRef, Timestamp};
use uuid::Uuid;

use crate::{
    Error, Redis, candidate_keys,
    keys::{Partition, SessionKeys},
    scripts, sessions,
};

impl Redis {
    /// Adds to what a candidate key has cost; `false` when there is none.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer: whether it was added is not known then.
    pub async fn add_key_cost(&self, org: OrgId, id: Uuid, nano_usd: u64) -> Result<bool, Error> {
        let mut invocation = scripts::add_cost().prepare_invoke();
        candidate_keys::entity(org, id).name_in(&mut invocation);
        invocation.arg(nano_usd);
        let mut connection = self.writer(Partition::of_org(org)).await?;
        let added: i64 = invocation.invoke_async(&mut connection).await?;
        Ok(added == 1)
    }

    /// Adds to what a session has cost, and wakes those who watch it; `false` when there is none.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer: whether it was added is not known then.
    pub async fn add_session_cost(&self, session: &SessionRef, nano_usd: u64, now: Timestamp) -> Result<bool, Error> {
        let mut invocation = scripts::add_cost().prepare_invoke();
        sessions::entity(session).name_in(&mut invocation);
        let partition = Partition::of_session(session);
        invocation.arg(nano_usd).arg(now.millis()).arg(SessionKeys::of(session).partition().wake_channel());
        let mut connection = self.writer(partition).await?;
        let added: i64 = invocation.invoke_async(&mut connection).await?;
        Ok(added == 1)
    }
}
