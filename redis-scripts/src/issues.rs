//! Issues of an organisation's own: tasks that its assessments may be about. The shared catalogue is a file and not here.

use domain::{OrgId, Timestamp};
use uuid::Uuid;

use crate::{
    Entity, Error, Fields, Redis,
    indexed::{Said, org_entity},
    stored::{instant, json_list, list_json, number, required, required_instant},
};

/// What is said about an issue.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IssueTerms {
    /// Where it comes from.
    pub source: Option<String>,
    /// Where the code is.
    pub repo_url: Option<String>,
    /// What the repository is called, e.g. `acme/parser`.
    pub repo_slug: Option<String>,
    /// The directory within the repository.
    pub repo_subdir: Option<String>,
    /// Its number there.
    pub number: Option<i64>,
    /// Its title.
    pub title: String,
    /// Where it can be read.
    pub url: Option<String>,
    /// Its text there.
    pub body: Option<String>,
    /// The programming language.
    pub language: String,
    /// `easy`, `medium` or `hard`.
    pub difficulty: String,
    /// What it asks for.
    pub skill_tags: Vec<String>,
    /// How long it takes.
    pub estimated_minutes: Option<i64>,
    /// The commit that candidates start from.
    pub broken_sha: Option<String>,
    /// The commit that solves it; not for candidates.
    pub reference_sha: Option<String>,
    /// What to do, in Markdown.
    pub task_brief: String,
    /// What to do before.
    pub setup_instructions: Option<String>,
    /// `active` or `archived`.
    pub status: String,
}

/// An issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// Which one.
    pub id: Uuid,
    /// Whose; `None`: everybody's, from the catalogue.
    pub org: Option<OrgId>,
    /// What it is about.
    pub terms: IssueTerms,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it was deleted.
    pub deleted_at: Option<Timestamp>,
}

impl IssueTerms {
    fn said(&self) -> Said {
        let text = |text: &String| Some(text.clone());
        vec![
            ("source", self.source.clone()),
            ("repo", self.repo_url.clone()),
            ("slug", self.repo_slug.clone()),
            ("subdir", self.repo_subdir.clone()),
            ("number", self.number.map(|number| number.to_string())),
            ("title", text(&self.title)),
            ("url", self.url.clone()),
            ("body", self.body.clone()),
            ("language", text(&self.language)),
            ("difficulty", text(&self.difficulty)),
            ("tags", Some(list_json(&self.skill_tags))),
            ("minutes", self.estimated_minutes.map(|minutes| minutes.to_string())),
            ("broken", self.broken_sha.clone()),
            ("reference", self.reference_sha.clone()),
            ("brief", text(&self.task_brief)),
            ("setup", self.setup_instructions.clone()),
            ("status", text(&self.status)),
        ]
    }
}

fn entity(org: OrgId, id: Uuid) -> Entity<'static> {
    org_entity(org, "issue", id)
}

impl Redis {
    /// Makes an issue of an organisation's own.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn create_issue(&self, org: OrgId, id: Uuid, terms: IssueTerms, now: Timestamp) -> Result<Issue, Error> {
        self.create_listed(&entity(org, id), terms.said(), "issues", now).await?;
        Ok(Issue { id, org: Some(org), terms, created_at: now, updated_at: now, deleted_at: None })
    }

    /// An issue of an organisation's own that is not deleted.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn issue(&self, org: OrgId, id: Uuid) -> Result<Option<Issue>, Error> {
        Ok(self.issue_even_deleted(org, id).await?.filter(|issue| issue.deleted_at.is_none()))
    }

    /// An issue of an organisation's own, deleted or not: for assessments that were about it before.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn issue_even_deleted(&self, org: OrgId, id: Uuid) -> Result<Option<Issue>, Error> {
        self.read_entity(&entity(org, id)).await?.map(|fields| issue_of(org, id, &fields)).transpose()
    }

    /// The issues of an organisation's own that are not deleted, oldest first.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn list_issues(&self, org: OrgId) -> Result<Vec<Issue>, Error> {
        let found = self.read_listed(org, "issue", "issues").await?;
        found.iter().map(|(id, fields)| issue_of(org, *id, fields)).collect()
    }

    /// Writes what the new terms of an issue change, and nothing else; `false` when there is none.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn change_issue(
        &self,
        org: OrgId,
        before: &Issue,
        terms: &IssueTerms,
        now: Timestamp,
    ) -> Result<bool, Error> {
        self.change_entity(&entity(org, before.id), &before.terms.said(), terms.said(), now).await
    }

    /// Deletes an issue: it disappears, and assessments that are about it go on.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn delete_issue(&self, org: OrgId, id: Uuid, now: Timestamp) -> Result<bool, Error> {
        self.mark_deleted(&entity(org, id), now).await
    }
}

fn issue_of(org: OrgId, id: Uuid, fields: &Fields) -> Result<Issue, Error> {
    let text = |field: &str| fields.get(field).cloned();
    let created_at = required_instant(fields, "created")?;
    Ok(Issue {
        id,
        org: Some(org),
        terms: IssueTerms {
            source: text("source"),
            repo_url: text("repo"),
            repo_slug: text("slug"),
            repo_subdir: text("subdir"),
            number: number(fields, "number")?,
            title: required(fields, "title")?,
            url: text("url"),
            body: text("body"),
            language: required(fields, "language")?,
            difficulty: required(fields, "difficulty")?,
            skill_tags: json_list(fields, "tags")?,
            estimated_minutes: number(fields, "minutes")?,
            broken_sha: text("broken"),
            reference_sha: text("reference"),
            task_brief: required(fields, "brief")?,
            setup_instructions: text("setup"),
            status: required(fields, "status")?,
        },
        created_at,
        updated_at: instant(fields, "updated")?.unwrap_or(created_at),
        deleted_at: instant(fields, "deleted")?,
    })
}
