//! Tokens and cost, where events carry them.

use std::collections::BTreeMap;

use serde_json::{Value, json, value::RawValue};

use super::{evidence::Evidence, step::Step};
use crate::{
    Kind,
    json::{Members, integer, number, text},
    signals::round,
};

/// A count of tokens above this is no count: a million times the largest context there is.
const MAX_TOKENS: i128 = 1_000_000_000_000;

/// A price above this is no price of one answer.
const MAX_COST_USD: f64 = 1_000_000.0;

/// How many integrations are told apart: real sessions have three. Later ones count together, under no name.
const MAX_INTEGRATIONS: usize = 16;
const OTHERS: &str = "";

const TOKENS: [&str; 4] = ["inputTokens", "outputTokens", "cacheReadTokens", "cacheWriteTokens"];

/// Sums of what events say of their tokens, by integration.
///
/// A tool may report the same tokens twice: per turn, by its hook, and per request, from its transcript
/// (`usageScope: "request"`). Where an integration reports requests, its turns are left out.
#[derive(Debug, Default)]
pub(super) struct Usage {
    by_integration: BTreeMap<Box<str>, Reports>,
    cost_usd: Option<f64>,
    pub(super) priced: Evidence,
}

#[derive(Debug, Default)]
struct Reports {
    turns: Reported,
    requests: Reported,
}

/// Tokens with the events that reported them.
#[derive(Debug, Default)]
struct Reported {
    sums: Sums,
    marks: Evidence,
}

/// Each sum is `None` while no event says anything of it, in the order of [`TOKENS`].
#[derive(Debug, Clone, Default)]
pub(super) struct Sums {
    pub(super) tokens: [Option<u64>; 4],
}

impl Usage {
    pub(super) fn add(&mut self, step: &Step<'_>) {
        let carries_usage = match &step.event.kind {
            Kind::AiResponse => true,
            Kind::Other(word) => &**word == "subagent_usage",
            _ => false,
        };
        if !carries_usage {
            return;
        }
        let [input, output, read, written] = TOKENS;
        let wanted = [input, output, read, written, "usage", "usageScope", "totalCost"];
        let said = step.read(&wanted, |data| {
            let is_request = data.get("usageScope").and_then(text).is_some_and(|scope| scope == "request");
            let cost = data.get("totalCost").and_then(number);
            (tokens_of(data), is_request, cost.filter(|cost| (0.0..=MAX_COST_USD).contains(cost)))
        });
        let Some((tokens, is_request, cost)) = said else { return };
        if let Some(cost) = cost {
            self.cost_usd = Some(self.cost_usd.unwrap_or(0.0) + cost);
            self.priced.add(step.at);
        }
        if tokens.iter().any(Option::is_some) {
            let reports = self.reports_of(&step.event.source.integration);
            let reported = if is_request { &mut reports.requests } else { &mut reports.turns };
            reported.sums.add(&Sums { tokens });
            reported.marks.add(step.at);
        }
    }

    fn reports_of(&mut self, integration: &str) -> &mut Reports {
        let is_full = self.by_integration.len() >= MAX_INTEGRATIONS && !self.by_integration.contains_key(integration);
        self.by_integration.entry(if is_full { OTHERS } else { integration }.into()).or_default()
    }

    /// What is counted of each integration, in the order of their names.
    fn counted(&self) -> impl Iterator<Item = &Reported> {
        self.by_integration.values().map(Reports::counted)
    }

    pub(super) fn totals(&self) -> Sums {
        let mut totals = Sums::default();
        self.counted().for_each(|reported| totals.add(&reported.sums));
        totals
    }

    /// Events of which the tokens were counted.
    pub(super) fn reporting(&self) -> Evidence {
        Evidence::joined(self.counted().map(|reported| &reported.marks))
    }

    /// What the events say the answers cost, in US dollars with six decimals.
    pub(super) fn cost_usd(&self) -> Option<f64> {
        self.cost_usd.map(|cost| round(cost, 6))
    }

    pub(super) fn to_json(&self) -> Value {
        let totals = self.totals();
        let [input, output, read, written] = totals.tokens;
        json!({
            "inputTokens": input,
            "outputTokens": output,
            "cacheReadTokens": read,
            "cacheWriteTokens": written,
            "reportedCostUsd": self.cost_usd(),
            "reportingEventCount": self.counted().map(|reported| reported.marks.count()).sum::<u64>(),
        })
    }
}

impl Reports {
    fn counted(&self) -> &Reported {
        if self.requests.marks.count() > 0 { &self.requests } else { &self.turns }
    }
}

impl Sums {
    fn add(&mut self, other: &Self) {
        for (sum, more) in self.tokens.iter_mut().zip(other.tokens) {
            *sum = more.map(|more| sum.unwrap_or(0).saturating_add(more)).or(*sum);
        }
    }
}

/// The tokens stand in `data` itself, or in `data.usage` as an import of transcripts writes them.
fn tokens_of(data: &Members<'_>) -> [Option<u64>; 4] {
    let nested = data.get("usage").and_then(|usage| Members::of(usage, &TOKENS));
    TOKENS.map(|name| {
        let value = data.get(name).or_else(|| nested.as_ref()?.get(name));
        value.and_then(count)
    })
}

fn count(value: &RawValue) -> Option<u64> {
    integer(value).filter(|count| (0..=MAX_TOKENS).contains(count)).and_then(|count| u64::try_from(count).ok())
}
