//! Rubrics: how the signals of a session become scores, and how scores become one figure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::signals::{Signals, round};

/// The signals that can be scored: all that are numbers, and whether the last test passed, which counts as 1 or 0.
pub const SCORABLE: &[&str] = &[
    "promptCount",
    "commandCount",
    "commandFailCount",
    "commandFailRate",
    "verificationCount",
    "testRunCount",
    "verifyIntensity",
    "fileChangeCount",
    "uniqueFilesTouched",
    "manualEditRatio",
    "firstChangeLatencyMs",
    "aiAttributionPct",
    "durationMs",
    "decisionFlagCount",
    "testsPassedAtEnd",
    "eventCount",
];

/// Four numbers that part the scores 1 to 5: ascending where more is better, descending where less is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "[f64; 4]", into = "[f64; 4]")]
pub struct Thresholds([f64; 4]);

impl Thresholds {
    /// The numbers, unless they neither ascend nor descend all the way.
    #[must_use]
    pub fn new(numbers: [f64; 4]) -> Option<Self> {
        let all = |in_order: fn(&f64, &f64) -> bool| numbers.is_sorted_by(in_order);
        (numbers.iter().all(|number| number.is_finite()) && (all(|a, b| a < b) || all(|a, b| a > b)))
            .then_some(Self(numbers))
    }

    /// The numbers.
    #[must_use]
    pub fn numbers(&self) -> [f64; 4] {
        self.0
    }

    /// The score of a value: 1, and 1 more for each number that it reaches. What equals a number reaches it.
    #[must_use]
    pub fn score(&self, value: f64) -> i64 {
        let [first, .., last] = self.0;
        let reaches = |number: &&f64| if first < last { value >= **number } else { value <= **number };
        self.0.iter().filter(reaches).fold(1, |score, _| score + 1)
    }
}

impl TryFrom<[f64; 4]> for Thresholds {
    type Error = &'static str;

    fn try_from(numbers: [f64; 4]) -> Result<Self, Self::Error> {
        Self::new(numbers).ok_or("must ascend, or descend")
    }
}

impl From<Thresholds> for [f64; 4] {
    fn from(thresholds: Thresholds) -> Self {
        thresholds.0
    }
}

/// What sessions are judged by. It is stored as it is serialized here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Criterion {
    /// What its scores are called.
    pub key: String,
    /// What it is about.
    pub title: String,
    /// What earns which score.
    pub description: Option<String>,
    /// How much it counts beside the others.
    pub weight: f64,
    /// The signal that speaks for it.
    pub signal: Option<String>,
    /// What parts the scores of that signal; without it a reviewer decides.
    pub thresholds: Option<Thresholds>,
}

/// A score that follows from a signal, with what it follows from.
#[derive(Debug, Clone, PartialEq)]
pub struct SignalScore<'a> {
    /// The criterion.
    pub criterion: &'a Criterion,
    /// The signal as it is printed: whoever has that can score it again.
    pub signal: Value,
    /// What parts the scores.
    pub thresholds: Thresholds,
    /// 1 to 5.
    pub score: i64,
}

/// Scores the criteria that name a signal and thresholds, as far as the session has a value.
#[must_use]
pub fn score_signals<'a>(criteria: &'a [Criterion], signals: &Signals) -> Vec<SignalScore<'a>> {
    let printed = signals.to_json();
    let scored = criteria.iter().filter_map(|criterion| {
        let (name, thresholds) = (criterion.signal.as_ref()?, criterion.thresholds?);
        let signal = printed.get(name)?.clone();
        let score = thresholds.score(number(signal.get("value")?)?);
        Some(SignalScore { criterion, signal, thresholds, score })
    });
    scored.collect()
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Bool(passed) => Some(if *passed { 1.0 } else { 0.0 }),
        value => value.as_f64(),
    }
}

/// What a session was given for a dimension: the key of a criterion, or something of the reviewer's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Given<'a> {
    /// The dimension.
    pub dimension: &'a str,
    /// 1 to 5.
    pub score: i64,
    /// Whether a person gave it.
    pub by_reviewer: bool,
}

/// The mean of the dimensions' scores, weighted as the criteria say; two decimals, `None` without any score.
///
/// The score of a dimension is the mean of its reviewers' scores, or that of its signal where no reviewer gave one. A
/// dimension that is no criterion weighs 1; a criterion without a score is left out.
#[must_use]
#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "scores are 1 to 5, and there are few of them")]
pub fn prompter_score(criteria: &[Criterion], given: &[Given<'_>]) -> Option<f64> {
    let mut dimensions: BTreeMap<&str, Vec<&Given<'_>>> = BTreeMap::new();
    for one in given {
        dimensions.entry(one.dimension).or_default().push(one);
    }
    let (mut sum, mut weights) = (0.0, 0.0);
    for (dimension, mut given) in dimensions {
        if given.iter().any(|one| one.by_reviewer) {
            given.retain(|one| one.by_reviewer);
        }
        let criterion = criteria.iter().find(|criterion| criterion.key == dimension);
        let weight = criterion.map_or(1.0, |criterion| criterion.weight);
        let score = given.iter().map(|one| one.score).sum::<i64>() as f64 / given.len() as f64;
        sum += weight * score;
        weights += weight;
    }
    (weights > 0.0).then(|| round(sum / weights, 2))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::{Counts, Timestamp, Totals, signals::Span};

    fn signals(counts: Counts) -> Signals {
        let created_at = Timestamp::from_millis(1000);
        Signals::of(&Totals { counts, ..Totals::default() }, Span { created_at, ended_at: None })
    }

    fn criterion(key: &str, weight: f64, signal: Option<(&str, [f64; 4])>) -> Criterion {
        Criterion {
            key: key.into(),
            title: key.into(),
            description: None,
            weight,
            signal: signal.map(|(name, _)| name.to_owned()),
            thresholds: signal.and_then(|(_, numbers)| Thresholds::new(numbers)),
        }
    }

    fn given(dimension: &str, score: i64, by_reviewer: bool) -> Given<'_> {
        Given { dimension, score, by_reviewer }
    }

    #[test]
    fn every_signal_but_the_one_that_is_a_time_can_be_scored() {
        let printed = signals(Counts::default()).to_json();
        let names = printed.as_object().unwrap().keys().filter(|name| *name != "lastActivityAt");
        assert_eq!(names.map(String::as_str).collect::<Vec<_>>(), SCORABLE);
    }

    #[test]
    fn thresholds_part_the_scores_in_either_direction() {
        let more = Thresholds::new([0.1, 0.2, 0.4, 0.8]).unwrap();
        assert_eq!([0.0, 0.1, 0.19, 0.2, 0.5, 0.8, 9.0].map(|value| more.score(value)), [1, 2, 2, 3, 4, 5, 5]);
        let less = Thresholds::new([40.0, 30.0, 20.0, 10.0]).unwrap();
        assert_eq!([50.0, 40.0, 39.0, 30.0, 15.0, 10.0, 0.0].map(|value| less.score(value)), [1, 2, 2, 3, 4, 5, 5]);
        for bad in [[1.0, 1.0, 2.0, 3.0], [1.0, 3.0, 2.0, 4.0], [0.0; 4], [1.0, 2.0, 3.0, f64::NAN]] {
            assert_eq!(Thresholds::new(bad), None, "{bad:?}");
        }
        assert!(serde_json::from_value::<Thresholds>(json!([1, 2, 2, 3])).is_err());
    }

    #[test]
    fn criteria_are_scored_by_what_is_printed_where_there_is_a_value() {
        let criteria = [
            criterion("verifies", 2.0, Some(("verifyIntensity", [0.1, 0.33331, 0.5, 0.9]))),
            criterion("fails", 1.0, Some(("commandFailRate", [0.5, 0.3, 0.2, 0.1]))),
            criterion("judged", 1.0, None),
        ];
        let signals = signals(Counts { changes: 3, verifications: 1, ..Counts::default() });
        let scored = score_signals(&criteria, &signals);
        // A third reaches 0.33331 but prints as 0.3333, and what is printed counts; of no command there is no rate.
        let [one] = scored.as_slice() else { panic!("one: {scored:?}") };
        assert_eq!((one.criterion.key.as_str(), one.score, &one.signal["value"]), ("verifies", 2, &json!(0.3333)));
    }

    #[test]
    fn the_figure_is_the_weighted_mean_and_reviewers_stand_before_signals() {
        let criteria = [criterion("a", 3.0, None), criterion("b", 1.0, None), criterion("unscored", 9.0, None)];
        assert_eq!(prompter_score(&criteria, &[]), None);
        assert_eq!(prompter_score(&criteria, &[given("a", 5, false), given("b", 2, true)]), Some(4.25));
        // Two reviewers of one dimension: their mean, and what the signal said is out.
        let scores = [given("a", 1, false), given("a", 4, true), given("a", 5, true), given("b", 2, true)];
        assert_eq!(prompter_score(&criteria, &scores), Some(3.88));
        // (3 · 4.5 + 1 · 2 + 1 · 5) ÷ 5
        let own = [&scores[..], &[given("own", 5, true)]].concat();
        assert_eq!(prompter_score(&criteria, &own), Some(4.1));
        assert_eq!(prompter_score(&[], &[given("x", 3, true), given("y", 4, true)]), Some(3.5));
    }

    proptest! {
        #[test]
        fn the_figure_lies_between_the_scores_and_order_is_no_matter(
            scores in prop::collection::vec((0usize..4, 1i64..=5, any::<bool>()), 1..20),
            weights in prop::array::uniform3(0.1f64..50.0),
        ) {
            let names = ["a", "b", "c", "d"];
            let criteria: Vec<_> = names.iter().zip(weights).map(|(name, weight)| criterion(name, weight, None)).collect();
            let all: Vec<_> = scores.iter().map(|(name, score, by)| given(names[*name], *score, *by)).collect();
            let figure = prompter_score(&criteria, &all).unwrap();
            let scores = all.iter().map(|one| f64::from(i32::try_from(one.score).unwrap()));
            let (least, most) = (scores.clone().fold(5.0, f64::min), scores.fold(1.0, f64::max));
            prop_assert!((least..=most).contains(&figure));
            let reversed: Vec<_> = all.into_iter().rev().collect();
            prop_assert_eq!(prompter_score(&criteria, &reversed), Some(figure));
        }

        #[test]
        fn scores_are_one_to_five_and_never_fall_where_more_is_better(value in -9.0f64..9.0, step in 0.0f64..3.0) {
            let more = Thresholds::new([-2.0, -1.0, 1.0, 2.5]).unwrap();
            prop_assert!((1..=5).contains(&more.score(value)));
            prop_assert!(more.score(value + step) >= more.score(value));
        }
    }
}
