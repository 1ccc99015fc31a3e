//! The two tasks of the demonstration, and what becomes of their files: each step is one thing that a candidate asks for.

use serde_json::{Value, json};

/// A task that a company gives out.
#[derive(Debug)]
pub(crate) struct Task {
    /// Of its assessment.
    pub(crate) title: &'static str,
    /// For whom.
    pub(crate) role: &'static str,
    /// What candidates read.
    pub(crate) brief: &'static str,
    /// The files to begin with, by path.
    pub(crate) files: &'static [(&'static str, &'static str)],
    /// What is typed to see whether it is done.
    pub(crate) test: &'static str,
    /// What is typed to see whether it is tidy.
    pub(crate) lint: &'static str,
    /// From the beginning to what passes.
    pub(crate) steps: &'static [Step],
}

/// One thing that is asked for.
#[derive(Debug)]
pub(crate) struct Step {
    /// In few words.
    pub(crate) terse: &'static str,
    /// With all that matters.
    pub(crate) precise: &'static str,
    /// What the model says when it is done.
    pub(crate) reply: &'static str,
    /// The file that changes.
    pub(crate) path: &'static str,
    /// What it is like afterwards.
    pub(crate) text: &'static str,
    /// What a model may get wrong in it at first: what stands there, what it writes instead, and how many tests fail then.
    pub(crate) flaw: Option<(&'static str, &'static str, u32)>,
    /// How many tests there are afterwards; all pass.
    pub(crate) tests: u32,
    /// What there is to decide: a title, what was chosen, and why.
    pub(crate) decision: Option<(&'static str, &'static str, &'static str)>,
}

impl Task {
    /// What creates its assessment, judged by that rubric.
    pub(crate) fn assessment(&self, rubric: &str) -> Value {
        json!({
            "title": self.title, "role": self.role, "taskBrief": self.brief, "timeLimitMinutes": 120, "expiresInDays": 14,
            "rubricId": rubric,
        })
    }
}

/// What both are judged by: two criteria that the server scores by signals, two for people.
pub(crate) fn rubric() -> Value {
    json!({ "name": "Working with a model", "criteria": [
        { "key": "verifies", "title": "Checks what the model wrote", "description": "Tests, builds and lints for each change.",
          "weight": 3, "signal": "verifyIntensity", "thresholds": [0.25, 0.5, 0.75, 1.0] },
        { "key": "controls", "title": "Commands that work", "description": "Few commands fail.",
          "weight": 1, "signal": "commandFailRate", "thresholds": [0.5, 0.35, 0.2, 0.1] },
        { "key": "asks", "title": "Asks well", "description": "Prompts say what matters, and no more.", "weight": 2 },
        { "key": "decides", "title": "Decides", "description": "Says what was chosen, against what, and why.", "weight": 2 },
    ] })
}

/// A rate limit that slides.
pub(crate) const WINDOW: Task = Task {
    title: "A rate limit that slides",
    role: "Backend engineer",
    brief: "# A rate limit that slides\n\n`Window` in `window.mjs` counts in fixed spans, so that twice the limit gets through \
            around a boundary. Make it hold for any span of that length, without remembering more calls than the limit.\n\n\
            You are done when `node --test` ends with status 0. The tests may not be changed.\n",
    files: &[
        ("window.mjs", include_str!("../../../docs/examples/issues/rate-window/window.mjs")),
        ("window.test.mjs", include_str!("../../../docs/examples/issues/rate-window/window.test.mjs")),
    ],
    test: "npm test",
    lint: "npx eslint window.mjs",
    steps: &[
        Step {
            terse: "make window.mjs slide",
            precise: "window.mjs counts in fixed spans. Keep the times of the calls that were let through instead, drop those that \
                      are spanMs old or older, and let a call through while fewer than limit are left. Do not touch the tests.",
            reply: "`Window` now keeps the times of the calls it let through and forgets those that have left the span.",
            path: "window.mjs",
            text: include_str!("tasks/window-1.mjs"),
            flaw: Some(("time > nowMs - this.spanMs", "time >= nowMs - this.spanMs", 2)),
            tests: 3,
            decision: Some((
                "What is remembered",
                "The times of calls that were let through",
                "Refused calls must not count, so there is no reason to remember them; and it bounds memory by the limit.",
            )),
        },
        Step {
            terse: "filter allocates on every call, fix",
            precise: "filter() copies the array on each call. Times come in order, so a ring of `limit` slots is enough: a call goes \
                      through when the oldest slot has left the span. Constant time, constant memory, same behaviour.",
            reply: "A ring of `limit` slots holds the times; the oldest one alone decides, so a call takes constant time.",
            path: "window.mjs",
            text: include_str!("tasks/window-2.mjs"),
            flaw: Some(("(this.next + 1) % this.limit", "this.next + 1", 3)),
            tests: 3,
            decision: Some((
                "Ring or list",
                "A ring of fixed size",
                "The oldest of the last `limit` calls decides alone. A list is simpler to read but is copied at each call.",
            )),
        },
        Step {
            terse: "what about a clock that goes back",
            precise: "nowMs may go back by a few milliseconds when the clock is set. Treat such a call as if it came at the latest time \
                      seen, so that no call is let through twice. Say so in the comment of allows().",
            reply: "A time before the latest one seen now counts as the latest one.",
            path: "window.mjs",
            text: include_str!("tasks/window-3.mjs"),
            flaw: None,
            tests: 3,
            decision: Some((
                "A clock that goes back",
                "Clamp to the latest time seen",
                "To refuse would lock users out after an adjustment; to trust it would let calls through twice.",
            )),
        },
        Step {
            terse: "add more tests in another file",
            precise: "Add window.more.test.mjs: a thousand random times against a plain model that keeps every call, with the seed in \
                      the message; and one test for a clock that goes back. Leave the given tests alone.",
            reply: "The new file compares `Window` with a model that keeps every call, for a thousand random times.",
            path: "window.more.test.mjs",
            text: include_str!("tasks/window-4.test.mjs"),
            flaw: None,
            tests: 5,
            decision: None,
        },
    ],
};

/// Quotes in CSV fields.
pub(crate) const FIELDS: Task = Task {
    title: "Quotes in CSV fields",
    role: "Data engineer",
    brief: "# Quotes in CSV fields\n\n`fields` in `fields.py` splits a line at every comma, also at those within double quotes. Make \
            it read quoted fields as its documentation says, with what the standard library has or by hand.\n\n\
            You are done when `python3 -m unittest` ends with status 0. The tests may not be changed.\n",
    files: &[
        ("fields.py", include_str!("../../../docs/examples/issues/csv-quotes/fields.py")),
        ("test_fields.py", include_str!("../../../docs/examples/issues/csv-quotes/test_fields.py")),
    ],
    test: "python3 -m pytest -q",
    lint: "ruff check .",
    steps: &[
        Step {
            terse: "fix fields() so quoted commas work",
            precise: "Rewrite fields() in fields.py by hand, as one pass over the characters with a flag for being within quotes. A \
                      doubled quote within quotes is one quote. Keep the signature and the docstring.",
            reply: "`fields` now walks over the line once and keeps track of whether it is within quotes.",
            path: "fields.py",
            text: include_str!("tasks/fields-1.py"),
            flaw: Some(("line[i + 1 : i + 2] == '\"'", "line[i : i + 1] == ','", 1)),
            tests: 4,
            decision: Some((
                "By hand or with the csv module",
                "By hand at first",
                "The rules are few, and a state machine shows that I understand them; the module can replace it.",
            )),
        },
        Step {
            terse: "use the csv module instead",
            precise: "Replace the loop by csv.reader over a list of the one line; it has the same rules. Mind the empty line, for which \
                      the reader gives nothing while split gave one empty field.",
            reply: "`fields` asks `csv.reader`, and an empty line stays one empty field.",
            path: "fields.py",
            text: include_str!("tasks/fields-2.py"),
            flaw: None,
            tests: 4,
            decision: Some((
                "Own loop or standard library",
                "csv.reader",
                "Thirty lines less to maintain, and its corner cases are those that other programs expect.",
            )),
        },
        Step {
            terse: "strict errors?",
            precise: "A quote that is never closed must not be swallowed. Use strict=True and raise ValueError that names the column, \
                      chained to csv.Error. Add it to the docstring.",
            reply: "An unclosed quote is now a `ValueError` that says in which field it began.",
            path: "fields.py",
            text: include_str!("tasks/fields-3.py"),
            flaw: Some(("csv.reader([line]", "csv.reader(line", 4)),
            tests: 4,
            decision: Some((
                "A quote that is never closed",
                "An error rather than a guess",
                "Whatever would be returned is wrong for somebody; the caller can decide to skip the line.",
            )),
        },
        Step {
            terse: "more tests pls",
            precise: "Add test_more.py: the empty line, an unclosed quote, a quote in the middle of a plain field, and that reading what \
                      csv.writer wrote gives the same fields for a hundred random rows.",
            reply: "The new tests write random rows with `csv.writer` and read them back.",
            path: "test_more.py",
            text: include_str!("tasks/test_more-4.py"),
            flaw: None,
            tests: 8,
            decision: None,
        },
    ],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flaw_stands_in_its_text_once() {
        for step in WINDOW.steps.iter().chain(FIELDS.steps) {
            let Some((right, wrong, fails)) = step.flaw else { continue };
            assert_eq!(step.text.matches(right).count(), 1, "{right} in {}", step.text);
            assert!(right != wrong && (1..=step.tests).contains(&fails));
        }
    }
}
