//! The command `demo`: a hiring day through the public API. Two assessments, candidates of the last days who are done, and
//! three who work now, each in a way of its own; their events are those that the tools of candidates send.

mod play;
mod story;
mod style;
mod tasks;

use std::time::Duration;

use clap::Args;

use crate::api::Api;
use crate::reach::{Reach, duration};

/// How long one call may be insisted on.
const PATIENCE: Duration = Duration::from_secs(60);

/// Plays a hiring day to a running server, through its public API: nine candidates of the last three days in two assessments,
/// and three who work now, until it is interrupted. Started again, it leaves those who are done as they are.
#[derive(Debug, Args)]
#[command(max_term_width = 100)]
pub(crate) struct Demo {
    /// Which server.
    #[command(flatten)]
    reach: Reach,
    /// How long candidates go on working now, like 10m; when one is done, the next one begins [default: until Ctrl-C].
    #[arg(long = "for", value_parser = duration)]
    time: Option<Duration>,
    /// Seed of what they do.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl Demo {
    /// Plays it.
    pub(crate) async fn run(&self) -> Result<(), String> {
        let (server, key) = self.reach.find()?;
        let api = Api::new(&server, &key, PATIENCE)?;
        let stage = play::prepare(&api, self.seed, |text| println!("{text}")).await?;
        println!("\nThree candidates work now: open {server}/ to watch them.\nCtrl-C: they hand in what they have.");
        let end = async {
            match self.time {
                Some(time) => tokio::time::sleep(time).await,
                // Without a signal to wait for there is nothing that could end it but its own end.
                None => drop(tokio::signal::ctrl_c().await),
            }
        };
        tokio::select! {
            () = end => play::end(&api, &stage).await,
            failed = play::go_on(&api, &stage, self.seed) => failed,
        }
    }
}
