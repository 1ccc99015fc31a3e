//! The command `compare`: the numbers of two reports beside each other, and their ratios.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::Value;

/// Puts two JSON reports of `run` or of a scenario beside each other: every number of the first, of the second, and how
/// many times the first the second is.
#[derive(Debug, Args)]
pub(crate) struct Compare {
    /// The first report.
    first: PathBuf,
    /// The second report.
    second: PathBuf,
}

impl Compare {
    /// Reads both, and tells what differs.
    pub(crate) fn run(&self) -> Result<String, String> {
        Ok(table(&read(&self.first)?, &read(&self.second)?))
    }
}

fn read(path: &Path) -> Result<Value, String> {
    let text = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", path.display()))
}

fn table(first: &Value, second: &Value) -> String {
    let (mut ones, mut others) = (Vec::new(), Vec::new());
    collect(first, "", &mut ones);
    collect(second, "", &mut others);
    let width = ones.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    let mut text = format!("{:<width$} {:>12} {:>12} {:>8}\n", "", "first", "second", "ratio");
    for (name, one) in &ones {
        let Some((_, other)) = others.iter().find(|(known, _)| known == name) else { continue };
        let ratio = if *one == 0.0 { "–".to_owned() } else { format!("{:.2}", other / one) };
        text.push_str(&format!("{name:<width$} {one:>12} {other:>12} {ratio:>8}\n"));
    }
    text
}

/// The numbers of a report by their paths; not those of single seconds, nor what only names a run.
fn collect(value: &Value, path: &str, found: &mut Vec<(String, f64)>) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Number(number) => found.extend(number.as_f64().map(|number| (path.to_owned(), number))),
        Value::Object(members) => {
            for (name, member) in members.iter().filter(|(name, _)| !["seed", "samples"].contains(&name.as_str())) {
                // The plots; a span's length has the same name and is a number.
                if name != "seconds" || member.is_number() {
                    collect(member, &below(name), found);
                }
            }
        }
        Value::Array(members) => {
            for (place, member) in members.iter().enumerate() {
                collect(member, &below(&(place + 1).to_string()), found);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_stand_beside_each_other_with_their_ratio() {
        let report = |p99: f64, due: u64| {
            json!({
                "seed": 7, "stages": [{ "ack": { "p99Ms": p99 }, "seconds": 10.0 }], "due": due,
                "seconds": { "due": [1, 2, 3] }, "name": "x", "processes": { "redis": { "samples": [{ "rss": 1 }] } },
            })
        };
        let text = table(&report(10.0, 0), &report(25.0, 3));
        let rows: Vec<Vec<&str>> = text.lines().skip(1).map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(
            rows,
            [
                vec!["stages.1.ack.p99Ms", "10", "25", "2.50"],
                vec!["stages.1.seconds", "10", "10", "1.00"],
                vec!["due", "0", "3", "–"]
            ]
        );
    }
}
