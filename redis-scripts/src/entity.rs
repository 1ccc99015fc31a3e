//! Entities: hashes of text fields whose every change is also written to the stream, in the same step.

use std::collections::BTreeMap;

use domain::{OrgId, SessionRef};
use redis::ScriptInvocation;

use crate::{
    Error, Redis,
    keys::{Partition, SessionKeys},
    scripts,
};

/// The fields of an entity. An absent field is a value that is not set.
pub type Fields = BTreeMap<String, String>;

/// Names an entity: where it lives, and what the log calls it.
#[derive(Debug, Clone)]
pub struct Entity<'a> {
    /// Whose it is.
    pub org: OrgId,
    /// What it is: `org`, `api_key`, `assessment`, `candidate_key`, `session`, …
    pub kind: &'a str,
    /// Which one.
    pub id: String,
    /// The key of its hash.
    pub key: String,
    /// Where it lives, with the stream that its changes are written to.
    pub partition: Partition,
}

/// Whether entities of that kind belong to a session, whose id is theirs and with which they go.
#[must_use]
pub fn belongs_to_session(kind: &str) -> bool {
    // `erase_entries.lua` and `delete_session_entities.sql` know them too.
    matches!(kind, "session" | "submission" | "uploads" | "scores")
}

/// Names an entity of a session, other than its record.
pub(crate) fn session_entity(
    session: &SessionRef,
    kind: &'static str,
    key: impl Fn(&SessionKeys) -> String,
) -> Entity<'static> {
    let keys = SessionKeys::of(session);
    Entity { org: session.org, kind, id: session.session.to_string(), key: key(&keys), partition: keys.partition() }
}

impl Entity<'_> {
    /// Names this entity to a script: KEYS `stream, entity`, ARGV `kind, org, id`. Every script that changes an entity
    /// begins with these (see `prelude.lua`).
    pub(crate) fn name_in(&self, invocation: &mut ScriptInvocation<'_>) {
        invocation.key(self.partition.stream()).key(&self.key).arg(self.kind).arg(self.org.to_string()).arg(&self.id);
    }
}

impl Redis {
    /// Sets `set` and removes `unset` of an entity that must exist (`expect` = `true`), must not exist (`false`), or
    /// may do either (`None`). Answers whether it was done.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn write_entity(
        &self,
        entity: &Entity<'_>,
        expect: Option<bool>,
        set: &[(&str, String)],
        unset: &[&str],
    ) -> Result<bool, Error> {
        let expected = match expect {
            Some(true) => "present",
            Some(false) => "absent",
            None => "any",
        };
        Ok(self.write_fields(entity, None, (expected, set, unset)).await? == 1)
    }

    /// Sets fields of an entity that belongs to a session, and makes it where it is missing; `false` when the session was
    /// erased.
    pub(crate) async fn write_unless_erased(
        &self,
        entity: &Entity<'_>,
        tombstone: &str,
        set: &[(&str, String)],
    ) -> Result<bool, Error> {
        Ok(self.write_fields(entity, Some(tombstone), ("any", set, &[])).await? == 1)
    }

    /// `write_entity.lua`: what is expected, what is set, what is removed.
    async fn write_fields(
        &self,
        entity: &Entity<'_>,
        tombstone: Option<&str>,
        (expected, set, unset): (&str, &[(&str, String)], &[&str]),
    ) -> Result<i64, Error> {
        let mut invocation = scripts::write_entity().prepare_invoke();
        entity.name_in(&mut invocation);
        if let Some(tombstone) = tombstone {
            invocation.key(tombstone);
        }
        invocation.arg(expected).arg(set.len());
        for (field, value) in set {
            invocation.arg(*field).arg(value);
        }
        for field in unset {
            invocation.arg(*field);
        }
        let mut connection = self.writer(entity.partition).await?;
        Ok(invocation.invoke_async(&mut connection).await?)
    }

    /// The fields of an entity; `None` when there is none at that key.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn read_entity(&self, entity: &Entity<'_>) -> Result<Option<Fields>, Error> {
        self.read_fields(entity.partition, &entity.key).await
    }

    pub(crate) async fn read_fields(&self, partition: Partition, key: &str) -> Result<Option<Fields>, Error> {
        let mut connection = self.reader(partition).await?;
        let fields: Fields = redis::cmd("HGETALL").arg(key).query_async(&mut connection).await?;
        Ok((!fields.is_empty()).then_some(fields))
    }

    /// The fields of many entities of one partition, in order.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn read_entities(&self, partition: Partition, keys: &[String]) -> Result<Vec<Option<Fields>>, Error> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let mut pipeline = redis::pipe();
        for key in keys {
            pipeline.cmd("HGETALL").arg(key);
        }
        let mut connection = self.connection(partition).await?;
        let answers: Vec<Fields> = pipeline.query_async(&mut connection).await?;
        Ok(answers.into_iter().map(|fields| (!fields.is_empty()).then_some(fields)).collect())
    }

    /// Loads every script into every server, so that no first caller pays for it.
    ///
    /// # Errors
    /// [`Error`] when Redis does not take them; a script that does not compile is found here.
    pub async fn load_scripts(&self) -> Result<(), Error> {
        self.ask_each_server(async |mut connection| {
            for script in scripts::all() {
                script.load_async(&mut connection).await?;
            }
            Ok(())
        })
        .await?;
        Ok(())
    }
}
