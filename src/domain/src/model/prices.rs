//! What tokens cost. Money is counted in whole billionths of a dollar; prices in trillionths, since a token of a cheap
//! model costs less than a billionth of some.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Provider, Tokens, Usage};

/// A table of prices that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NotPrices {
    /// It has another shape.
    #[error("not a table of prices: {0}")]
    Shape(#[from] serde_json::Error),
    /// A number that no price is.
    #[error("the price of {0} is no amount from 0 to 1,000,000 dollars")]
    Amount(String),
    /// A provider without models: what it does would be free.
    #[error("no prices of {0}")]
    Missing(&'static str),
}

/// The prices of a model, in picodollars a token: dollars per million tokens are a million of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Price {
    input: u64,
    output: u64,
    cache_read: u64,
    cache_write: u64,
}

/// The prices of all models, by provider and the beginning of the model's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prices {
    anthropic: BTreeMap<String, Price>,
    openai: BTreeMap<String, Price>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(default)]
    anthropic: BTreeMap<String, Row>,
    #[serde(default)]
    openai: BTreeMap<String, Row>,
}

/// Dollars per million tokens.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Row {
    input: f64,
    output: f64,
    cache_read: Option<f64>,
    cache_write: Option<f64>,
}

impl Prices {
    /// Reads a table: `{"anthropic": {"claude-sonnet": {"input": 3, "output": 15, "cacheRead": 0.3, "cacheWrite": 3.75}},
    /// "openai": …}`, in dollars per million tokens. What is not said of the cache costs what input costs.
    ///
    /// # Errors
    /// [`NotPrices`].
    pub fn parse(text: &str) -> Result<Self, NotPrices> {
        let table: Table = serde_json::from_str(text)?;
        Ok(Self { anthropic: priced(table.anthropic, "anthropic")?, openai: priced(table.openai, "openai")? })
    }

    /// The table that comes with this program.
    ///
    /// # Errors
    /// Never: a test reads it.
    pub fn built_in() -> Result<Self, NotPrices> {
        Self::parse(include_str!("prices.json"))
    }

    /// The price of a model: that of the longest beginning of its name. `None` for one that is not known.
    #[must_use]
    pub fn of(&self, provider: Provider, model: &str) -> Option<Price> {
        let rows = self.rows(provider).iter().filter(|(prefix, _)| model.starts_with(prefix.as_str()));
        rows.max_by_key(|(prefix, _)| prefix.len()).map(|(_, price)| *price)
    }

    /// What each kind of token costs at the dearest model of a provider.
    #[must_use]
    pub fn dearest(&self, provider: Provider) -> Price {
        self.rows(provider).values().fold(Price::default(), |dearest, price| Price {
            input: dearest.input.max(price.input),
            output: dearest.output.max(price.output),
            cache_read: dearest.cache_read.max(price.cache_read),
            cache_write: dearest.cache_write.max(price.cache_write),
        })
    }

    /// What an answer cost, in billionths of a dollar, and whether its model is known; one that is not costs what the
    /// dearest of its provider does.
    #[must_use]
    pub fn cost(&self, provider: Provider, usage: &Usage) -> (u64, bool) {
        let known = self.of(provider, &usage.model);
        (known.unwrap_or_else(|| self.dearest(provider)).of(&usage.tokens), known.is_some())
    }

    fn rows(&self, provider: Provider) -> &BTreeMap<String, Price> {
        match provider {
            Provider::Anthropic => &self.anthropic,
            Provider::Openai => &self.openai,
        }
    }
}

impl Price {
    /// What these tokens cost, in billionths of a dollar, rounded up.
    #[must_use]
    pub fn of(&self, tokens: &Tokens) -> u64 {
        let parts = [
            (tokens.input, self.input),
            (tokens.output, self.output),
            (tokens.cache_read, self.cache_read),
            (tokens.cache_write, self.cache_write),
        ];
        let sum = parts.iter().fold(0_u128, |sum, (count, price)| {
            sum.saturating_add(u128::from(*count).saturating_mul(u128::from(*price)))
        });
        u64::try_from(sum.div_ceil(1000)).unwrap_or(u64::MAX)
    }
}

fn priced(rows: BTreeMap<String, Row>, provider: &'static str) -> Result<BTreeMap<String, Price>, NotPrices> {
    if rows.is_empty() {
        return Err(NotPrices::Missing(provider));
    }
    rows.into_iter()
        .map(|(model, row)| {
            let amount = |usd: f64| picodollars(usd).ok_or_else(|| NotPrices::Amount(format!("{provider} {model}")));
            let price = Price {
                input: amount(row.input)?,
                output: amount(row.output)?,
                cache_read: amount(row.cache_read.unwrap_or(row.input))?,
                cache_write: amount(row.cache_write.unwrap_or(row.input))?,
            };
            Ok((model, price))
        })
        .collect()
}

/// Dollars per million tokens as picodollars a token.
fn picodollars(usd: f64) -> Option<u64> {
    let is_amount = (0.0..=1_000_000.0).contains(&usd);
    // Through its text: there is no conversion of floating numbers that cannot lose anything.
    is_amount.then(|| format!("{:.0}", usd * 1e6).parse().ok()).flatten()
}
