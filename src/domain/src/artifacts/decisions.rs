//! Decisions that were made, and whether their reasons were written down.

use std::collections::VecDeque;

use serde_json::json;

use super::{
    evidence::Evidence,
    moment::{Moment, MomentKind, Weightiest, figures, shortened},
    step::{Mark, Step},
};
use crate::{Kind, json::text, verification::shell::Commands};

/// A decision event with a reason covers what happened this long before and after it: 20 minutes, as far back as the
/// candidate's `explain` looks for what it is about.
const COVERED_MS: i64 = 20 * 60 * 1000;

/// How many decisions wait for their reasons at one time; beyond it the oldest counts as not covered.
const MAX_WAITING: usize = 1_000;

/// How commands of package managers add a dependency.
#[rustfmt::skip]
const ADDS_DEPENDENCY: [(&str, &[&str]); 12] = [
    ("npm", &["install", "i", "add"]), ("pnpm", &["add", "install", "i"]), ("yarn", &["add"]),
    ("bun", &["add", "install", "i"]), ("pip", &["install"]), ("pip3", &["install"]), ("uv", &["add"]),
    ("poetry", &["add"]), ("cargo", &["add"]), ("go", &["get"]), ("composer", &["require"]), ("bundle", &["add"]),
];

/// Decisions without a reason.
#[derive(Debug, Default)]
pub(super) struct Decisions {
    waiting: VecDeque<Moment>,
    last_reason: Option<Mark>,
    pub(super) without_reason: Weightiest,
    pub(super) undocumented: Weightiest,
}

impl Decisions {
    pub(super) fn add(&mut self, step: &Step<'_>) {
        match &step.event.kind {
            Kind::DecisionEvent => self.decide(step),
            Kind::Other(word) if &**word == "plan_decision" => {
                self.wait(step, "plan_decided", "A plan was decided on.".to_owned());
            }
            Kind::Command if !step.failed() => {
                let command = step.event.facts.command.as_deref().unwrap_or_default();
                if adds_dependency(command) {
                    let title = format!("A dependency was added with `{}`.", shortened(command.trim()));
                    self.wait(step, "dependency_added", title);
                }
            }
            _ => {}
        }
    }

    /// A decision with reasons covers what waits; one without is a question itself. The context does not count: the
    /// candidate's tool fills it in by itself.
    fn decide(&mut self, step: &Step<'_>) {
        let wanted = ["rationale", "tradeoffs"];
        let is_said = step.read(&wanted, |data| {
            wanted.iter().filter_map(|name| text(data.get(name)?)).any(|words| !words.trim().is_empty())
        });
        if is_said == Some(true) {
            let reason = step.mark();
            self.last_reason = Some(reason);
            self.expire(&reason);
            self.waiting.clear();
            return;
        }
        self.without_reason.add(moment(
            "decision_without_reason",
            "A decision was recorded without a reason.".to_owned(),
            step,
        ));
    }

    fn wait(&mut self, step: &Step<'_>, rule: &'static str, title: String) {
        let mark = step.mark();
        self.expire(&mark);
        if self.last_reason.is_some_and(|reason| reason.millis_to(&mark) <= COVERED_MS) {
            return;
        }
        if self.waiting.len() == MAX_WAITING {
            self.undocumented_extend(1);
        }
        self.waiting.push_back(moment(rule, title, step));
    }

    /// What has waited too long by `now` is undocumented.
    fn expire(&mut self, now: &Mark) {
        let expired = self.waiting.iter().take_while(|waiting| waiting.to.millis_to(now) > COVERED_MS).count();
        self.undocumented_extend(expired);
    }

    /// At the end nothing comes that could cover what waits.
    pub(super) fn finish(&mut self) {
        self.undocumented_extend(self.waiting.len());
    }

    fn undocumented_extend(&mut self, count: usize) {
        self.waiting.drain(..count).for_each(|moment| self.undocumented.add(moment));
    }
}

fn moment(rule: &'static str, title: String, step: &Step<'_>) -> Moment {
    let mark = step.mark();
    Moment {
        kind: MomentKind::Pivot,
        rule,
        title,
        from: mark,
        to: mark,
        figures: figures(json!({ "coveredMs": COVERED_MS })),
        evidence: Evidence::of([mark.at]),
        weight: 0,
    }
}

/// Whether a command line adds a dependency by name: `npm install` alone, or `pip install -r`, installs what is
/// already decided.
fn adds_dependency(command: &str) -> bool {
    let adds = |words: Vec<String>| {
        let mut words = words.iter().map(String::as_str);
        let program = words.next().unwrap_or_default();
        let subcommand = words.next().unwrap_or_default();
        let (options, names): (Vec<_>, Vec<_>) = words.partition(|word| word.starts_with('-'));
        let is_listed = ADDS_DEPENDENCY.iter().any(|(tool, adding)| *tool == program && adding.contains(&subcommand));
        let is_by_name = names.iter().any(|name| !name.starts_with(['.', '/']));
        let is_from_file = options.iter().any(|option| ["-r", "--requirement", "-e", "--editable"].contains(option));
        let is_global = options.iter().any(|option| ["-g", "--global"].contains(option));
        is_listed && is_by_name && !is_from_file && !is_global
    };
    Commands::of(command).any(adds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependency_is_added_by_name() {
        for command in
            ["npm i lodash", "cd x && cargo add serde --features derive", "pip install 'requests>=2'", "go get a/b"]
        {
            assert!(adds_dependency(command), "{command}");
        }
        for command in [
            "npm install",
            "npm ci",
            "pip install -r requirements.txt",
            "pip install -e .",
            "pip install .",
            "npm install -g typescript",
            "cargo build",
            "echo npm i lodash",
            "",
        ] {
            assert!(!adds_dependency(command), "{command}");
        }
    }
}
