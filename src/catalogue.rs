//! The catalogue of issues that all organisations share: a file, read once at the start.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail, ensure};
use domain::{PathPart, Timestamp};
use redis_scripts::Issue;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::http::{
    fields::{Fields, FromFields},
    issues::IssueBody,
    rule::{instant, uuid},
};

/// The shared issues, in the order of their file.
#[derive(Debug, Default)]
pub struct Catalogue(Vec<Issue>);

/// One member of the file: an issue as a body of `POST /v1/issues`, with an id that stays.
struct Entry {
    id: Uuid,
    issue: IssueBody,
    created_at: Option<Timestamp>,
}

impl FromFields for Entry {
    fn from_fields(fields: &mut Fields) -> Self {
        Self {
            id: fields.required("id", uuid()),
            issue: IssueBody::from_fields(fields),
            created_at: fields.optional("createdAt", instant()).flatten(),
        }
    }
}

impl Catalogue {
    /// Reads the file; without one there is nothing.
    ///
    /// # Errors
    /// When it cannot be read, or an entry is wrong: which one, and which of its fields.
    pub fn load(file: Option<&PathBuf>) -> anyhow::Result<Self> {
        let Some(file) = file else { return Ok(Self::default()) };
        Self::read(file).with_context(|| format!("the issues in {} (--issues-file)", file.display()))
    }

    fn read(file: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(file)?;
        let entries: Vec<Value> = serde_json::from_str(&text).context("it has to be a JSON list of issues")?;
        // Entries that say nothing of their age are as old as the file.
        let modified = fs::metadata(file)?.modified()?.duration_since(std::time::UNIX_EPOCH)?;
        let age = Timestamp::from_millis(i64::try_from(modified.as_millis())?);
        let (mut issues, mut ids) = (Vec::new(), HashSet::new());
        for (place, entry) in entries.into_iter().enumerate() {
            let issue = issue_of(entry, age).with_context(|| format!("entry {}", place + 1))?;
            ensure!(ids.insert(issue.id), "entry {}: `id` is that of another entry", place + 1);
            issues.push(issue);
        }
        Ok(Self(issues))
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> &[Issue] {
        &self.0
    }

    /// The one with this id.
    #[must_use]
    pub fn get(&self, id: Uuid) -> Option<&Issue> {
        self.0.iter().find(|issue| issue.id == id)
    }
}

fn issue_of(entry: Value, age: Timestamp) -> anyhow::Result<Issue> {
    let Value::Object(fields) = entry else { bail!("it is not an object") };
    let unknown = unknown_fields(&fields);
    ensure!(unknown.is_empty(), "there is no field {}", unknown.join(", "));
    let Entry { id, issue: IssueBody(terms), created_at } = Fields::check(fields).map_err(|details| {
        let part = |part: &PathPart| match part {
            PathPart::Index(index) => index.to_string(),
            PathPart::Key(name) => name.to_string(),
        };
        let path = |path: &[PathPart]| path.iter().map(part).collect::<Vec<_>>().join(".");
        let told: Vec<_> = details.iter().map(|wrong| format!("`{}` {}", path(&wrong.path), wrong.message)).collect();
        anyhow::anyhow!(told.join("; "))
    })?;
    let created_at = created_at.unwrap_or(age);
    Ok(Issue { id, org: None, terms, created_at, updated_at: age.max(created_at), deleted_at: None })
}

/// A field that is misspelt in a file would be missed by nobody until a candidate lacks it.
fn unknown_fields(entry: &Map<String, Value>) -> Vec<String> {
    let schema = Fields::schema_of::<Entry>();
    let is_known = |name: &String| schema.pointer("/properties").is_some_and(|known| known.get(name).is_some());
    entry.keys().filter(|name| !is_known(name)).map(|name| format!("`{name}`")).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn load(text: &str) -> anyhow::Result<Catalogue> {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("issues.json");
        fs::write(&file, text).unwrap();
        Catalogue::load(Some(&file))
    }

    fn entry(change: Value) -> Value {
        let mut entry = json!({"id": "0190a0a0-0000-7000-8000-000000000001", "issueTitle": "a", "language": "Go",
            "difficulty": "easy", "taskBrief": "Do it"});
        entry.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        entry
    }

    #[test]
    fn without_a_file_there_is_nothing_and_with_one_its_entries_in_order() {
        assert!(Catalogue::load(None).unwrap().all().is_empty());
        let second = entry(json!({"id": "0190a0a0-0000-7000-8000-000000000002", "createdAt": "2026-01-02T00:00:00Z"}));
        let catalogue = load(&json!([entry(json!({})), second]).to_string()).unwrap();
        let [first, second] = catalogue.all() else { panic!("two") };
        assert_eq!((first.org, first.terms.status.as_str()), (None, "active"));
        assert_eq!(second.created_at, Timestamp::parse_rfc3339("2026-01-02T00:00:00Z").unwrap());
        assert_eq!(catalogue.get(second.id), Some(second));
    }

    #[test]
    fn what_is_wrong_is_told_by_entry_and_field() {
        let good = entry(json!({}));
        for (bad, told) in [
            (
                entry(json!({"difficulty": "trivial", "id": "x"})),
                "entry 2: `id` must be a UUID; `difficulty` must be one",
            ),
            (entry(json!({"taskBrief": null})), "entry 2: `taskBrief` is required"),
            (entry(json!({"skillTags": ["a", 7]})), "entry 2: `skillTags.1` must be a string"),
            (entry(json!({"setupInstuctions": "make"})), "entry 2: there is no field `setupInstuctions`"),
            (good.clone(), "entry 2: `id` is that of another entry"),
            (json!(7), "entry 2: it is not an object"),
        ] {
            let error = format!("{:#}", load(&json!([good, bad]).to_string()).unwrap_err());
            assert!(error.contains(told) && error.contains("issues.json"), "{error}");
        }
        let error = format!("{:#}", load("{}").unwrap_err());
        assert!(error.contains("a JSON list of issues"), "{error}");
        let missing = Catalogue::load(Some(&PathBuf::from("/nowhere/issues.json"))).unwrap_err();
        assert!(format!("{missing:#}").contains("/nowhere/issues.json"));
    }

    #[test]
    fn the_example_that_comes_with_the_server_is_good() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples/issues.json");
        let catalogue = Catalogue::load(Some(&file)).unwrap();
        assert_eq!(catalogue.all().len(), 6);
        let languages: HashSet<_> = catalogue.all().iter().map(|issue| issue.terms.language.as_str()).collect();
        assert!(languages.len() >= 4, "{languages:?}");
        for Issue { terms, .. } in catalogue.all() {
            let setup = terms.setup_instructions.as_deref().unwrap_or_default();
            let folder = setup.split('`').find(|word| word.starts_with("docs/examples/issues/")).unwrap();
            assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).is_dir(), "{folder}");
            assert!(terms.task_brief.contains("passes when"), "{}", terms.title);
        }
    }
}
