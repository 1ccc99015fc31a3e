//! The process: reads its arguments, starts logging, does what it was told.

use std::process::ExitCode;

use promptster_server::config::{Cli, Command, KeysCommand, LettersCommand, MembersCommand, OrgCommand};
use promptster_server::{
    check, dead_letters, derive, dev, doctor, import, keys, members, migrate, org, rebuild, rewrite, serve, traces,
};

// Four threads hand small pieces to each other: two fifths of the server's time went into the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[actix_web::main]
async fn main() -> ExitCode {
    let Cli { serve, command } = Cli::read();
    match run(command.unwrap_or_else(|| Command::Serve(Box::new(serve)))).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("promptster-server: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Serve(options) => {
            let traces = traces::start(&options.log, &options.http.traces)?;
            let served = serve::run(&options).await;
            traces.end().await;
            served
        }
        Command::Dev(options) => {
            let traces = traces::start(&options.log, &options.http.traces)?;
            let served = dev::run(&options).await;
            traces.end().await;
            served
        }
        Command::Cluster(options) => {
            options.log.start()?;
            dev::cluster::run(&options).await
        }
        Command::Org(OrgCommand::Create(options)) => {
            options.log.start()?;
            org::run(&options).await
        }
        Command::Org(OrgCommand::NewKey(options)) => {
            options.log.start()?;
            org::new_key(&options).await
        }
        Command::Org(OrgCommand::Retention(options)) => {
            options.log.start()?;
            org::retention(&options).await
        }
        Command::Org(OrgCommand::Members(command)) => {
            let options = match &command {
                MembersCommand::List(options) => options,
                MembersCommand::Add(options) => &options.members,
                MembersCommand::Remove(options) => &options.members,
            };
            options.log.start()?;
            members::run(&command).await
        }
        Command::Keys(command) => {
            let options = match &command {
                KeysCommand::List(options) => options,
                KeysCommand::Create(options) => &options.keys,
                KeysCommand::Revoke(options) => &options.keys,
            };
            options.log.start()?;
            keys::run(&command).await
        }
        Command::Config(command) => check::run(&command),
        Command::Doctor(options) => doctor::run(&options).await,
        Command::Migrate(options) => {
            options.log.start()?;
            migrate::run(&options).await
        }
        Command::DeadLetters(command) => {
            let (LettersCommand::List(options) | LettersCommand::Show(options) | LettersCommand::Replay(options)) =
                &command;
            options.log.start()?;
            dead_letters::run(&command).await
        }
        Command::Derive(options) => {
            options.log.start()?;
            derive::run(&options).await
        }
        Command::Import(options) => {
            options.log.start()?;
            import::run(&options).await
        }
        Command::RebuildRedis(options) => {
            options.log.start()?;
            rebuild::run(&options).await
        }
        Command::RewriteLog(options) => {
            options.log.start()?;
            rewrite::run(&options).await
        }
        Command::Version => {
            println!("promptster-server {}", env!("CARGO_PKG_VERSION"));
            Ok(())
        }
    }
}
