//! The test of the checker itself.

use super::{Chaos, run};

/// Placeholder until the checker is wired.
pub(crate) async fn self_test(options: &Chaos) -> Result<bool, String> {
    let outcome = run::run(options, true).await?;
    println!("{}", outcome.report);
    Ok(outcome.report.holds())
}
