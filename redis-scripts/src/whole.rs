//! Whether this Redis holds all that was ever written to it. A Redis that comes back empty looks like one that is new, and
//! an empty answer like the answer that something never existed; the marks tell them apart. Every partition has its own,
//! so that scripts can look at it, and so that the loss of a part is seen as well.

use domain::OrgId;
use futures_util::future::try_join_all;

use crate::{Error, Redis, keys::Partition};

const WHOLE: &str = "whole";
const REBUILDING: &str = "rebuilding";

/// How much a Redis holds of what was ever written to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wholeness {
    /// Everything.
    Whole,
    /// It bears no mark: nothing was ever written to it, or everything is lost, or it was filled by a version that made
    /// no marks.
    Unmarked,
    /// Some partitions are lost, or a restoration has begun and not ended.
    Partial,
}

impl Redis {
    /// How much it holds, by its marks.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn wholeness(&self) -> Result<Wholeness, Error> {
        let connections = self.connections(Partition::all()).await;
        let marks = try_join_all(Partition::all().map(|partition| {
            let connection = connections.to(partition);
            async move {
                let mut connection = connection?;
                let mark: Option<String> =
                    redis::cmd("GET").arg(partition.whole()).query_async(&mut connection).await?;
                Ok::<_, Error>(mark)
            }
        }))
        .await?;
        if marks.iter().all(Option::is_none) {
            return Ok(Wholeness::Unmarked);
        }
        let is_whole = marks.iter().all(|mark| mark.as_deref() == Some(WHOLE));
        Ok(if is_whole { Wholeness::Whole } else { Wholeness::Partial })
    }

    /// Whether one partition is whole: asked after it said that there is no such thing, before that is believed.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn is_whole(&self, partition: Partition) -> Result<bool, Error> {
        let mut connection = self.connection(partition).await?;
        let mark: Option<String> = redis::cmd("GET").arg(partition.whole()).query_async(&mut connection).await?;
        Ok(mark.as_deref() == Some(WHOLE))
    }

    /// Marks what bears no mark as whole: to be called when nothing that the log holds is missing.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn mark_new(&self) -> Result<(), Error> {
        self.mark(WHOLE, true).await
    }

    /// Marks every partition as one that is being restored: from here on nothing is recorded and nothing is due.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn begin_rebuild(&self) -> Result<(), Error> {
        self.mark(REBUILDING, false).await
    }

    /// Marks every partition as whole.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn finish_rebuild(&self) -> Result<(), Error> {
        self.mark(WHOLE, false).await
    }

    async fn mark(&self, mark: &str, only_new: bool) -> Result<(), Error> {
        let connections = self.writers(Partition::all()).await;
        try_join_all(Partition::all().map(|partition| {
            let connection = connections.to(partition);
            let mut set = redis::cmd("SET");
            set.arg(partition.whole()).arg(mark);
            if only_new {
                set.arg("NX");
            }
            async move {
                let mut connection = connection?;
                let _: Option<String> = set.query_async(&mut connection).await?;
                Ok::<_, Error>(())
            }
        }))
        .await?;
        Ok(())
    }

    /// Whether one of the organisations is not here.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn lacks_any_of(&self, orgs: &[OrgId]) -> Result<bool, Error> {
        let connections = self.connections(orgs.iter().map(|org| Partition::of_org(*org))).await;
        let found = try_join_all(orgs.iter().map(|org| {
            let connection = connections.to(Partition::of_org(*org));
            let key = crate::orgs::entity(*org).key;
            async move {
                let mut connection = connection?;
                let exists: bool = redis::cmd("EXISTS").arg(key).query_async(&mut connection).await?;
                Ok::<_, Error>(exists)
            }
        }))
        .await?;
        Ok(found.contains(&false))
    }
}
