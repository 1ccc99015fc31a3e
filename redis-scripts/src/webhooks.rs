//! Webhooks of an organisation: where it is told what happened, and with which secrets that is signed.

use domain::{OrgId, Timestamp};
use uuid::Uuid;

use crate::{
    Entity, Error, Fields, Redis,
    indexed::org_entity,
    keys::OrgKeys,
    stored::{instant, millis, required, required_instant, words},
};

/// A webhook.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Which one.
    pub id: Uuid,
    /// Whose.
    pub org: OrgId,
    /// Where it is told.
    pub url: String,
    /// Of what, by name.
    pub events: Vec<String>,
    /// What the telling is signed with.
    pub secret: String,
    /// The secret before that one, and until when it is signed with as well.
    pub previous: Option<(String, Timestamp)>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhook").field("id", &self.id).field("url", &self.url).finish_non_exhaustive()
    }
}

fn entity(org: OrgId, id: Uuid) -> Entity<'static> {
    org_entity(org, "webhook", id)
}

fn index(org: OrgId) -> String {
    OrgKeys::of(org).index("webhooks")
}

impl Redis {
    /// Stores a new webhook.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn create_webhook(&self, webhook: &Webhook) -> Result<(), Error> {
        let fields = [
            ("url", webhook.url.clone()),
            ("events", webhook.events.join(" ")),
            ("secret", webhook.secret.clone()),
            ("created", millis(webhook.created_at)),
        ];
        let indexes = [index(webhook.org)];
        self.create_entity(&entity(webhook.org, webhook.id), &fields, &indexes, webhook.created_at).await?;
        Ok(())
    }

    /// A webhook that was not deleted.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn webhook(&self, org: OrgId, id: Uuid) -> Result<Option<Webhook>, Error> {
        let fields = self.read_entity(&entity(org, id)).await?;
        let living = fields.filter(|fields| !fields.contains_key("deleted"));
        living.map(|fields| webhook_of(org, id, &fields)).transpose()
    }

    /// The webhooks of an organisation that were not deleted, oldest first.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn list_webhooks(&self, org: OrgId) -> Result<Vec<Webhook>, Error> {
        let found = self.read_index(org, "webhook", &index(org)).await?;
        let living = found.iter().filter(|(_, fields)| !fields.contains_key("deleted"));
        living.map(|(id, fields)| webhook_of(org, *id, fields)).collect()
    }

    /// Deletes a webhook, secrets and all; `false` when there is none.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn delete_webhook(&self, org: OrgId, id: Uuid, now: Timestamp) -> Result<bool, Error> {
        if self.webhook(org, id).await?.is_none() {
            return Ok(false);
        }
        let set = [("deleted", millis(now))];
        self.write_entity(&entity(org, id), Some(true), &set, &["secret", "previous", "previous_until"]).await
    }

    /// Gives a webhook another secret; the one that it has counts until `until`. `false` when there is none.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn rotate_webhook(&self, webhook: &Webhook, secret: &str, until: Timestamp) -> Result<bool, Error> {
        let set =
            [("secret", secret.to_owned()), ("previous", webhook.secret.clone()), ("previous_until", millis(until))];
        self.write_entity(&entity(webhook.org, webhook.id), Some(true), &set, &[]).await
    }
}

fn webhook_of(org: OrgId, id: Uuid, fields: &Fields) -> Result<Webhook, Error> {
    let until = instant(fields, "previous_until")?;
    Ok(Webhook {
        id,
        org,
        url: required(fields, "url")?,
        events: words(fields, "events").map(str::to_owned).collect(),
        secret: required(fields, "secret")?,
        previous: fields.get("previous").cloned().zip(until),
        created_at: required_instant(fields, "created")?,
    })
}
