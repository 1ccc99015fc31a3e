//! Model traffic: what an answer of a provider says was used, and what that costs; where that is to be recorded, what was
//! asked and answered. Read while it streams by, in chunks
//! that end anywhere, with little memory however long the answer is; what cannot be understood counts nothing.

mod answer;
mod asked;
mod prices;
mod reader;
mod said;
mod scan;
mod texts;

#[cfg(test)]
mod tests;

pub use answer::{Answer, AnswerReader};
pub use asked::Asked;
pub use prices::{NotPrices, Price, Prices};
pub use reader::UsageReader;
pub use said::{Call, MAX_RECORDED_BYTES, Recorded};

/// Whose models are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// Messages.
    Anthropic,
    /// Chat completions and responses.
    Openai,
}

impl Provider {
    /// Its name in paths and in tables of prices.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic",
            Self::Openai => "openai",
        }
    }
}

/// Tokens, each counted in one place only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Read in, at the full price.
    pub input: u64,
    /// Written.
    pub output: u64,
    /// Read in from the provider's cache.
    pub cache_read: u64,
    /// Read in, and kept in the provider's cache.
    pub cache_write: u64,
}

/// What an answer used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    /// The model, as the answer names it; empty when it does not.
    pub model: String,
    /// What it took.
    pub tokens: Tokens,
}
