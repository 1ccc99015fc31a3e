//! Files that the assistant wrote or edited.

use super::patch::{Patch, count_lines, workspace_path};
use super::tools::{Answer, Call, Seen, filled, text};
use crate::envelope::Author;
use serde_json::{Value, json};

/// The change that an editing tool made; `None` when it failed and so changed nothing.
pub(super) fn change(call: &Call, answer: &Answer, cwd: &str) -> Option<Seen> {
    let (input, result) = (&call.input, &answer.result);
    if answer.is_error || !text(result, "error").is_empty() {
        return None;
    }
    let revised = result.get("userModified").and_then(Value::as_bool) == Some(true);
    let author = if revised { Author::Revised } else { Author::Tool };
    let notebook = call.name == "NotebookEdit";
    let path = workspace_path(text(input, if notebook { "notebook_path" } else { "file_path" }), cwd);

    if let Some(content) = created(call, result) {
        let data = filled(json!({ "path": path, "content": content, "linesAdded": count_lines(content),
                                  "sizeBytes": content.len() }));
        return Some(("file_create", author, data));
    }
    let patch = Patch::recorded(&path, result.get("structuredPatch"))
        .unwrap_or_else(|| if notebook { cell(&path, input, result) } else { compared(&path, call, result) });
    let data = filled(json!({ "path": path, "diff": patch.diff, "linesAdded": patch.lines_added,
                              "linesRemoved": patch.lines_removed, "toolName": call.name,
                              "attribution": if revised { "ai_revised_by_human" } else { "likely_ai" },
                              "cellId": input.get("cell_id"), "editMode": input.get("edit_mode") }));
    Some(("file_diff", author, data))
}

/// The content of a file that was not there before.
fn created<'a>(call: &'a Call, result: &'a Value) -> Option<&'a str> {
    let original = result.get("originalFile");
    match call.name.as_str() {
        "Write" => {
            let update = text(result, "type") == "update" || original.is_some_and(Value::is_string);
            let content = result.get("content").and_then(Value::as_str);
            (!update).then(|| content.unwrap_or_else(|| text(&call.input, "content")))
        }
        "Edit" => {
            let from_nothing = original.is_some_and(Value::is_null) && text(&call.input, "old_string").is_empty();
            from_nothing.then(|| after(result, &call.input))
        }
        _ => None,
    }
}

/// What an edit put in: the person may have changed the proposal, so the result's word counts before the input's.
fn after<'a>(result: &'a Value, input: &'a Value) -> &'a str {
    result.get("newString").and_then(Value::as_str).unwrap_or_else(|| text(input, "new_string"))
}

/// The change of a file without a recorded patch, from the texts that the call and its result hold.
fn compared(path: &str, call: &Call, result: &Value) -> Patch {
    let input = &call.input;
    let original = result.get("originalFile").and_then(Value::as_str);
    match (call.name.as_str(), original) {
        ("Write", Some(original)) => {
            let content = result.get("content").and_then(Value::as_str);
            Patch::computed(path, original, content.unwrap_or_else(|| text(input, "content")))
        }
        // The text before is unknown: the new text is all that can be said.
        ("Write", None) => Patch::computed(path, "", text(input, "content")),
        ("MultiEdit", original) => {
            let edits = input.get("edits").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            edited(path, original, edits.iter().map(|edit| (edit, text(edit, "new_string"))))
        }
        (_, original) => edited(path, original, std::iter::once((input, after(result, input)))),
    }
}

/// Applies edits to the original where it is known, else compares each edit's own texts.
fn edited<'a>(path: &str, original: Option<&str>, edits: impl Iterator<Item = (&'a Value, &'a str)>) -> Patch {
    let Some(original) = original else {
        return edits
            .map(|(edit, new)| Patch::computed(path, &ended(text(edit, "old_string")), &ended(new)))
            .fold(Patch::default(), |all, next| all.followed_by(&next));
    };
    let after = edits.fold(original.to_owned(), |file, (edit, new)| {
        let old = text(edit, "old_string");
        match edit.get("replace_all").and_then(Value::as_bool) {
            _ if old.is_empty() => format!("{new}{file}"),
            Some(true) => file.replace(old, new),
            _ => file.replacen(old, new, 1),
        }
    });
    Patch::computed(path, original, &after)
}

/// The change of a notebook's cell.
fn cell(path: &str, input: &Value, result: &Value) -> Patch {
    let old = ["old_source", "oldSource"].iter().find_map(|name| result.get(name)?.as_str()).unwrap_or_default();
    let new = if text(input, "edit_mode") == "delete" { "" } else { text(input, "new_source") };
    Patch::computed(path, &ended(old), &ended(new))
}

/// A snippet as whole lines: without this its last line would count as changed whenever lines follow it.
fn ended(snippet: &str) -> String {
    let end = if snippet.is_empty() || snippet.ends_with('\n') { "" } else { "\n" };
    format!("{snippet}{end}")
}

#[cfg(test)]
mod tests {
    use super::change;
    use crate::envelope::Author;
    use crate::transcript::tools::{Answer, Call};
    use serde_json::{Value, json};

    fn changed(name: &str, input: Value, result: Value) -> (&'static str, Author, Value) {
        let ts = "2026-01-01T00:00:00Z".parse().unwrap();
        let answer = Answer { ts, text: String::new(), is_error: false, result };
        let (kind, author, data) = change(&Call { name: name.into(), input, ts }, &answer, "/w").unwrap();
        (kind, author, Value::Object(data))
    }

    #[test]
    fn a_written_file_is_created_or_changed() {
        let input = json!({ "file_path": "/w/a.txt", "content": "one\ntwo" });
        let result = json!({ "type": "create", "originalFile": null, "structuredPatch": [] });
        assert_eq!(
            changed("Write", input.clone(), result),
            (
                "file_create",
                Author::Tool,
                json!({ "path": "a.txt", "content": "one\ntwo", "linesAdded": 2, "sizeBytes": 7 })
            )
        );
        let result = json!({ "type": "update", "originalFile": "one\n", "structuredPatch": [] });
        let (kind, _, data) = changed("Write", input, result);
        assert_eq!((kind, &data["linesAdded"], &data["linesRemoved"]), ("file_diff", &json!(1), &json!(0)));
    }

    #[test]
    fn an_edit_counts_every_place_that_it_replaced() {
        let input = json!({ "file_path": "/w/a", "old_string": "x", "new_string": "y", "replace_all": true });
        let (_, _, data) = changed("Edit", input.clone(), json!({ "originalFile": "x\nkeep\nx\n" }));
        assert_eq!((&data["linesAdded"], &data["linesRemoved"]), (&json!(2), &json!(2)));
        let (_, _, data) = changed("Edit", input, Value::Null);
        assert_eq!((&data["linesAdded"], &data["linesRemoved"]), (&json!(1), &json!(1)));
    }

    #[test]
    fn an_edit_that_starts_a_file_creates_it() {
        let input = json!({ "file_path": "/w/a", "old_string": "", "new_string": "hi\n" });
        assert_eq!(changed("Edit", input, json!({ "originalFile": null })).0, "file_create");
    }

    #[test]
    fn several_edits_are_one_change() {
        let edits = json!([{ "old_string": "a", "new_string": "A" }, { "old_string": "c", "new_string": "C\nD" }]);
        let input = json!({ "file_path": "/w/f", "edits": edits });
        for result in [json!({ "originalFile": "a\nb\nc\n" }), Value::Null] {
            let (kind, _, data) = changed("MultiEdit", input.clone(), result);
            assert_eq!((kind, &data["linesAdded"], &data["linesRemoved"]), ("file_diff", &json!(3), &json!(2)));
        }
    }

    #[test]
    fn a_proposal_changed_by_the_person_is_revised() {
        let input = json!({ "file_path": "/w/a", "old_string": "x", "new_string": "y" });
        let (_, author, data) = changed("Edit", input, json!({ "userModified": true, "newString": "z" }));
        assert_eq!((author, &data["attribution"]), (Author::Revised, &json!("ai_revised_by_human")));
        assert!(data["diff"].as_str().unwrap().contains("+z"));
    }

    #[test]
    fn a_notebook_cell_is_a_change_of_the_notebook() {
        let input = json!({ "notebook_path": "/w/n.ipynb", "new_source": "a\nb", "cell_id": "c1" });
        let (kind, _, data) = changed("NotebookEdit", input, json!({}));
        assert_eq!((kind, &data["path"], &data["linesAdded"]), ("file_diff", &json!("n.ipynb"), &json!(2)));
    }
}
