//! Budgets that all nodes share: `draw_budget.lua` and its only caller.

use std::{
    num::NonZeroU32,
    time::{Duration, Instant},
};

use uuid::Uuid;

use crate::{Error, Redis, keys::BudgetKey, scripts};

/// How long cells that were drawn ahead may be used.
pub const HELD_FOR: Duration = Duration::from_secs(10);

/// How a budget fills up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// How long one cell takes to flow in, in whole microseconds.
    pub each: Duration,
    /// How many cells it holds when it is full.
    pub burst: NonZeroU32,
}

/// What a node wants of a budget, and what it did with what it got before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Draw {
    /// Cells for now.
    pub asked: u32,
    /// Cells to be held for later, as far as that leaves most to the others.
    pub ahead: u32,
    /// Held cells that were used since the last call.
    pub used: u32,
    /// Held cells that are still there; what is neither used nor kept goes back.
    pub kept: u32,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drawn {
    /// Cells for now: as many as were asked for, or all there were.
    pub granted: u32,
    /// Cells that this node holds now in all; to be used before `until`.
    pub held: u32,
    /// Cells that are left to everybody.
    pub left: u32,
    /// How long until there is one more.
    pub wait: Duration,
    /// When what is held is lost.
    pub until: Instant,
}

impl Redis {
    /// Draws from a budget for `node`. All nodes together never get more than flows in.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer; what was drawn is then used up.
    pub async fn draw_budget(&self, key: &BudgetKey, node: Uuid, pace: Pace, draw: Draw) -> Result<Drawn, Error> {
        // Counted from before Redis does, so that nobody uses what Redis has given up.
        let until = Instant::now() + HELD_FOR;
        let mut invocation = scripts::draw_budget().prepare_invoke();
        invocation.key(key.as_str());
        invocation
            .arg(node.to_string())
            .arg(draw.used)
            .arg(draw.kept)
            .arg(draw.asked)
            .arg(draw.ahead)
            .arg(micros(pace.each))
            .arg(pace.burst.get())
            .arg(micros(HELD_FOR));
        let mut connection = self.connection(key.partition()).await?;
        let (granted, held, left, wait_us): (u32, u32, u32, u64) = invocation.invoke_async(&mut connection).await?;
        Ok(Drawn { granted, held, left, wait: Duration::from_micros(wait_us), until })
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
