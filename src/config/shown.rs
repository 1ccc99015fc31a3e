//! The settings shown: all of them as a table for the documents, and those that a server would serve with.

use std::collections::BTreeSet;
use std::fmt::Write;

use clap::{Arg, ArgMatches, Command, CommandFactory, Subcommand, parser::ValueSource};
use url::Url;

use super::{Cli, ServeOptions, without_empty_variables};

/// What can be told of the configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Check the flags and variables that `serve` would be given, and the files that they name, without asking any store; print
    /// what each setting is and where from, with secrets hidden. Fails when something is wrong, and names it
    Check(Box<ServeOptions>),
    /// Print every setting of `serve` and `dev`, as a table in Markdown
    Table,
}

/// A secret is what clap is told not to show in `--help`.
fn is_secret(arg: &Arg) -> bool {
    arg.is_hide_env_values_set()
}

fn settings_of(command: &Command) -> impl Iterator<Item = (&Arg, &str, &str)> {
    command.get_arguments().filter_map(|arg| Some((arg, arg.get_long()?, arg.get_env()?.to_str()?)))
}

fn group(arg: &Arg) -> &str {
    arg.get_help_heading().unwrap_or("Server")
}

/// Every setting, by its group.
#[must_use]
pub fn table() -> String {
    let mut command = Cli::command();
    command.build();
    let mut text = String::new();
    for (name, title) in [("serve", "Settings"), ("dev", "Settings of `dev` and `cluster` alone")] {
        let Some(found) = command.find_subcommand(name) else { continue };
        let elsewhere: BTreeSet<&str> = match command.find_subcommand("serve") {
            Some(serve) if name != "serve" => settings_of(serve).map(|(_, flag, _)| flag).collect(),
            _ => BTreeSet::new(),
        };
        let own: Vec<_> = settings_of(found).filter(|(_, flag, _)| !elsewhere.contains(flag)).collect();
        writeln!(text, "## {title}").ok();
        let mut groups: Vec<&str> = Vec::new();
        for (arg, _, _) in &own {
            if !groups.contains(&group(arg)) {
                groups.push(group(arg));
            }
        }
        for title in groups {
            writeln!(text, "\n### {title}\n\n| flag | variable | default | meaning |\n|---|---|---|---|").ok();
            for (arg, flag, variable) in own.iter().filter(|(arg, _, _)| group(arg) == title) {
                let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
                let (help, told) = match help.strip_suffix(']').and_then(|help| help.rsplit_once(" [default: ")) {
                    Some((help, told)) => (help.to_owned(), Some(told.to_owned())),
                    None => (help, None),
                };
                let default = told.unwrap_or_else(|| default_of(arg));
                writeln!(text, "| `--{flag}` | `{variable}` | {} | {} |", cell(&default), cell(&help)).ok();
            }
        }
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text
}

fn default_of(arg: &Arg) -> String {
    let values: Vec<String> =
        arg.get_default_values().iter().map(|value| format!("`{}`", value.to_string_lossy())).collect();
    match values.join(", ") {
        none if none.is_empty() || none == "``" => "none".to_owned(),
        off if off == "`false`" => "off".to_owned(),
        values => values,
    }
}

fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

/// What each setting of `config check` is, a line each, secrets hidden.
#[must_use]
pub fn effective() -> Vec<String> {
    let given = without_empty_variables(Cli::command()).get_matches();
    let given = given.subcommand().and_then(|(_, config)| config.subcommand()).map(|(_, check)| check);
    given.map(lines).unwrap_or_default()
}

fn lines(given: &ArgMatches) -> Vec<String> {
    let mut command = Cli::command();
    command.build();
    let Some(serve) = command.find_subcommand("serve") else { return Vec::new() };
    let line = |(arg, flag, variable): (&Arg, &str, &str)| {
        let values = given.try_get_raw(arg.get_id().as_str()).ok().flatten();
        let values: Vec<_> = values.into_iter().flatten().map(|value| value.to_string_lossy()).collect();
        let value = match values.join(",") {
            none if none.is_empty() => "(none)".to_owned(),
            _ if is_secret(arg) => "(hidden)".to_owned(),
            value => without_password(value),
        };
        let source = match given.value_source(arg.get_id().as_str()) {
            Some(ValueSource::CommandLine) => format!("--{flag}"),
            Some(ValueSource::EnvVariable) => "variable".to_owned(),
            _ => "default".to_owned(),
        };
        format!("{variable}={value}  # {source}")
    };
    settings_of(serve).map(line).collect()
}

/// An address may hold a password where none is asked for.
fn without_password(value: String) -> String {
    match Url::parse(&value) {
        Ok(mut url) if url.password().is_some() => {
            url.set_password(Some("hidden")).ok();
            url.into()
        }
        _ => value,
    }
}

/// Variables of these names that no setting has: most likely misspelt.
#[must_use]
pub fn unknown<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut command = Cli::command();
    command.build();
    let known: BTreeSet<&str> =
        command.get_subcommands().flat_map(settings_of).map(|(_, _, variable)| variable).collect();
    let ours = names.into_iter().filter(|name| name.starts_with("PROMPTSTER_") && !known.contains(name));
    ours.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_of_the_configuration_has_the_table() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
        let document = std::fs::read_to_string(path).unwrap();
        let (_, after) = document.split_once("<!-- table -->\n").unwrap();
        assert_eq!(after.trim(), table(), "`promptster-server config table` prints what belongs there");
    }

    #[test]
    fn every_field_that_may_hold_a_secret_is_hidden() {
        let mut command = Cli::command();
        command.build();
        let serve = command.find_subcommand("serve").unwrap();
        let names = ["password", "pepper", "key", "secret", "redis-url"];
        for (arg, flag, _) in settings_of(serve).filter(|(_, flag, _)| names.iter().any(|name| flag.ends_with(name))) {
            let counts = flag == "max-streams-per-key";
            assert!(is_secret(arg) || counts, "--{flag} would be shown");
        }
    }

    #[test]
    fn a_password_in_an_address_is_not_shown() {
        let shown = without_password("http://avocet:hush@c:8123".to_owned());
        assert_eq!(shown, "http://avocet:hidden@c:8123/");
        assert_eq!(without_password("a:b@c".to_owned()), "a:b@c");
    }

    #[test]
    fn a_misspelt_variable_is_noticed() {
        assert_eq!(unknown(["PROMPTSTER_REDIS_URL", "PROMPTSTER_REDSI_URL", "PATH"]), ["PROMPTSTER_REDSI_URL"]);
    }
}
