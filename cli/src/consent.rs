//! Shows what is captured and asks the candidate, as the law and good manners demand.

use crate::api::{Api, ApiError, Disclosure};
use std::fmt;
use std::io::{BufRead, IsTerminal, Write};

/// Why there is no consent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConsentError {
    /// A call failed.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// There is nobody to ask.
    #[error("the disclosure has to be accepted, and there is no terminal to ask on: read it and pass --accept-tos")]
    NobodyToAsk,
    /// The candidate said no.
    #[error("nothing was sent: the disclosure was not accepted")]
    Declined,
    /// The terminal is gone.
    #[error("the answer cannot be read: {0}")]
    Terminal(#[from] std::io::Error),
}

/// Makes sure that the candidate agreed, by asking if need be.
pub(crate) async fn obtain(api: &Api, accepted: bool) -> Result<(), ConsentError> {
    let consent = api.consent().await?;
    if consent.already_confirmed {
        return Ok(());
    }
    if !accepted {
        eprint!("{}", consent.disclosure.unwrap_or_default());
        ask()?;
    }
    Ok(api.confirm(consent.disclosure_hash.as_deref()).await?)
}

fn ask() -> Result<(), ConsentError> {
    if !std::io::stdin().is_terminal() {
        return Err(ConsentError::NobodyToAsk);
    }
    eprint!("Do you agree? (y/N) ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(ConsentError::Declined),
    }
}

impl fmt::Display for Disclosure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            ("What is captured:", &self.captures),
            ("What is not captured:", &self.does_not_capture),
            ("What is evaluated:", &self.evaluated),
            ("What the data is used for:", &self.data_use),
        ];
        for (title, points) in parts.iter().filter(|(_, points)| !points.is_empty()) {
            writeln!(out, "{title}")?;
            for point in *points {
                writeln!(out, "  - {point}")?;
            }
        }
        match &self.tos_url {
            Some(url) => writeln!(out, "Terms: {url}"),
            None => Ok(()),
        }
    }
}
