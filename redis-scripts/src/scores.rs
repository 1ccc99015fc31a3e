//! What reviewers think of a session: one score for each dimension and reviewer, all of them one entity that goes with its
//! session.

use domain::{SessionRef, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Entity, Error, Fields, Redis, entity::session_entity, keys::SessionKeys};

/// The scores that one session may have. Every change writes all of them to the log, so there is a bound.
const MAX_SCORES: usize = 256;

/// What a reviewer thinks of one dimension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewScore {
    /// The key of a criterion, or something of the reviewer's own.
    pub dimension: String,
    /// 1 to 5.
    pub score: i64,
    /// Why.
    pub notes: Option<String>,
}

/// What a reviewer thinks of one dimension, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Score {
    /// What it says.
    pub given: NewScore,
    /// Whose it is: an API key, or a person.
    pub reviewer: Uuid,
    /// When it was first given.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Whether scores were kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScoresKept {
    /// They were; these.
    Yes(Vec<Score>),
    /// The session was erased.
    Deleted,
    /// The session has too many.
    TooMany,
}

/// The value of a field; its name is the reviewer and the dimension.
#[derive(Serialize, Deserialize)]
struct Stored {
    score: i64,
    notes: Option<String>,
    created: i64,
    updated: i64,
}

fn entity(session: &SessionRef) -> Entity<'static> {
    session_entity(session, "scores", SessionKeys::scores)
}

fn field(reviewer: Uuid, dimension: &str) -> String {
    format!("{reviewer}:{dimension}")
}

impl Redis {
    /// The scores that reviewers gave a session, by dimension, the oldest first.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn scores(&self, session: &SessionRef) -> Result<Vec<Score>, Error> {
        let fields = self.read_entity(&entity(session)).await?.unwrap_or_default();
        let mut scores = scores_of(&fields)?;
        scores.sort_by(|a, b| {
            let order = |score: &Score| (score.created_at.millis(), score.reviewer);
            a.given.dimension.cmp(&b.given.dimension).then_with(|| order(a).cmp(&order(b)))
        });
        Ok(scores)
    }

    /// Keeps what a reviewer thinks, instead of what the same one thought of the same dimensions before.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn save_scores(
        &self,
        session: &SessionRef,
        reviewer: Uuid,
        given: Vec<NewScore>,
        now: Timestamp,
    ) -> Result<ScoresKept, Error> {
        let before = self.scores(session).await?;
        let made = |new: &NewScore| {
            let own = before.iter().find(|one| one.reviewer == reviewer && one.given.dimension == new.dimension);
            own.map(|own| own.created_at)
        };
        let scores: Vec<(bool, Score)> = given
            .into_iter()
            .map(|given| {
                let made = made(&given);
                let created_at = made.unwrap_or(now);
                (made.is_none(), Score { given, reviewer, created_at, updated_at: now })
            })
            .collect();
        // Two who write at once may exceed it by the little that one request holds.
        if before.len() + scores.iter().filter(|(is_new, _)| *is_new).count() > MAX_SCORES {
            return Ok(ScoresKept::TooMany);
        }
        let scores: Vec<Score> = scores.into_iter().map(|(_, score)| score).collect();
        let fields: Vec<_> =
            scores.iter().map(|score| (field(reviewer, &score.given.dimension), text_of(score))).collect();
        let set: Vec<_> = fields.iter().map(|(field, value)| (field.as_str(), value.clone())).collect();
        let tombstone = SessionKeys::of(session).tombstone();
        match self.write_unless_erased(&entity(session), &tombstone, &set).await? {
            true => Ok(ScoresKept::Yes(scores)),
            false => Ok(ScoresKept::Deleted),
        }
    }
}

fn text_of(score: &Score) -> String {
    let Score { given: NewScore { score, notes, .. }, created_at, updated_at, .. } = score;
    serde_json::json!({
        "score": score, "notes": notes, "created": created_at.millis(), "updated": updated_at.millis(),
    })
    .to_string()
}

fn scores_of(fields: &Fields) -> Result<Vec<Score>, Error> {
    let read = |field: &str, text: &str| {
        let (reviewer, dimension) = field.split_once(':')?;
        let Stored { score, notes, created, updated } = serde_json::from_str(text).ok()?;
        Some(Score {
            given: NewScore { dimension: dimension.to_owned(), score, notes },
            reviewer: reviewer.parse().ok()?,
            created_at: Timestamp::from_millis(created),
            updated_at: Timestamp::from_millis(updated),
        })
    };
    let scores = fields.iter().filter(|(field, _)| *field != "v");
    scores.map(|(field, text)| read(field, text).ok_or_else(|| Error::corrupt("a score"))).collect()
}
