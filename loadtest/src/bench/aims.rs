//! What was to be reached, and what was.

use std::fmt;

/// Figures and their aims.
#[derive(Debug, Default)]
pub(crate) struct Aims(Vec<Aim>);

#[derive(Debug)]
struct Aim {
    what: String,
    reached: f64,
    wanted: f64,
    is_least: bool,
}

impl Aims {
    /// A figure that is to be so much at least.
    pub(crate) fn at_least(&mut self, what: String, reached: f64, wanted: f64) {
        self.0.push(Aim { what, reached, wanted, is_least: true });
    }

    /// A figure that is to be so much at most.
    pub(crate) fn at_most(&mut self, what: String, reached: f64, wanted: f64) {
        self.0.push(Aim { what, reached, wanted, is_least: false });
    }
}

impl Aim {
    fn is_reached(&self) -> bool {
        if self.is_least { self.reached >= self.wanted } else { self.reached <= self.wanted }
    }
}

impl fmt::Display for Aims {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for aim in &self.0 {
            let verdict = if aim.is_reached() { "yes" } else { "NO" };
            let bound = if aim.is_least { "at least" } else { "at most" };
            writeln!(out, "{verdict:>4}  {:<58} {:>8.2}   {bound} {:.2}", aim.what, aim.reached, aim.wanted)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Aims;

    #[test]
    fn what_is_not_reached_says_no() {
        let mut aims = Aims::default();
        aims.at_least("share".to_owned(), 0.39, 0.40);
        aims.at_most("time".to_owned(), 19.5, 20.0);
        let text = aims.to_string();
        let verdicts: Vec<&str> = text.lines().filter_map(|line| line.split_whitespace().next()).collect();
        assert_eq!(verdicts, ["NO", "yes"], "{text}");
    }
}
