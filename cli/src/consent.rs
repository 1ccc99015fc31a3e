//! Shows what is captured and asks the candidate, as the law and good manners demand.

use crate::api::{Api, ApiError, Disclosure};
use ratatui::crossterm::terminal;
use std::fmt;
use std::io::{BufRead, IsTerminal, Write};

/// Longest line, in characters.
const WIDTH: usize = 100;

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
        let width = terminal::size().map_or(WIDTH, |(columns, _)| usize::from(columns)).clamp(40, WIDTH);
        let parts = [
            ("What is captured:", &self.captures),
            ("What is not captured:", &self.does_not_capture),
            ("What is evaluated:", &self.evaluated),
            ("What the data is used for:", &self.data_use),
        ];
        for (title, points) in parts.iter().filter(|(_, points)| !points.is_empty()) {
            writeln!(out, "{title}")?;
            for point in *points {
                writeln!(out, "{}", wrapped(&format!("  - {point}"), 4, width))?;
            }
        }
        match self.tos_url.as_deref().filter(|url| !url.is_empty()) {
            Some(url) => writeln!(out, "Terms: {url}"),
            None => Ok(()),
        }
    }
}

/// Breaks a text between words; lines after the first begin with `indent` blanks.
fn wrapped(text: &str, indent: usize, width: usize) -> String {
    let mut lines = vec![String::new()];
    let lead = text.chars().take_while(|c| *c == ' ').count();
    for word in text.split_whitespace() {
        let is_full = |line: &String| !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width;
        if lines.last().is_some_and(is_full) {
            lines.push(String::new());
        }
        let lead = if lines.len() == 1 { lead } else { indent };
        if let Some(line) = lines.last_mut() {
            line.push_str(&if line.is_empty() { " ".repeat(lead) } else { " ".to_owned() });
            line.push_str(word);
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::wrapped;

    #[test]
    fn a_long_point_is_broken_between_words() {
        let text = wrapped("  - one two three four", 4, 14);
        assert_eq!(text, "  - one two\n    three four");
        assert_eq!(wrapped("  - one", 4, 40), "  - one");
    }
}
