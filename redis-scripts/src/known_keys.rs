//! Candidate keys as this node knows them.

use std::sync::Arc;

use domain::OrgId;
use uuid::Uuid;

use crate::{
    CandidateKey, Entity, Error, Fields, Redis,
    candidate_keys::{candidate_key_of, entity},
};

impl Redis {
    /// A candidate key as it is now, to within a second where this node cannot hear Redis, and to within what a message
    /// takes to come where another node changes it; what this node changes counts at once. Whether it was remembered
    /// comes with it. `None` when there is no such key.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn remembered_candidate_key(
        &self,
        org: OrgId,
        id: Uuid,
    ) -> Result<(Option<Arc<CandidateKey>>, bool), Error> {
        let entity = entity(org, id);
        let node = self.node(entity.partition).await?;
        let keys = &node.candidate_keys;
        if let Some(key) = keys.get(&entity.key, self.runtime()) {
            return Ok((Some(key), true));
        }
        let understand = |fields: &Fields| candidate_key_of(org, id, fields);
        match keys.ask(&entity.key, &node, self.runtime(), understand).await {
            Some(found) => Ok((found?, false)),
            None => Ok((self.candidate_key(org, id).await?.map(Arc::new), false)),
        }
    }

    /// Forgets what is remembered of a key that this node has changed.
    pub(crate) async fn forget_candidate_key(&self, entity: &Entity<'_>) {
        if let Ok(node) = self.node(entity.partition).await {
            node.candidate_keys.forget(&entity.key);
        }
    }
}
