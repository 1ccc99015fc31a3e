use proptest::prelude::*;

use super::*;
use crate::{
    Counts, LastTest, bucket_of,
    testing::{arb_events, parse},
};

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_000_000 + millis)
}

fn span(ended_at: Option<Timestamp>) -> Span {
    Span { created_at: at(0), ended_at }
}

/// The signals of a session with these counts that began at 0 and is running.
fn signals(counts: Counts) -> Value {
    Signals::of(&Totals { counts, ..Totals::default() }, span(None)).to_json()
}

fn value_and_confidence(signals: &Value, name: &str) -> (Value, String) {
    (signals[name]["value"].clone(), signals[name]["confidence"].as_str().unwrap().to_owned())
}

#[test]
fn a_session_without_events_has_zeros_and_nulls() {
    let signals = signals(Counts::default());
    let zeros = [
        "promptCount",
        "commandCount",
        "commandFailCount",
        "verificationCount",
        "testRunCount",
        "fileChangeCount",
        "uniqueFilesTouched",
        "durationMs",
        "decisionFlagCount",
        "eventCount",
    ];
    for name in zeros {
        assert_eq!(value_and_confidence(&signals, name), (json!(0), HIGH.to_owned()), "{name}");
    }
    let nulls = [
        "commandFailRate",
        "verifyIntensity",
        "manualEditRatio",
        "firstChangeLatencyMs",
        "aiAttributionPct",
        "testsPassedAtEnd",
    ];
    for name in nulls {
        assert_eq!(value_and_confidence(&signals, name), (Value::Null, INSUFFICIENT.to_owned()), "{name}");
    }
    assert_eq!(value_and_confidence(&signals, "lastActivityAt"), (Value::Null, HIGH.to_owned()));
    assert_eq!(signals.as_object().unwrap().len(), zeros.len() + nulls.len() + 1);
}

#[test]
fn ratios_are_what_they_say() {
    let counts = Counts {
        commands: 3,
        command_failures: 1,
        verifications: 9,
        changes: 4,
        manual_changes: 1,
        attributed_changes: 2,
        attributed_weight: 3,
        ai_weight_doubled: 4,
        ..Counts::default()
    };
    let signals = signals(counts);
    let value = |name: &str| signals[name]["value"].as_f64().unwrap();
    assert_eq!(value("commandFailRate"), 0.3333);
    assert_eq!(value("verifyIntensity"), 2.25);
    assert_eq!(value("manualEditRatio"), 0.25);
    assert_eq!(value("aiAttributionPct"), 66.67);
    assert_eq!(signals["commandFailRate"]["counts"], json!({ "commandFailCount": 1, "commandCount": 3 }));
    assert_eq!(signals["aiAttributionPct"]["counts"], json!({ "attributedChangeCount": 2, "attributedWeight": 3 }));
}

#[test]
fn cohorts_get_unrounded_values() {
    let counts = Counts { commands: 3, command_failures: 1, ..Counts::default() };
    let signals = Signals::of(&Totals { counts, ..Totals::default() }, span(None));
    assert_eq!(signals.command_fail_rate, Some(1.0 / 3.0));
}

#[test]
fn confidence_follows_the_denominator() {
    for (denominator, expected) in
        [(0, "insufficient_data"), (1, "moderate"), (4, "moderate"), (5, "high"), (6, "high")]
    {
        let counts = Counts {
            commands: denominator,
            changes: denominator,
            attributed_changes: denominator,
            attributed_weight: denominator * 100,
            ..Counts::default()
        };
        let signals = signals(counts);
        for name in ["commandFailRate", "verifyIntensity", "manualEditRatio", "aiAttributionPct"] {
            assert_eq!(signals[name]["confidence"], expected, "{name} of {denominator}");
        }
    }
    let few_changes = Counts { attributed_changes: 2, attributed_weight: 900, ..Counts::default() };
    assert_eq!(signals(few_changes)["aiAttributionPct"]["confidence"], "moderate");
}

#[test]
fn the_last_test_and_the_first_change_are_certain() {
    for passed in [true, false] {
        let last_test = Some(LastTest { ts: at(1), order: 1, passed });
        let totals = Totals { last_test, first_change_ts: Some(at(250)), ..Totals::default() };
        let signals = Signals::of(&totals, span(None)).to_json();
        assert_eq!(value_and_confidence(&signals, "testsPassedAtEnd"), (json!(passed), HIGH.to_owned()));
        assert_eq!(value_and_confidence(&signals, "firstChangeLatencyMs"), (json!(250), HIGH.to_owned()));
    }
}

#[test]
fn a_session_lasts_to_its_end_or_to_its_last_event() {
    let totals = Totals { first_ts: Some(at(100)), last_ts: Some(at(900)), ..Totals::default() };
    assert_eq!(Signals::of(&totals, span(None)).duration_ms, 800);
    assert_eq!(Signals::of(&totals, span(Some(at(500)))).duration_ms, 400);
    assert_eq!(Signals::of(&totals, span(None)).to_json()["lastActivityAt"]["value"], json!(at(900)));
    let started = Totals { first_start_ts: Some(at(300)), ..totals };
    assert_eq!(Signals::of(&started, span(None)).duration_ms, 600);
    assert_eq!(Signals::of(&started, span(None)).started_at, at(300));
    assert_eq!(Signals::of(&Totals::default(), span(Some(at(70)))).duration_ms, 70);
}

#[test]
fn durations_and_latencies_are_never_below_0() {
    let totals = Totals {
        first_start_ts: Some(at(500)),
        first_change_ts: Some(at(100)),
        last_ts: Some(at(400)),
        ..Totals::default()
    };
    for ended_at in [None, Some(at(-900)), Some(at(499))] {
        let signals = Signals::of(&totals, span(ended_at));
        assert_eq!((signals.duration_ms, signals.first_change_latency_ms), (0, Some(0)));
    }
}

#[test]
fn halves_are_rounded_away_from_zero() {
    for (value, decimals, expected) in [
        (1.0 / 32.0, 4, 0.0313),
        (-1.0 / 32.0, 4, -0.0313),
        (389.0 / 20_000.0, 4, 0.0195),
        (2.0 / 3.0, 4, 0.6667),
        (0.000_049_999, 4, 0.0),
        (1.0, 4, 1.0),
        (12.345, 2, 12.35),
        (12.344_999_9, 2, 12.34),
        (100.0, 2, 100.0),
        (0.0, 2, 0.0),
    ] {
        assert_eq!(rounded(Some(value), decimals), json!(expected), "{value}");
    }
    assert_eq!(rounded(None, 4), Value::Null);
}

#[test]
fn windows_are_printed_with_their_own_rates() {
    let now = at(0);
    let ago = |minutes: i64| bucket_of(now.plus_millis(-minutes * 60_000));
    let mut windows = Windows::default();
    let counts = WindowCounts { prompts: 1, commands: 3, command_failures: 1, changes: 2, verifications: 1 };
    windows.0.insert(ago(2), counts);
    windows.0.insert(ago(10), WindowCounts { commands: 3, ..WindowCounts::default() });
    windows.0.insert(ago(16), counts);
    let expected = json!({
        "5m": { "promptCount": 1, "commandCount": 3, "commandFailRate": 0.3333, "fileChangeCount": 2, "verifyIntensity": 0.5 },
        "15m": { "promptCount": 1, "commandCount": 6, "commandFailRate": 0.1667, "fileChangeCount": 2, "verifyIntensity": 0.5 },
    });
    assert_eq!(windows_to_json(&windows, now), expected);
    let empty = json!({
        "promptCount": 0, "commandCount": 0, "commandFailRate": null, "fileChangeCount": 0, "verifyIntensity": null,
    });
    assert_eq!(windows_to_json(&Windows::default(), now), json!({ "5m": empty, "15m": empty }));
}

proptest! {
    #[test]
    fn every_ratio_is_rounded_as_whole_numbers_would_be(numerator in 0u64..40_000, denominator in 1u64..20_000) {
        // Half up of n ÷ d at four decimals, in integers.
        let expected = (numerator * 20_000 / denominator).div_ceil(2);
        let rounded = rounded(ratio(numerator, denominator), 4).as_f64().unwrap();
        prop_assert_eq!(format!("{:.0}", rounded * 10_000.0), expected.to_string());
    }

    #[test]
    fn signals_of_random_sessions_stay_within_their_bounds(events in arb_events(0..30)) {
        let events: Vec<_> = events.iter().map(parse).collect();
        let signals = Signals::of(&Totals::fold((1..).zip(&events)), span(None));
        prop_assert!(signals.duration_ms >= 0 && signals.first_change_latency_ms.unwrap_or(0) >= 0);
        for ratio in [signals.command_fail_rate, signals.manual_edit_ratio].into_iter().flatten() {
            prop_assert!((0.0..=1.0).contains(&ratio));
        }
        prop_assert!((0.0..=100.0).contains(&signals.ai_attribution_pct.unwrap_or(0.0)));
        prop_assert_eq!(signals.to_json()["eventCount"]["value"].clone(), json!(events.len()));
    }
}
