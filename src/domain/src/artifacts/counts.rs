//! Prompts, commands, verifications, changes and decisions: how many, by whom, and on which events that rests.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{evidence::Evidence, hand::Hand, step::Step};
use crate::{CommandClass, Kind, json::text};

const CLASSES: [CommandClass; 3] = [CommandClass::Test, CommandClass::Build, CommandClass::Lint];

/// Everything that is counted.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) all: Evidence,
    pub(super) prompts: Evidence,
    prompts_with_text: u64,
    prompt_characters: u64,
    pub(super) interrupts: Evidence,
    pub(super) commands: Evidence,
    pub(super) failed_commands: Evidence,
    commands_of_unknown_end: u64,
    pub(super) checks: Evidence,
    by_class: BTreeMap<CommandClass, Verdicts>,
    pub(super) changes: Evidence,
    edits: BTreeMap<Hand, Edits>,
    pub(super) decisions: Evidence,
}

#[derive(Debug, Clone, Copy, Default)]
struct Verdicts {
    passed: u64,
    failed: u64,
    unknown: u64,
}

/// The changes of one hand.
#[derive(Debug, Clone, Default)]
pub(super) struct Edits {
    pub(super) changes: Evidence,
    pub(super) lines_added: u64,
    pub(super) lines_removed: u64,
}

impl Tally {
    pub(super) fn add(&mut self, step: &Step<'_>) {
        self.all.add(step.at);
        match &step.event.kind {
            Kind::Prompt => self.add_prompt(step),
            Kind::Command => {
                self.commands.add(step.at);
                match step.event.facts.exit_code {
                    Some(0) => {}
                    Some(_) => self.failed_commands.add(step.at),
                    None => self.commands_of_unknown_end += 1,
                }
            }
            Kind::DecisionEvent => self.decisions.add(step.at),
            Kind::Other(word) if &**word == "interrupt" => self.interrupts.add(step.at),
            kind if kind.is_file_change() => {
                self.changes.add(step.at);
                let edits = self.edits.entry(Hand::of(step.event)).or_default();
                edits.changes.add(step.at);
                edits.lines_added += u64::from(step.event.facts.lines_added);
                edits.lines_removed += u64::from(step.event.facts.lines_removed);
            }
            _ => {}
        }
        if let Some(check) = step.check {
            self.checks.add(step.at);
            let verdicts = self.by_class.entry(check.class).or_default();
            match check.passed {
                Some(true) => verdicts.passed += 1,
                Some(false) => verdicts.failed += 1,
                None => verdicts.unknown += 1,
            }
        }
    }

    fn add_prompt(&mut self, step: &Step<'_>) {
        self.prompts.add(step.at);
        let characters = step.read(&["text", "prompt"], |data| {
            let words = data.get("text").or_else(|| data.get("prompt")).and_then(text)?;
            u64::try_from(words.chars().count()).ok()
        });
        if let Some(characters) = characters.flatten() {
            self.prompts_with_text += 1;
            self.prompt_characters += characters;
        }
    }

    /// The changes of one hand, where it made any.
    pub(super) fn edits_of(&self, hand: Hand) -> Option<&Edits> {
        self.edits.get(&hand)
    }

    /// The mean length of the prompts that have a text, rounded down.
    pub(super) fn mean_prompt_characters(&self) -> Option<u64> {
        self.prompt_characters.checked_div(self.prompts_with_text)
    }

    /// Members of the analytics: `prompts`, `commands`, `verifications`, `edits`, `decisions`.
    pub(super) fn put_into(&self, analytics: &mut Map<String, Value>) {
        let prompts = json!({
            "count": self.prompts.count(),
            "characters": (self.prompts_with_text > 0).then_some(self.prompt_characters),
            "meanCharacters": self.mean_prompt_characters(),
            "interruptCount": self.interrupts.count(),
        });
        let known = self.commands.count() - self.commands_of_unknown_end;
        let commands = json!({
            "count": self.commands.count(),
            "succeeded": known - self.failed_commands.count(),
            "failed": self.failed_commands.count(),
            "unknown": self.commands_of_unknown_end,
        });
        let by_class = CLASSES.map(|class| {
            let verdicts = self.by_class.get(&class).copied().unwrap_or_default();
            let Verdicts { passed, failed, unknown } = verdicts;
            json!({ "class": class.as_str(), "passed": passed, "failed": failed, "unknown": unknown })
        });
        let by_hand = Hand::ALL.map(|hand| {
            let edits = self.edits_of(hand).cloned().unwrap_or_default();
            json!({ "author": hand.as_str(), "changes": edits.changes.count(),
                    "linesAdded": edits.lines_added, "linesRemoved": edits.lines_removed })
        });
        let members = [
            ("prompts", prompts),
            ("commands", commands),
            ("verifications", json!({ "count": self.checks.count(), "byClass": by_class })),
            ("edits", json!({ "count": self.changes.count(), "byAuthor": by_hand })),
            ("decisions", json!({ "count": self.decisions.count() })),
        ];
        analytics.extend(members.map(|(name, value)| (name.to_owned(), value)));
    }
}
