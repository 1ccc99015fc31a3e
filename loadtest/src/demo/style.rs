//! How candidates of the demonstration work, who they are, and when they worked.

use super::tasks::{FIELDS, Task, WINDOW};

/// How somebody works with a model.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    /// Says all that matters in a prompt.
    pub(crate) precise: bool,
    /// How likely the tests run after a change, of 100.
    pub(crate) verifies: u32,
    /// How likely a change is gone over by hand, of 100.
    pub(crate) by_hand: u32,
    /// How likely a decision is written down, of 100.
    pub(crate) decides: u32,
    /// How likely the model's first try has its flaw, of 100.
    pub(crate) flawed: u32,
    /// How many steps of the task are done.
    pub(crate) steps: usize,
    /// Seconds between two things that are done.
    pub(crate) pace: (u32, u32),
    /// At which step nothing works for a while.
    pub(crate) stuck_at: Option<usize>,
    /// Prompts come out of the clipboard.
    pub(crate) pastes: bool,
}

/// Checks everything, and says why.
const CAREFUL: Style = Style {
    precise: true,
    verifies: 100,
    by_hand: 30,
    decides: 90,
    flawed: 35,
    steps: 4,
    pace: (15, 70),
    stuck_at: None,
    pastes: false,
};
/// Fast, in few words, and looks at the end.
const QUICK: Style =
    Style { precise: false, verifies: 35, by_hand: 5, decides: 15, flawed: 50, steps: 3, pace: (5, 25), ..CAREFUL };
/// Lets the model write and goes over all of it.
const REVISING: Style = Style { by_hand: 85, verifies: 70, decides: 50, pace: (20, 90), ..CAREFUL };
/// Comes to a point where nothing works.
const STUCK: Style =
    Style { precise: false, verifies: 80, decides: 30, flawed: 100, steps: 2, stuck_at: Some(0), ..CAREFUL };
/// Gives the task to the model as it is.
const PASTING: Style = Style { pastes: true, verifies: 20, steps: 2, decides: 0, ..QUICK };
/// Thorough and slow.
const SLOW: Style = Style { verifies: 85, decides: 60, pace: (40, 160), ..CAREFUL };

/// Somebody who does a task.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate {
    /// As the reviewer sees it: birds, since nobody is meant.
    pub(crate) name: &'static str,
    /// What is to be done.
    pub(crate) task: &'static Task,
    /// How it is done.
    pub(crate) style: Style,
    /// How many minutes ago it began; those who work now began a few minutes ago.
    pub(crate) minutes_ago: u32,
}

const fn of(name: &'static str, task: &'static Task, style: Style, minutes_ago: u32) -> Candidate {
    Candidate { name, task, style, minutes_ago }
}

const HOUR: u32 = 60;
const DAY: u32 = 24 * HOUR;

/// Those who are done, the earliest first.
pub(crate) const DONE: &[Candidate] = &[
    of("Heron", &WINDOW, CAREFUL, 3 * DAY + 2 * HOUR),
    of("Wren", &WINDOW, QUICK, 3 * DAY),
    of("Swift", &FIELDS, PASTING, 2 * DAY + 5 * HOUR),
    of("Plover", &WINDOW, STUCK, 2 * DAY + 3 * HOUR),
    of("Dunlin", &FIELDS, CAREFUL, 2 * DAY),
    of("Avocet", &WINDOW, REVISING, DAY + 4 * HOUR),
    of("Curlew", &FIELDS, SLOW, DAY + 2 * HOUR),
    of("Linnet", &FIELDS, QUICK, 7 * HOUR),
    of("Siskin", &WINDOW, SLOW, 5 * HOUR),
];

/// Those who work now.
pub(crate) const NOW: &[Candidate] =
    &[of("Merlin", &WINDOW, CAREFUL, 9), of("Kestrel", &FIELDS, STUCK, 6), of("Osprey", &WINDOW, QUICK, 2)];

/// Who comes next, when one of those is done; from the beginning again after the last.
pub(crate) const NEXT: &[&str] = &[
    "Redwing",
    "Lapwing",
    "Bunting",
    "Whimbrel",
    "Fieldfare",
    "Sanderling",
    "Wagtail",
    "Turnstone",
    "Goshawk",
    "Nuthatch",
    "Stonechat",
    "Pipit",
];
