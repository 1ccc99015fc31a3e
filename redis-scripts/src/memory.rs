//! How full Redis is.

use crate::{Error, Redis};

/// The memory of Redis; in a cluster that of its fullest master, since what is full there cannot be written elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// Bytes that it uses.
    pub used: u64,
    /// Bytes that it may use; 0 when it may use all there are.
    pub limit: u64,
}

impl Memory {
    /// Used from here on, in per cent, it is time to make room.
    pub const FILLING: u64 = 70;

    /// How much of it is used, in per cent; 0 without a limit.
    #[must_use]
    pub fn percent(&self) -> u64 {
        self.used.saturating_mul(100).checked_div(self.limit).unwrap_or(0)
    }

    /// Whether it is time to make room.
    #[must_use]
    pub fn is_filling(&self) -> bool {
        self.percent() >= Self::FILLING
    }
}

impl Redis {
    /// How full Redis is. Masters that are away are not counted while others answer.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn memory(&self) -> Result<Memory, Error> {
        let told = self
            .ask_each_server(async |mut connection| {
                let told: String = redis::cmd("INFO").arg("memory").query_async(&mut connection).await?;
                let number = |name: &str| {
                    let line = told.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
                    let number = line.and_then(|number| number.trim().parse().ok());
                    number.ok_or_else(|| Error::corrupt(format!("no {name}")))
                };
                Ok(Memory { used: number("used_memory")?, limit: number("maxmemory")? })
            })
            .await?;
        let fullest = told.into_iter().max_by_key(|memory| (memory.percent(), memory.used));
        fullest.ok_or_else(|| Error::Unavailable("no server".into()))
    }
}
