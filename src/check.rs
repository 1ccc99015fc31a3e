//! The configuration, looked at before a server is to serve with it. No store is asked.

use anyhow::bail;

use crate::Catalogue;
use crate::config::{self, ConfigCommand, ServeOptions};
use crate::http::{jwt::Jwt, oidc::Oidc, proxy::Proxy};
use crate::judge::ChatJudge;
use crate::mail::Mailer;
use crate::traces;

/// Checks and prints, or prints the table.
///
/// # Errors
/// When something of the configuration is wrong.
pub fn run(command: &ConfigCommand) -> anyhow::Result<()> {
    match command {
        ConfigCommand::Check(options) => check(options),
        ConfigCommand::Table => {
            println!("{}", config::table());
            Ok(())
        }
    }
}

fn check(options: &ServeOptions) -> anyhow::Result<()> {
    for line in config::effective() {
        println!("{line}");
    }
    let names: Vec<_> = std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned()).collect();
    for name in config::unknown(names.iter().map(String::as_str)) {
        eprintln!("{name} is set, and no setting has that name");
    }
    let wrong = wrong(options);
    for error in &wrong {
        eprintln!("{error:#}");
    }
    match wrong.len() {
        0 => {
            eprintln!("The configuration can be served with.");
            Ok(())
        }
        n => bail!("wrong in the configuration: {n}"),
    }
}

/// All that is wrong, not only the first of it.
pub(crate) fn wrong(options: &ServeOptions) -> Vec<anyhow::Error> {
    let mut parts = vec![
        options.log.filter().map(drop),
        traces::check(&options.http.traces),
        options.stores.redis().map(drop),
        options.stores.clickhouse().map(drop),
    ];
    match config::settings(&options.http, &options.sessions, &options.limits, options.http.listen) {
        Err(error) => parts.push(Err(error)),
        Ok(settings) => parts.extend([
            Catalogue::load(settings.issues_file.as_ref()).map(drop),
            Proxy::new(&settings).map(drop),
            settings.judge.as_ref().map_or(Ok(()), |judge| ChatJudge::new(judge).map(drop)),
            settings.mail.clone().map_or(Ok(()), |mail| Mailer::new(mail).map(drop)),
            settings.jwt.clone().map_or(Ok(()), |jwt| Jwt::new(jwt).map(drop)),
            settings.oidc.clone().map_or(Ok(()), |oidc| Oidc::new(oidc, &settings.public_url).map(drop)),
        ]),
    }
    parts.into_iter().filter_map(Result::err).collect()
}
