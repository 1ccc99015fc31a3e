//! How far the invitation of a candidate key has come. Each step is made from the step before, so that of two nodes that
//! mean to make it one does.

use domain::{OrgId, Timestamp};
use uuid::Uuid;

use crate::{Error, Fields, Outgoing, Redis, candidate_keys::entity, keys::Partition, scripts, stored::number};

/// The fields of a candidate key that tell of it.
const STEP: &str = "invite";
const TRIES: &str = "invite_tries";

/// How far an invitation has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InviteStep {
    /// It waits for its turn, the first time or again.
    Queued,
    /// Its last bytes are on their way: who finds it so after a crash cannot know whether it arrived.
    Handing,
    /// The mail server took it.
    Sent,
    /// It was given up.
    Failed,
}

impl InviteStep {
    fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Handing => "handing",
            Self::Sent => "sent",
            Self::Failed => "failed",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [Self::Queued, Self::Handing, Self::Sent, Self::Failed].into_iter().find(|step| step.as_str() == word)
    }
}

/// The invitation that goes with a candidate key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invitation {
    /// How far it has come.
    pub step: InviteStep,
    /// How often it was tried in vain.
    pub tries: u32,
}

impl Invitation {
    /// The word that is shown for a key with that invitation.
    #[must_use]
    pub fn shown(invitation: Option<Self>) -> &'static str {
        match invitation.map(|invitation| invitation.step) {
            None => "none",
            Some(InviteStep::Queued | InviteStep::Handing) => "queued",
            Some(InviteStep::Sent) => "sent",
            Some(InviteStep::Failed) => "failed",
        }
    }

    /// What a key has whose invitation is to be sent.
    pub(crate) fn queued() -> (&'static str, String) {
        (STEP, InviteStep::Queued.as_str().to_owned())
    }

    pub(crate) fn of(fields: &Fields) -> Result<Option<Self>, Error> {
        let Some(word) = fields.get(STEP) else { return Ok(None) };
        let step = InviteStep::parse(word).ok_or_else(|| Error::corrupt(format!("{STEP} is {word:?}")))?;
        Ok(Some(Self { step, tries: number(fields, TRIES)?.unwrap_or_default() }))
    }

    /// Whether something is left to be done.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.step, InviteStep::Queued | InviteStep::Handing)
    }
}

impl Redis {
    /// Takes an invitation from one step to another; `false` when it is not at the first any more.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn turn_invitation(
        &self,
        org: OrgId,
        key: Uuid,
        from: InviteStep,
        to: Invitation,
    ) -> Result<bool, Error> {
        let mut invocation = scripts::turn_entity().prepare_invoke();
        entity(org, key).name_in(&mut invocation);
        invocation.arg(STEP).arg(from.as_str()).arg(STEP).arg(to.step.as_str()).arg(TRIES).arg(to.tries);
        let mut connection = self.writer(Partition::of_org(org)).await?;
        let turned: i64 = invocation.invoke_async(&mut connection).await?;
        Ok(turned == 1)
    }

    /// Posts the invitation of a key that was restored, if it is still to be sent.
    pub(crate) async fn post_again(
        &self,
        org: OrgId,
        key: Uuid,
        invitation: Option<Invitation>,
        at: Timestamp,
    ) -> Result<(), Error> {
        match invitation {
            Some(invitation) if invitation.is_open() => self.post(&Outgoing::Invitation { org, key }, at).await,
            _ => Ok(()),
        }
    }
}
