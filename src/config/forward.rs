//! What the nodes of `cluster` are told: everything about serving that `cluster` was told itself.

use std::ffi::{OsStr, OsString};

use clap::{ArgMatches, CommandFactory, parser::ValueSource};

use super::{Cli, without_empty_variables};

/// The variables that make `serve` do as the arguments and variables of this process, which is a `cluster`, say.
#[must_use]
pub fn for_nodes() -> Vec<(String, OsString)> {
    forwarded(&without_empty_variables(Cli::command()).get_matches())
}

fn forwarded(given: &ArgMatches) -> Vec<(String, OsString)> {
    let mut command = Cli::command();
    command.build();
    let (Some(serve), Some((_, given))) = (command.find_subcommand("serve"), given.subcommand()) else {
        return Vec::new();
    };
    // An address is taken once only: the nodes of `cluster` would contend for it.
    let shared = serve.get_arguments().filter(|arg| arg.get_id() != "metrics_listen");
    let known = shared.filter_map(|arg| {
        let (id, variable) = (arg.get_id().as_str(), arg.get_env()?.to_str()?);
        let values = given.try_get_raw(id).ok().flatten()?;
        let is_given = matches!(given.value_source(id), Some(ValueSource::CommandLine | ValueSource::EnvVariable));
        is_given.then(|| (variable.to_owned(), values.collect::<Vec<_>>().join(OsStr::new(","))))
    });
    known.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cluster_was_told_about_serving_its_nodes_are_told() {
        let flags = [
            "--strict-kinds",
            "--redis-max-memory-bytes=5",
            "--ingest-burst=7",
            "--allowed-origin=https://a,https://b",
        ];
        let given = Cli::command().get_matches_from(["promptster-server", "cluster"].into_iter().chain(flags));
        let mut told = forwarded(&given);
        told.retain(|(variable, _)| std::env::var_os(variable).is_none());
        told.sort();
        let expected = [
            ("PROMPTSTER_ALLOWED_ORIGIN", "https://a,https://b"),
            ("PROMPTSTER_INGEST_BURST", "7"),
            ("PROMPTSTER_STRICT_KINDS", "true"),
        ];
        assert_eq!(told, expected.map(|(variable, value)| (variable.to_owned(), OsString::from(value))));
    }
}
