//! Entities that stand in indexes of their organisation.

use domain::{OrgId, Timestamp};
use uuid::Uuid;

use crate::{
    Entity, Error, Fields, Redis,
    keys::{OrgKeys, Partition},
    scripts,
};

/// Names an entity of an organisation.
pub(crate) fn org_entity(org: OrgId, kind: &'static str, id: Uuid) -> Entity<'static> {
    let keys = OrgKeys::of(org);
    Entity { org, kind, id: id.to_string(), key: keys.entity(kind, id), partition: keys.partition() }
}

impl Redis {
    /// Makes an entity and enters it in `indexes`, in one step; `false` when it exists already.
    pub(crate) async fn create_entity(
        &self,
        entity: &Entity<'_>,
        fields: &[(&str, String)],
        indexes: &[String],
        created_at: Timestamp,
    ) -> Result<bool, Error> {
        let mut invocation = scripts::create_entity().prepare_invoke();
        entity.name_in(&mut invocation);
        for index in indexes {
            invocation.key(index);
        }
        invocation.arg(created_at.millis());
        for (field, value) in fields {
            invocation.arg(*field).arg(value);
        }
        let mut connection = self.writer(entity.partition).await?;
        let made: i64 = invocation.invoke_async(&mut connection).await?;
        Ok(made == 1)
    }

    /// The entities of one kind that stand in an index, oldest first.
    pub(crate) async fn read_index(&self, org: OrgId, kind: &str, index: &str) -> Result<Vec<(Uuid, Fields)>, Error> {
        let ids: Vec<String> = {
            let mut connection = self.connection(Partition::of_org(org)).await?;
            redis::cmd("ZRANGE").arg(index).arg(0).arg(-1).query_async(&mut connection).await?
        };
        let ids = ids.iter().map(|id| id.parse::<Uuid>().map_err(|_| Error::corrupt(format!("{kind} {id:?}"))));
        let ids = ids.collect::<Result<Vec<_>, _>>()?;
        let keys: Vec<String> = ids.iter().map(|id| OrgKeys::of(org).entity(kind, id)).collect();
        let found = self.read_entities(Partition::of_org(org), &keys).await?;
        Ok(ids.into_iter().zip(found).filter_map(|(id, fields)| Some((id, fields?))).collect())
    }
}
