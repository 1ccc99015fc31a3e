//! Rubrics: what the sessions of an assessment are judged by.

use domain::{OrgId, Timestamp, rubric::Criterion};
use uuid::Uuid;

use crate::{
    Entity, Error, Fields, Redis,
    indexed::{Said, org_entity},
    stored::{instant, required, required_instant},
};

/// A rubric.
#[derive(Debug, Clone, PartialEq)]
pub struct Rubric {
    /// Which one.
    pub id: Uuid,
    /// Whose.
    pub org: OrgId,
    /// What it says.
    pub terms: RubricTerms,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it was deleted.
    pub deleted_at: Option<Timestamp>,
}

/// What a rubric says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RubricTerms {
    /// What it is called.
    pub name: String,
    /// By what is judged, in order.
    pub criteria: Vec<Criterion>,
}

impl RubricTerms {
    fn said(&self) -> Said {
        vec![("name", Some(self.name.clone())), ("criteria", Some(serde_json::json!(self.criteria).to_string()))]
    }
}

fn entity(org: OrgId, id: Uuid) -> Entity<'static> {
    org_entity(org, "rubric", id)
}

impl Redis {
    /// Makes a rubric.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn create_rubric(
        &self,
        org: OrgId,
        id: Uuid,
        terms: RubricTerms,
        now: Timestamp,
    ) -> Result<Rubric, Error> {
        self.create_listed(&entity(org, id), terms.said(), "rubrics", now).await?;
        Ok(Rubric { id, org, terms, created_at: now, updated_at: now, deleted_at: None })
    }

    /// A rubric that is not deleted.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn rubric(&self, org: OrgId, id: Uuid) -> Result<Option<Rubric>, Error> {
        Ok(self.rubric_even_deleted(org, id).await?.filter(|rubric| rubric.deleted_at.is_none()))
    }

    /// A rubric, deleted or not: for assessments that name it.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn rubric_even_deleted(&self, org: OrgId, id: Uuid) -> Result<Option<Rubric>, Error> {
        self.read_entity(&entity(org, id)).await?.map(|fields| rubric_of(org, id, &fields)).transpose()
    }

    /// The rubrics that are not deleted, oldest first.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn list_rubrics(&self, org: OrgId) -> Result<Vec<Rubric>, Error> {
        let found = self.read_listed(org, "rubric", "rubrics").await?;
        found.iter().map(|(id, fields)| rubric_of(org, *id, fields)).collect()
    }

    /// Writes what the new terms of a rubric change, and nothing else; `false` when there is none.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn change_rubric(&self, before: &Rubric, terms: &RubricTerms, now: Timestamp) -> Result<bool, Error> {
        self.change_entity(&entity(before.org, before.id), &before.terms.said(), terms.said(), now).await
    }

    /// Deletes a rubric: it disappears, and assessments that name it are judged by it as before.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn delete_rubric(&self, org: OrgId, id: Uuid, now: Timestamp) -> Result<bool, Error> {
        self.mark_deleted(&entity(org, id), now).await
    }
}

fn rubric_of(org: OrgId, id: Uuid, fields: &Fields) -> Result<Rubric, Error> {
    let created_at = required_instant(fields, "created")?;
    let criteria: String = required(fields, "criteria")?;
    Ok(Rubric {
        id,
        org,
        terms: RubricTerms {
            name: required(fields, "name")?,
            criteria: serde_json::from_str(&criteria).map_err(|_| Error::corrupt("the criteria of a rubric"))?,
        },
        created_at,
        updated_at: instant(fields, "updated")?.unwrap_or(created_at),
        deleted_at: instant(fields, "deleted")?,
    })
}
