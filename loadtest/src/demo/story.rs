//! What a candidate does, from the first prompt to the end, made from a task, a style and a seed: the same story for the same
//! three. It is told in the events that the tools of candidates send (`docs/api.md`), tests as commands among them.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use similar::TextDiff;
use std::collections::BTreeMap;

use super::style::{Candidate, Style};
use super::tasks::{Step, Task};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Act {
    /// When, in milliseconds from the beginning.
    pub(crate) at_ms: i64,
    /// Its kind of event.
    pub(crate) kind: &'static str,
    /// Its payload.
    pub(crate) data: Value,
    /// Who did it.
    pub(crate) by: By,
}

/// Who did something, and through what it was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// The candidate, as the hooks of the model's tool saw it.
    Human,
    /// The model.
    Model,
    /// The candidate in the editor, as seen in the repository.
    Hand,
    /// The candidate in a terminal.
    Terminal,
    /// The tool that began and ends it all.
    Tool,
}

impl By {
    /// `actor`, `source` and `provenance` of the event.
    pub(crate) fn members(self) -> (Value, Value, Option<Value>) {
        let hook = json!({ "channel": "hook", "integration": "claude-code", "emitter": "promptster-cli" });
        let cli = json!({ "channel": "cli", "integration": "promptster-cli", "emitter": "promptster-cli" });
        let terminal = json!({ "channel": "terminal", "integration": "shell", "emitter": "promptster-cli" });
        let human = json!({ "type": "human", "role": "candidate" });
        let seen = |attribution: &str, confidence: f64, how: &str| {
            Some(json!({ "attribution": attribution, "confidence": confidence, "observability": how }))
        };
        match self {
            Self::Human => (human, hook, seen("likely_human", 0.8, "medium")),
            Self::Model => (json!({ "type": "ai", "role": "assistant" }), hook, seen("likely_ai", 0.9, "high")),
            Self::Hand => (human, cli, seen("likely_human", 0.7, "medium")),
            Self::Terminal => (human, terminal, seen("likely_human", 0.8, "medium")),
            Self::Tool => (json!({ "type": "system", "role": "session" }), cli, None),
        }
    }
}

/// Tells a story.
struct Teller {
    rng: StdRng,
    style: Style,
    task: &'static Task,
    files: BTreeMap<&'static str, String>,
    now_ms: i64,
    acts: Vec<Act>,
}

/// All that `candidate` does.
pub(crate) fn tell(candidate: &Candidate, seed: u64) -> Vec<Act> {
    let files = candidate.task.files.iter().map(|(path, text)| (*path, (*text).to_owned())).collect();
    let rng = StdRng::seed_from_u64(seed);
    let mut teller = Teller { rng, style: candidate.style, task: candidate.task, files, now_ms: 0, acts: Vec::new() };
    teller.begin();
    for (index, step) in candidate.task.steps.iter().enumerate().take(candidate.style.steps) {
        teller.step(index, step);
    }
    teller.end();
    teller.acts
}

impl Teller {
    fn act(&mut self, by: By, kind: &'static str, data: Value) {
        self.acts.push(Act { at_ms: self.now_ms, kind, data, by });
    }

    fn wait_s(&mut self, from: u32, to: u32) {
        self.now_ms += i64::from(self.rng.random_range(from * 1000..=to * 1000));
    }

    fn think(&mut self) {
        let (from, to) = self.style.pace;
        self.wait_s(from, to);
    }

    fn happens(&mut self, of_100: u32) -> bool {
        self.rng.random_range(0..100) < of_100
    }

    fn begin(&mut self) {
        self.act(
            By::Tool,
            "session_start",
            json!({ "cwd": "/home/candidate/task", "editorVersion": "promptster-cli" }),
        );
        self.wait_s(4, 20);
        for path in self.files.keys().copied().collect::<Vec<_>>() {
            self.act(
                By::Terminal,
                "command",
                json!({ "command": format!("cat {path}"), "exitCode": 0, "stdout": "",
                "stderr": "", "durationMs": 0, "human": true }),
            );
            self.wait_s(10, 40);
        }
        let (fails, of) = (1 + self.rng.random_range(0..2), u32::try_from(self.task.files.len()).unwrap_or(2) + 1);
        self.test(By::Terminal, fails, of);
        self.think();
    }

    fn prompt(&mut self, text: &str) {
        let length = text.chars().count();
        let pasted = self.style.pastes && length > 200;
        self.act(By::Human, "prompt", json!({ "text": text, "promptLengthChars": length, "likelyPaste": pasted }));
        self.wait_s(2, 6);
    }

    fn step(&mut self, index: usize, step: &'static Step) {
        let words = match (self.style.pastes && index == 0, self.style.precise) {
            (true, _) => self.task.brief,
            (false, true) => step.precise,
            (false, false) => step.terse,
        };
        self.prompt(words);
        self.look_around();
        self.act(By::Model, "planning", json!({ "todos": [step.terse, "run the tests"], "itemCount": 2 }));
        self.wait_s(3, 9);
        let flaw = step.flaw.filter(|_| self.happens(self.style.flawed));
        match flaw {
            Some((right, wrong, fails)) => {
                self.change(By::Model, step.path, &step.text.replace(right, wrong));
                self.reply(step.reply);
                self.debug(index, step, fails);
            }
            None => {
                self.change(By::Model, step.path, step.text);
                self.reply(step.reply);
            }
        }
        self.check_by_eye(step);
        self.think();
        if let Some((title, chosen, why)) = step.decision
            && self.happens(self.style.decides)
        {
            self.act(
                By::Human,
                "decision_event",
                json!({ "title": title, "chosenOption": chosen, "rationale": why,
                "context": step.path, "tradeoffs": "", "impactScore": 3, "capturedVia": "cli-explain" }),
            );
            self.wait_s(5, 20);
        }
        if self.happens(self.style.verifies) {
            self.test(By::Model, 0, step.tests);
            self.wait_s(2, 8);
        }
        if self.happens(self.style.by_hand) {
            self.revise(step.path);
        }
        if self.happens(self.style.verifies / 2) {
            self.act(
                By::Model,
                "command",
                json!({ "command": self.task.lint, "exitCode": 0, "stdout": "", "stderr": "" }),
            );
            self.wait_s(3, 8);
        }
        self.think();
    }

    /// The model searches and reads before it writes.
    fn look_around(&mut self) {
        for word in ["allows|fields", "import", "TODO|FIXME"].iter().take(self.rng.random_range(1..=3)) {
            let found = self.rng.random_range(0..9);
            self.act(By::Model, "file_search", json!({ "toolName": "Grep", "pattern": word, "resultsCount": found }));
            self.wait_s(1, 4);
        }
        for path in self.files.keys().copied().collect::<Vec<_>>() {
            let lines = self.files.get(path).map_or(0, |text| text.lines().count());
            self.act(By::Model, "file_read", json!({ "path": path, "numLines": lines }));
            self.wait_s(1, 4);
        }
    }

    /// The candidate looks at what was written, in a terminal.
    fn check_by_eye(&mut self, step: &Step) {
        let show = format!("git diff {}", step.path);
        for command in ["git status --short", &show, "git log --oneline -3"].iter().take(self.rng.random_range(0..=3)) {
            self.wait_s(4, 25);
            self.act(
                By::Terminal,
                "command",
                json!({ "command": command, "exitCode": 0, "stdout": "", "stderr": "",
                "durationMs": 0, "human": true }),
            );
        }
    }

    /// From the first failing test to what is right.
    fn debug(&mut self, index: usize, step: &'static Step, fails: u32) {
        self.wait_s(3, 8);
        self.test(By::Model, fails, step.tests);
        self.think();
        let rounds = if self.style.stuck_at == Some(index) { 6 } else { 1 };
        for round in 1..rounds {
            self.prompt(
                ["still red, try again", "no. look at the test", "same error", "revert that and think"]
                    .get(round % 4)
                    .copied()
                    .unwrap_or_default(),
            );
            let text = self.files.get(step.path).cloned().unwrap_or_default();
            let (mark, note) = if step.path.ends_with(".py") { ("#", "XXX") } else { ("//", "FIXME") };
            let tried = match text.lines().last().is_some_and(|line| line.starts_with(mark)) {
                true => text.lines().filter(|line| !line.starts_with(mark)).map(|line| format!("{line}\n")).collect(),
                false => format!("{text}{mark} {note} try {round}\n"),
            };
            self.change(By::Model, step.path, &tried);
            self.reply("I changed it once more; the tests should pass now.");
            self.wait_s(4, 12);
            self.test(By::Model, fails, step.tests);
            self.wait_s(30, 150);
        }
        let last = match self.style.precise {
            true => {
                "The test says what is wrong: compare with the comment above the function, and mend only that line."
            }
            false => "fix the failing test",
        };
        self.prompt(last);
        self.change(By::Model, step.path, step.text);
        self.reply("That line was wrong; the tests pass.");
        self.wait_s(3, 8);
        self.test(By::Model, 0, step.tests);
    }

    fn reply(&mut self, text: &str) {
        let (input, output) = (self.rng.random_range(2_000..14_000), self.rng.random_range(200..1_600));
        self.act(
            By::Model,
            "ai_response",
            json!({ "lastAssistantMessage": text, "stopHookActive": false,
            "inputTokens": input, "outputTokens": output }),
        );
        self.wait_s(2, 6);
    }

    /// A word of a comment, by hand.
    fn revise(&mut self, path: &'static str) {
        let Some(text) = self.files.get(path).cloned() else { return };
        let revised = match path.ends_with(".py") {
            true => text.replacen("A field in double quotes may hold", "Within double quotes a field may hold", 1),
            false => text.replacen("one that may not counts for nothing", "a refused one counts for nothing", 1),
        };
        if revised != text {
            self.think();
            self.change(By::Hand, path, &revised);
        }
    }

    fn change(&mut self, by: By, path: &'static str, text: &str) {
        let before = self.files.insert(path, text.to_owned()).unwrap_or_default();
        let diff = TextDiff::from_lines(before.as_str(), text);
        let (mut added, mut removed) = (0_u32, 0_u32);
        for change in diff.iter_all_changes() {
            match change.tag() {
                similar::ChangeTag::Insert => added += 1,
                similar::ChangeTag::Delete => removed += 1,
                similar::ChangeTag::Equal => {}
            }
        }
        let from = if before.is_empty() { "/dev/null".to_owned() } else { format!("a/{path}") };
        let diff = diff.unified_diff().context_radius(3).header(&from, &format!("b/{path}")).to_string();
        let attribution = if by == By::Model { "likely_ai" } else { "likely_human" };
        self.act(
            by,
            "file_diff",
            json!({ "path": path, "attribution": attribution, "diff": diff, "linesAdded": added,
            "linesRemoved": removed }),
        );
        self.wait_s(1, 4);
    }

    /// The tests run, and so many of them fail.
    fn test(&mut self, by: By, fails: u32, of: u32) {
        let (fails, seconds) = (fails.min(of), f64::from(self.rng.random_range(8..30)) / 10.0);
        let passes = of - fails;
        let out = match (self.task.test.starts_with("npm"), fails) {
            (true, _) => format!("# tests {of}\n# pass {passes}\n# fail {fails}\n# duration_ms {}\n", seconds * 100.0),
            (false, 0) => format!("{passes} passed in {seconds:.2}s\n"),
            (false, _) => format!("{fails} failed, {passes} passed in {seconds:.2}s\n"),
        };
        let code = u32::from(fails > 0);
        let mut data = json!({ "command": self.task.test, "exitCode": code, "stdout": out, "stderr": "" });
        if by == By::Terminal
            && let Some(data) = data.as_object_mut()
        {
            data.insert("human".to_owned(), json!(true));
            data.insert("durationMs".to_owned(), json!(seconds * 1000.0));
        }
        self.act(by, "command", data);
        self.wait_s(2, 5);
    }

    fn end(&mut self) {
        let of = self.task.steps.get(self.style.steps.saturating_sub(1)).map_or(1, |step| step.tests);
        self.think();
        self.test(By::Terminal, u32::from(self.style.pastes), of);
        self.act(
            By::Terminal,
            "command",
            json!({ "command": "git commit -am done", "exitCode": 0, "stdout": "",
            "stderr": "", "durationMs": 0, "human": true }),
        );
        self.wait_s(5, 30);
        self.act(By::Tool, "session_end", json!({ "reason": "submitted" }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::style::{DONE, NEXT, NOW};

    #[test]
    fn a_story_is_the_same_for_the_same_seed_and_ends_where_the_task_does() {
        for candidate in DONE.iter().chain(NOW) {
            let acts = tell(candidate, 3);
            assert_eq!(acts, tell(candidate, 3));
            assert!(acts.is_sorted_by_key(|act| act.at_ms) && acts.len() > 15, "{}", candidate.name);
            assert_eq!(acts.last().map(|act| act.kind), Some("session_end"));
            let long = acts.last().map_or(0, |act| act.at_ms);
            assert!((2..120).contains(&(long / 60_000)), "{} takes {long} ms", candidate.name);
        }
    }

    #[test]
    fn nobody_is_there_twice() {
        let names = DONE.iter().chain(NOW).map(|candidate| candidate.name).chain(NEXT.iter().copied());
        let distinct: std::collections::BTreeSet<&str> = names.clone().collect();
        assert_eq!(distinct.len(), names.count());
    }

    #[test]
    fn styles_show() {
        let count = |name: &str, is: &dyn Fn(&Act) -> bool| {
            let candidate = DONE.iter().find(|candidate| candidate.name == name).unwrap();
            (0..20).map(|seed| tell(candidate, seed).iter().filter(|act| is(act)).count()).sum::<usize>()
        };
        let decides = |act: &Act| act.kind == "decision_event";
        let (heron, swift) = (count("Heron", &decides), count("Swift", &decides));
        assert!(heron > 20 && swift == 0, "{heron} and {swift} decisions in 20 stories");
        let fails = |act: &Act| act.data.get("exitCode").and_then(Value::as_i64) == Some(1);
        let (plover, dunlin) = (count("Plover", &fails), count("Dunlin", &fails));
        assert!(plover > 2 * dunlin, "{plover} and {dunlin} commands that failed in 20 stories");
    }
}
