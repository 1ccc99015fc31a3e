//! What the person said, among all that the program writes in the person's name.

use super::line::Block;
use super::shell;
use super::tools::{Seen, filled};
use crate::envelope::{Author, Data};
use serde_json::json;

/// Beginnings of texts that the program wrote, not the person.
const INJECTED: [&str; 13] = [
    "<command-message>",
    "<command-args>",
    "<command-contents>",
    "<local-command-stdout>",
    "<local-command-stderr>",
    "<local-command-caveat>",
    "<system-reminder>",
    "<task-notification>",
    "<bash-stdout>",
    "<bash-stderr>",
    "<ide_opened_file>",
    "<ide_selection>",
    "Caveat:",
];

/// What the person did by a line: a prompt, an interrupt, a slash command or a shell command of its own.
pub(super) fn said(blocks: &[Block]) -> Vec<Seen> {
    let mut seen = Vec::new();
    let mut prompt = Vec::new();
    for block in blocks {
        let Block::Text(text) = block else { continue };
        let text = text.trim();
        if let Some(rest) = text.strip_prefix("[Request interrupted by user") {
            seen.push(("interrupt", Author::Human, interrupt(rest)));
        } else if let Some(name) = tagged(text, "command-name") {
            let arguments = tagged(text, "command-args").unwrap_or_default();
            let typed = format!("{name} {arguments}");
            let data = filled(json!({ "toolName": "SlashCommand", "inputPreview": typed.trim() }));
            seen.push(("tool_intent", Author::Human, data));
        } else if let Some(command) = tagged(text, "bash-input") {
            seen.push(("command", Author::Human, shell::typed(command)));
        } else if !text.is_empty() && !INJECTED.iter().any(|beginning| text.starts_with(beginning)) {
            prompt.push(text);
        }
    }
    let images = blocks.iter().filter(|block| **block == Block::Image).count();
    if !prompt.is_empty() || (images > 0 && seen.is_empty()) {
        let text = prompt.join("\n\n");
        let tokens = text.chars().count().div_ceil(4);
        let data = filled(json!({ "text": text, "tokenCount": tokens, "images": (images > 0).then_some(images) }));
        seen.push(("prompt", Author::Human, data));
    }
    seen
}

/// An interrupt cut either the answer that was being written or the tool that was about to run.
fn interrupt(rest: &str) -> Data {
    let variant = rest.trim().trim_end_matches(']');
    let subtype = if variant.contains("tool") { "action" } else { "generation" };
    filled(json!({ "subtype": subtype, "variant": Some(variant).filter(|variant| !variant.is_empty()) }))
}

/// The content of a tag that stands in a text which begins with a tag.
fn tagged<'a>(text: &'a str, tag: &str) -> Option<&'a str> {
    let begins = ["<command-", "<bash-input>"].iter().any(|beginning| text.starts_with(beginning));
    let (_, rest) = text.split_once(&format!("<{tag}>")).filter(|_| begins)?;
    rest.split_once(&format!("</{tag}>")).map(|(content, _)| content.trim())
}

#[cfg(test)]
mod tests {
    use super::said;
    use crate::transcript::line::Block;
    use serde_json::{Value, json};

    fn kinds(texts: &[&str]) -> Vec<(&'static str, Value)> {
        let blocks: Vec<Block> = texts.iter().map(|text| Block::Text((*text).to_owned())).collect();
        said(&blocks).into_iter().map(|(kind, _, data)| (kind, Value::Object(data))).collect()
    }

    #[test]
    fn a_prompt_has_its_text_and_an_estimate_of_its_tokens() {
        assert_eq!(kinds(&["Grüße!"]), [("prompt", json!({ "text": "Grüße!", "tokenCount": 2 }))]);
        assert_eq!(kinds(&["Explain <command-name>x</command-name>"])[0].0, "prompt");
    }

    #[test]
    fn what_the_program_wrote_is_no_prompt() {
        for text in [
            "<local-command-stdout>x</local-command-stdout>",
            "<system-reminder>\nx",
            "Caveat: The messages below",
            "<task-notification>done",
            "  ",
        ] {
            assert_eq!(kinds(&[text]), [], "{text}");
        }
        let opened = "<ide_opened_file>The user opened a.rs</ide_opened_file>";
        assert_eq!(kinds(&[opened, "fix it"]), [("prompt", json!({ "text": "fix it", "tokenCount": 2 }))]);
    }

    #[test]
    fn an_interrupt_says_what_it_cut() {
        assert_eq!(kinds(&["[Request interrupted by user]"]), [("interrupt", json!({ "subtype": "generation" }))]);
        assert_eq!(
            kinds(&["[Request interrupted by user for tool use]"]),
            [("interrupt", json!({ "subtype": "action", "variant": "for tool use" }))]
        );
    }

    #[test]
    fn a_slash_command_is_an_intent_whatever_the_order_of_its_tags() {
        let text = "<command-message>review</command-message>\n<command-name>/review</command-name>\n<command-args>src</command-args>";
        let intent = json!({ "toolName": "SlashCommand", "inputPreview": "/review src" });
        assert_eq!(kinds(&[text]), [("tool_intent", intent)]);
    }

    #[test]
    fn a_command_typed_by_the_person_is_marked_as_such() {
        let typed = json!({ "command": "git diff", "human": true, "exitCode": null });
        assert_eq!(kinds(&["<bash-input>git diff</bash-input>"]), [("command", typed)]);
    }
}
