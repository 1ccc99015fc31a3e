//! Members of an organisation: persons whom an identity provider signs in, by the address that it vouches for. One
//! address may be a member of many organisations; which these are is looked up by its digest, in the address's own
//! partition. What an organisation says of its member is in the organisation's.

use domain::{OrgId, Timestamp};
use redis::ScriptInvocation;
use uuid::Uuid;

use crate::{
    Entity, Error, Fields, Redis, Scopes,
    indexed::org_entity,
    keys::{OrgKeys, Partition, SecretDigest},
    scripts,
    stored::{instant, millis, number, required, required_instant, words},
};

/// A person who may act for an organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Which one.
    pub id: Uuid,
    /// Of which organisation.
    pub org: OrgId,
    /// The address, as it was written when the member was made. Upper and lower case are no difference.
    pub email: String,
    /// What is allowed.
    pub scopes: Scopes,
    /// When the member was made.
    pub created_at: Timestamp,
    /// The API key, person or member who made it; `None`: the operator.
    pub created_by: Option<Uuid>,
    /// When the member signed in last, or came here from another organisation.
    pub last_sign_in_at: Option<Timestamp>,
}

impl Member {
    /// Where it is looked up what an address is a member as.
    #[must_use]
    pub fn found_in(email: &str) -> Partition {
        digest_of(email).partition()
    }
}

/// What is looked up instead of an address. It is no secret: the organisation's own record has the address itself.
fn digest_of(email: &str) -> SecretDigest {
    SecretDigest::of(&email.trim().to_lowercase())
}

/// Set: the organisations that may have a member with this address.
fn orgs_key(digest: &SecretDigest) -> String {
    digest.key("member")
}

fn entity(org: OrgId, id: Uuid) -> Entity<'static> {
    org_entity(org, "member", id)
}

impl Redis {
    /// Stores a new member; `false` when that address is one of this organisation already.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn create_member(&self, member: &Member) -> Result<bool, Error> {
        let (entity, digest) = (entity(member.org, member.id), digest_of(&member.email));
        // The look-up first: alone it opens nothing. And once more, since a removal meanwhile takes it away.
        self.note_org_of(&digest, member.org).await?;
        let mut invocation = scripts::create_member().prepare_invoke();
        name_member(&mut invocation, &entity);
        invocation.arg(member.created_at.millis()).arg(digest.as_str());
        invocation.arg("email").arg(&member.email);
        invocation.arg("scopes").arg(member.scopes.words().join(" "));
        invocation.arg("created").arg(millis(member.created_at));
        if let Some(by) = member.created_by {
            invocation.arg("created_by").arg(by.to_string());
        }
        let made: i64 = {
            let mut connection = self.writer(entity.partition).await?;
            invocation.invoke_async(&mut connection).await?
        };
        self.note_org_of(&digest, member.org).await?;
        Ok(made == 1)
    }

    /// A member who was not removed.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn member(&self, org: OrgId, id: Uuid) -> Result<Option<Member>, Error> {
        let fields = self.read_entity(&entity(org, id)).await?;
        let living = fields.filter(|fields| !fields.contains_key("deleted"));
        living.map(|fields| member_of(org, id, &fields)).transpose()
    }

    /// The members of an organisation, oldest first.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn list_members(&self, org: OrgId) -> Result<Vec<Member>, Error> {
        let found = self.read_listed(org, "member", "members").await?;
        found.iter().map(|(id, fields)| member_of(org, *id, fields)).collect()
    }

    /// What one address is a member as, in all organisations, oldest first.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn members_by_email(&self, email: &str) -> Result<Vec<Member>, Error> {
        let digest = digest_of(email);
        let orgs: Vec<String> = {
            let mut connection = self.reader(digest.partition()).await?;
            redis::cmd("SMEMBERS").arg(orgs_key(&digest)).query_async(&mut connection).await?
        };
        let mut members = Vec::new();
        for org in orgs {
            let org = org.parse().map_err(|_| Error::corrupt("the organisations of an address"))?;
            let org = OrgId::trusted(org);
            if let Some(id) = self.member_id(org, &digest).await? {
                members.extend(self.member(org, id).await?);
            }
        }
        members.sort_by_key(|member| (member.created_at, member.id));
        Ok(members)
    }

    /// Says what a member may do from now on; `false` when there is no such member.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn change_member(&self, org: OrgId, id: Uuid, scopes: Scopes) -> Result<bool, Error> {
        if self.member(org, id).await?.is_none() {
            return Ok(false);
        }
        self.write_entity(&entity(org, id), Some(true), &[("scopes", scopes.words().join(" "))], &[]).await
    }

    /// Removes a member, whose address is forgotten; `false` when there is none.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn remove_member(&self, org: OrgId, id: Uuid, now: Timestamp) -> Result<bool, Error> {
        let Some(member) = self.member(org, id).await? else { return Ok(false) };
        let (entity, digest) = (entity(org, id), digest_of(&member.email));
        let mut invocation = scripts::remove_member().prepare_invoke();
        name_member(&mut invocation, &entity);
        invocation.arg(now.millis()).arg(digest.as_str());
        let removed: i64 = {
            let mut connection = self.writer(entity.partition).await?;
            invocation.invoke_async(&mut connection).await?
        };
        {
            let mut connection = self.writer(digest.partition()).await?;
            redis::cmd("SREM").arg(orgs_key(&digest)).arg(org.to_string()).query_async::<()>(&mut connection).await?;
        }
        // Somebody may have made a member with the same address meanwhile.
        if self.member_id(org, &digest).await?.is_some() {
            self.note_org_of(&digest, org).await?;
        }
        Ok(removed == 1)
    }

    /// Notes that a member signed in.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn touch_member(&self, org: OrgId, id: Uuid, now: Timestamp) -> Result<(), Error> {
        self.write_entity(&entity(org, id), Some(true), &[("signed_in", millis(now))], &[]).await?;
        Ok(())
    }

    /// Puts back what a member is found by, from what is restored of it.
    pub(crate) async fn find_member_by(&self, org: OrgId, id: &str, fields: &Fields) -> Result<bool, Error> {
        let Some(email) = fields.get("email").filter(|_| !fields.contains_key("deleted")) else { return Ok(false) };
        let (digest, keys) = (digest_of(email), OrgKeys::of(org));
        self.note_org_of(&digest, org).await?;
        let mut connection = self.writer(keys.partition()).await?;
        redis::cmd("HSET")
            .arg(keys.members_by_email())
            .arg(digest.as_str())
            .arg(id)
            .query_async::<()>(&mut connection)
            .await?;
        Ok(true)
    }

    async fn member_id(&self, org: OrgId, digest: &SecretDigest) -> Result<Option<Uuid>, Error> {
        let keys = OrgKeys::of(org);
        let mut connection = self.reader(keys.partition()).await?;
        let id: Option<String> =
            redis::cmd("HGET").arg(keys.members_by_email()).arg(digest.as_str()).query_async(&mut connection).await?;
        id.map(|id| id.parse().map_err(|_| Error::corrupt("a member by address"))).transpose()
    }

    async fn note_org_of(&self, digest: &SecretDigest, org: OrgId) -> Result<(), Error> {
        let mut connection = self.writer(digest.partition()).await?;
        redis::cmd("SADD").arg(orgs_key(digest)).arg(org.to_string()).query_async::<()>(&mut connection).await?;
        Ok(())
    }
}

/// Names a member to a script, with where it is found.
fn name_member(invocation: &mut ScriptInvocation<'_>, entity: &Entity<'_>) {
    let keys = OrgKeys::of(entity.org);
    entity.name_in(invocation);
    invocation.key(keys.index("members")).key(keys.members_by_email());
}

fn member_of(org: OrgId, id: Uuid, fields: &Fields) -> Result<Member, Error> {
    Ok(Member {
        id,
        org,
        email: required(fields, "email")?,
        scopes: Scopes::of_words(words(fields, "scopes")),
        created_at: required_instant(fields, "created")?,
        created_by: number(fields, "created_by")?,
        last_sign_in_at: instant(fields, "signed_in")?,
    })
}
