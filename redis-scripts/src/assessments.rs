//! Assessments: what candidates are asked to do.

use domain::{OrgId, Timestamp};
use uuid::Uuid;

use crate::{
    Entity, Error, Fields, Redis,
    indexed::{Said, org_entity},
    stored::{instant, number, required, required_instant, words},
};

/// What an organisation says about an assessment.
#[derive(Debug, Clone, PartialEq)]
pub struct AssessmentTerms {
    /// Its name.
    pub title: String,
    /// The role that candidates apply for.
    pub role: String,
    /// What to do, in Markdown.
    pub task_brief: Option<String>,
    /// Where the code is.
    pub repo_url: Option<String>,
    /// The commit to start from, as its issue says.
    pub repo_commit: Option<String>,
    /// The directory within the repository, as its issue says.
    pub repo_subdir: Option<String>,
    /// What to do before, as its issue says.
    pub setup_instructions: Option<String>,
    /// How long a session may last.
    pub time_limit_minutes: Option<i64>,
    /// How long its keys count.
    pub expires_in_days: i64,
    /// The issue of the catalogue that it is about.
    pub issue: Option<Uuid>,
    /// The rubric that its sessions are scored by.
    pub rubric: Option<Uuid>,
    /// How much model traffic may cost, in US dollars.
    pub token_budget_usd: Option<f64>,
    /// The tools that candidates may use.
    pub allowed_tools: Vec<String>,
}

/// An assessment.
#[derive(Debug, Clone, PartialEq)]
pub struct Assessment {
    /// Which one.
    pub id: Uuid,
    /// Whose.
    pub org: OrgId,
    /// What it is about.
    pub terms: AssessmentTerms,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it was deleted.
    pub deleted_at: Option<Timestamp>,
}

impl AssessmentTerms {
    fn said(&self) -> Said {
        vec![
            ("title", Some(self.title.clone())),
            ("role", Some(self.role.clone())),
            ("brief", self.task_brief.clone()),
            ("repo", self.repo_url.clone()),
            ("commit", self.repo_commit.clone()),
            ("subdir", self.repo_subdir.clone()),
            ("setup", self.setup_instructions.clone()),
            ("limit_min", self.time_limit_minutes.map(|minutes| minutes.to_string())),
            ("expires_days", Some(self.expires_in_days.to_string())),
            ("issue", self.issue.map(|id| id.to_string())),
            ("rubric", self.rubric.map(|id| id.to_string())),
            ("budget_usd", self.token_budget_usd.map(|usd| usd.to_string())),
            ("tools", Some(self.allowed_tools.join(" "))),
        ]
    }
}

pub(crate) fn entity(org: OrgId, id: Uuid) -> Entity<'static> {
    org_entity(org, "assessment", id)
}

impl Redis {
    /// Makes an assessment.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn create_assessment(
        &self,
        org: OrgId,
        id: Uuid,
        terms: AssessmentTerms,
        now: Timestamp,
    ) -> Result<Assessment, Error> {
        self.create_listed(&entity(org, id), terms.said(), "assessments", now).await?;
        Ok(Assessment { id, org, terms, created_at: now, updated_at: now, deleted_at: None })
    }

    /// An assessment that is not deleted.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn assessment(&self, org: OrgId, id: Uuid) -> Result<Option<Assessment>, Error> {
        let found = self.assessment_even_deleted(org, id).await?;
        Ok(found.filter(|assessment| assessment.deleted_at.is_none()))
    }

    /// An assessment, deleted or not: for candidates whose session had begun.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn assessment_even_deleted(&self, org: OrgId, id: Uuid) -> Result<Option<Assessment>, Error> {
        let fields = self.read_entity(&entity(org, id)).await?;
        fields.map(|fields| assessment_of(org, id, &fields)).transpose()
    }

    /// The assessments that are not deleted, oldest first.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn list_assessments(&self, org: OrgId) -> Result<Vec<Assessment>, Error> {
        let found = self.read_listed(org, "assessment", "assessments").await?;
        found.iter().map(|(id, fields)| assessment_of(org, *id, fields)).collect()
    }

    /// Writes what the new terms of an assessment change, and nothing else, so that changes of other fields made
    /// meanwhile stay; `false` when there is none.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn change_assessment(
        &self,
        before: &Assessment,
        terms: &AssessmentTerms,
        now: Timestamp,
    ) -> Result<bool, Error> {
        self.change_entity(&entity(before.org, before.id), &before.terms.said(), terms.said(), now).await
    }

    /// Deletes an assessment: it disappears, its unused keys count as revoked, its running sessions go on.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn delete_assessment(&self, org: OrgId, id: Uuid, now: Timestamp) -> Result<bool, Error> {
        // Off the list first: if it ends here, asking again does the rest.
        self.unlist_candidate_keys(org, id).await?;
        self.mark_deleted(&entity(org, id), now).await
    }
}

fn assessment_of(org: OrgId, id: Uuid, fields: &Fields) -> Result<Assessment, Error> {
    let text = |field: &str| fields.get(field).cloned();
    let created_at = required_instant(fields, "created")?;
    Ok(Assessment {
        id,
        org,
        terms: AssessmentTerms {
            title: required(fields, "title")?,
            role: required(fields, "role")?,
            task_brief: text("brief"),
            repo_url: text("repo"),
            repo_commit: text("commit"),
            repo_subdir: text("subdir"),
            setup_instructions: text("setup"),
            time_limit_minutes: number(fields, "limit_min")?,
            expires_in_days: required(fields, "expires_days")?,
            issue: number(fields, "issue")?,
            rubric: number(fields, "rubric")?,
            token_budget_usd: number(fields, "budget_usd")?,
            allowed_tools: words(fields, "tools").map(str::to_owned).collect(),
        },
        created_at,
        updated_at: instant(fields, "updated")?.unwrap_or(created_at),
        deleted_at: instant(fields, "deleted")?,
    })
}
