//! Entities that stand in indexes of their organisation.

use domain::{OrgId, Timestamp};
use uuid::Uuid;

use crate::{
    Entity, Error, Fields, Redis,
    keys::{OrgKeys, Partition},
    scripts,
    stored::millis,
};

/// What an entity says, field by field; `None` is a field that is not set.
pub(crate) type Said = Vec<(&'static str, Option<String>)>;

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

    /// Makes an entity that stands in one index of its organisation.
    pub(crate) async fn create_listed(
        &self,
        entity: &Entity<'_>,
        said: Said,
        index: &str,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let mut fields: Vec<_> = said.into_iter().filter_map(|(field, value)| Some((field, value?))).collect();
        fields.extend([("created", millis(now)), ("updated", millis(now))]);
        self.create_entity(entity, &fields, &[OrgKeys::of(entity.org).index(index)], now).await
    }

    /// Writes what differs between `before` and `after`, and nothing else, so that changes of other fields made meanwhile
    /// stay; `false` when there is no such entity.
    pub(crate) async fn change_entity(
        &self,
        entity: &Entity<'_>,
        before: &Said,
        after: Said,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let (mut set, mut unset) = (Vec::new(), Vec::new());
        for (field, value) in after.into_iter().filter(|said| !before.contains(said)) {
            match value {
                Some(value) => set.push((field, value)),
                None => unset.push(field),
            }
        }
        set.push(("updated", millis(now)));
        self.write_entity(entity, Some(true), &set, &unset).await
    }

    /// Notes that an entity is deleted; `false` when there is none.
    pub(crate) async fn mark_deleted(&self, entity: &Entity<'_>, now: Timestamp) -> Result<bool, Error> {
        self.write_entity(entity, Some(true), &[("deleted", millis(now))], &[]).await
    }

    /// The entities of one kind that stand in an index and are not deleted, oldest first.
    pub(crate) async fn read_listed(&self, org: OrgId, kind: &str, index: &str) -> Result<Vec<(Uuid, Fields)>, Error> {
        let mut found = self.read_index(org, kind, &OrgKeys::of(org).index(index)).await?;
        found.retain(|(_, fields)| !fields.contains_key("deleted"));
        Ok(found)
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
