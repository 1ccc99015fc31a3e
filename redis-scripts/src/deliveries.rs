//! What webhooks were told, and are to be told: queued once for each happening, remembered for a while.

use domain::{OrgId, Timestamp};
use uuid::Uuid;

use crate::{
    Error, Fields, Outgoing, Redis,
    keys::{OrgKeys, Partition},
    scripts,
    stored::{instant, millis, number, required, required_instant},
};

/// How many deliveries of a webhook are remembered, and for how long.
const REMEMBERED: usize = 100;
const REMEMBERED_S: i64 = 30 * 24 * 3_600;

/// The namespace of the ids of deliveries: the same happening at the same webhook has the same one.
const DELIVERIES: Uuid = Uuid::from_u128(0x8b0f_2a1e_7c55_5d3a_9e61_4f7a_22c0_91d7);

/// How far a delivery has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryStatus {
    /// It waits for its turn, the first time or again.
    Queued,
    /// The receiver took it.
    Delivered,
    /// It was given up.
    Failed,
}

impl DeliveryStatus {
    /// The word that is stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }
}

/// What one webhook is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Which one.
    pub id: Uuid,
    /// The webhook.
    pub webhook: Uuid,
    /// The name of what happened.
    pub event: String,
    /// The body, to the byte.
    pub body: String,
    /// When it was queued.
    pub created_at: Timestamp,
    /// How far it has come.
    pub status: DeliveryStatus,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was last tried.
    pub last_attempt_at: Option<Timestamp>,
    /// What the receiver answered then, if it did.
    pub last_status: Option<u16>,
    /// What went wrong then.
    pub last_error: Option<String>,
    /// When it is tried again.
    pub next_attempt_at: Option<Timestamp>,
}

impl Delivery {
    /// What a webhook is to be told of a happening, which `name` tells from all others.
    #[must_use]
    pub fn new(webhook: Uuid, event: &str, name: &str, body: String, now: Timestamp) -> Self {
        Self {
            id: Uuid::new_v5(&DELIVERIES, format!("{webhook}:{event}:{name}").as_bytes()),
            webhook,
            event: event.to_owned(),
            body,
            created_at: now,
            status: DeliveryStatus::Queued,
            attempts: 0,
            last_attempt_at: None,
            last_status: None,
            last_error: None,
            next_attempt_at: Some(now),
        }
    }

    fn fields(&self) -> Vec<(&'static str, String)> {
        let optional = [
            ("at", self.last_attempt_at.map(millis)),
            ("answer", self.last_status.map(|status| status.to_string())),
            ("error", self.last_error.clone()),
            ("next", self.next_attempt_at.map(millis)),
        ];
        let mut fields = vec![
            ("webhook", self.webhook.to_string()),
            ("event", self.event.clone()),
            ("body", self.body.clone()),
            ("created", millis(self.created_at)),
            ("status", self.status.as_str().to_owned()),
            ("attempts", self.attempts.to_string()),
        ];
        fields.extend(optional.into_iter().map(|(field, value)| (field, value.unwrap_or_default())));
        fields
    }
}

fn index(org: OrgId, webhook: Uuid) -> String {
    OrgKeys::of(org).index(format_args!("deliveries:{webhook}"))
}

impl Redis {
    /// Queues a delivery, once; `false` when it was before.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn add_delivery(&self, org: OrgId, delivery: &Delivery) -> Result<bool, Error> {
        let outgoing = Outgoing::Delivery { org, id: delivery.id };
        let keys = OrgKeys::of(org);
        let mut invocation = scripts::add_delivery().prepare_invoke();
        invocation
            .key(keys.entity("delivery", delivery.id))
            .key(index(org, delivery.webhook))
            .key(keys.partition().outbox())
            .arg(delivery.id.to_string())
            .arg(delivery.created_at.millis())
            .arg(outgoing.member())
            .arg(REMEMBERED_S)
            .arg(REMEMBERED);
        for (field, value) in delivery.fields() {
            invocation.arg(field).arg(value);
        }
        let mut connection = self.writer(keys.partition()).await?;
        let added: i64 = invocation.invoke_async(&mut connection).await?;
        Ok(added == 1)
    }

    /// A delivery.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn delivery(&self, org: OrgId, id: Uuid) -> Result<Option<Delivery>, Error> {
        let keys = OrgKeys::of(org);
        let fields = self.read_fields(keys.partition(), &keys.entity("delivery", id)).await?;
        fields.map(|fields| delivery_of(id, &fields)).transpose()
    }

    /// The newest deliveries of a webhook, newest first.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn list_deliveries(&self, org: OrgId, webhook: Uuid) -> Result<Vec<Delivery>, Error> {
        let keys = OrgKeys::of(org);
        let ids: Vec<String> = {
            let mut connection = self.connection(keys.partition()).await?;
            let mut ask = redis::cmd("ZREVRANGE");
            ask.arg(index(org, webhook)).arg(0).arg(REMEMBERED).query_async(&mut connection).await?
        };
        let ids: Vec<Uuid> = ids.iter().filter_map(|id| id.parse().ok()).collect();
        let names: Vec<String> = ids.iter().map(|id| keys.entity("delivery", id)).collect();
        let found = self.read_entities(keys.partition(), &names).await?;
        ids.iter().zip(found).filter_map(|(id, fields)| Some(delivery_of(*id, &fields?))).collect()
    }

    /// Notes what became of a try.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn note_delivery(&self, org: OrgId, delivery: &Delivery) -> Result<(), Error> {
        let mut connection = self.writer(Partition::of_org(org)).await?;
        let mut set = redis::cmd("HSET");
        set.arg(OrgKeys::of(org).entity("delivery", delivery.id));
        for (field, value) in delivery.fields() {
            set.arg(field).arg(value);
        }
        Ok(set.query_async(&mut connection).await?)
    }
}

fn delivery_of(id: Uuid, fields: &Fields) -> Result<Delivery, Error> {
    let given: Fields = fields
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(field, value)| (field.clone(), value.clone()))
        .collect();
    let word: String = required(&given, "status")?;
    let statuses = [DeliveryStatus::Queued, DeliveryStatus::Delivered, DeliveryStatus::Failed];
    Ok(Delivery {
        id,
        webhook: required(&given, "webhook")?,
        event: required(&given, "event")?,
        body: required(&given, "body")?,
        created_at: required_instant(&given, "created")?,
        status: statuses.into_iter().find(|status| status.as_str() == word).ok_or_else(|| Error::corrupt(word))?,
        attempts: required(&given, "attempts")?,
        last_attempt_at: instant(&given, "at")?,
        last_status: number(&given, "answer")?,
        last_error: given.get("error").cloned(),
        next_attempt_at: instant(&given, "next")?,
    })
}
