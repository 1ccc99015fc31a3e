//! The command `smoke`: candidates and watchers at once, then the check of everything they were promised.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use domain::Timestamp;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::api::Api;
use crate::generate::Generator;
use crate::history::{History, Progress, Recorder};
use crate::reach::{Reach, duration};
use crate::report::{Report, Times};
use crate::setup::{Pace, Seat};
use crate::watcher::{Assignment, Seen};
use crate::{candidate_http, candidate_ws, readback, setup, watcher};

/// Plays candidates and watchers at once, then checks that nothing was lost, doubled, misordered or changed, that every
/// watcher saw everything once, and that signals and cohort statistics equal a recomputation. Rides out restarts of
/// the server.
#[derive(Debug, Args)]
#[command(max_term_width = 100)]
pub(crate) struct Smoke {
    /// Which server.
    #[command(flatten)]
    reach: Reach,
    /// Candidates, each with a session of its own; half use HTTP, half WebSocket.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=2000))]
    candidates: u16,
    /// Watchers, spread over the sessions; half use WebSocket, half Server-Sent Events.
    #[arg(long, default_value_t = 10)]
    watchers: u16,
    /// Different events of each candidate; one in twenty is sent twice.
    #[arg(long, default_value_t = 200)]
    events: u32,
    /// Seconds over which each candidate spreads its events [default: as fast as the server takes them].
    #[arg(long, value_parser = duration, default_value = "0s", hide_default_value = true)]
    spread: Duration,
    /// Seed of the random events [default: a random one].
    #[arg(long)]
    seed: Option<u64>,
    /// How long to go on without getting anything through.
    #[arg(long, value_parser = duration, default_value = "120s")]
    give_up_after: Duration,
    /// Print the report as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Smoke {
    /// Runs it all.
    pub(crate) async fn run(&self) -> Result<Report, String> {
        let (server, key) = self.reach.find()?;
        let api = Arc::new(Api::new(&server, &key, self.give_up_after)?);
        let seed = self.seed.unwrap_or_else(rand::random);
        let bar = bar(u64::from(self.candidates) * u64::from(self.events));
        let say = |text: String| bar.set_message(text);

        let (assessment, seats) = setup::prepare(&api, usize::from(self.candidates), say).await?;
        let seats: Vec<Arc<Seat>> = seats.into_iter().map(Arc::new).collect();
        let started = Instant::now();
        let (histories, seen, sending) = Box::pin(self.play(&api, &seats, seed, &bar)).await?;
        let seats: Vec<Seat> = seats.into_iter().filter_map(Arc::into_inner).collect();
        let read = Box::pin(readback::read_all(&api, &assessment, &seats, say)).await?;
        bar.finish_and_clear();
        let times = Times { sending, total: started.elapsed() };
        Ok(Report::of(seed, &assessment, &histories, &seen, &read, times))
    }

    /// Sends and watches at once: the histories in the order of the seats, what was seen, and how long sending took.
    async fn play(
        &self,
        api: &Arc<Api>,
        seats: &[Arc<Seat>],
        seed: u64,
        bar: &ProgressBar,
    ) -> Result<(Vec<History>, Vec<Seen>, Duration), String> {
        let progress: Vec<watch::Sender<Progress>> = seats.iter().map(|_| watch::Sender::default()).collect();
        bar.set_message("the watchers take their places");
        let watchers = self.start_watchers(api, seats, &progress).await;
        bar.set_message("");

        let started = Instant::now();
        let pace = Pace { start: started, per_event: self.spread / self.events.max(1) };
        let mut candidates = JoinSet::new();
        for (index, (seat, progress)) in seats.iter().zip(progress).enumerate() {
            let number = u64::try_from(index).unwrap_or_default();
            let start_ms = Timestamp::from(chrono::Utc::now()).plus_millis(-30 * 60 * 1000).millis();
            let mut generator = Generator::new(seed.wrapping_add(number), &seat.session, start_ms);
            let (events, order) = generator.plan(usize::try_from(self.events).unwrap_or(usize::MAX))?.split();
            let recorder = Recorder::new(History::new(seat.session.clone(), events), progress, bar.clone());
            let (api, seat) = (Arc::clone(api), Arc::clone(seat));
            candidates.spawn(async move {
                let history = match index % 4 {
                    0 => Box::pin(candidate_http::run(&api, &seat, &order, pace, false, recorder)).await,
                    2 => Box::pin(candidate_http::run(&api, &seat, &order, pace, true, recorder)).await,
                    _ => Box::pin(candidate_ws::run(&api, &seat, &order, pace, recorder)).await,
                };
                (index, history)
            });
        }
        let mut histories = candidates.join_all().await;
        let sending = started.elapsed();
        histories.sort_by_key(|(index, _)| *index);
        bar.set_message("the watchers see the end");
        let seen = watchers.join_all().await;
        Ok((histories.into_iter().map(|(_, history)| history).collect(), seen, sending))
    }

    /// Starts all watchers and waits until those that begin before the first event are in place.
    async fn start_watchers(
        &self,
        api: &Arc<Api>,
        seats: &[Arc<Seat>],
        progress: &[watch::Sender<Progress>],
    ) -> JoinSet<Seen> {
        let mut watchers = JoinSet::new();
        let mut places = Vec::new();
        for index in 0..usize::from(self.watchers) {
            let place = index * seats.len() / usize::from(self.watchers).max(1);
            let (Some(seat), Some(progress)) = (seats.get(place), progress.get(place)) else { continue };
            let assignment = assignment(index, &seat.session, usize::try_from(self.events).unwrap_or(usize::MAX));
            let (attached, is_attached) = oneshot::channel();
            if assignment.attach_after == 0 {
                places.push(is_attached);
            }
            let (api, progress) = (Arc::clone(api), progress.subscribe());
            watchers.spawn(async move { Box::pin(watcher::run(&api, assignment, progress, attached)).await });
        }
        for place in places {
            // One that cannot attach says so itself.
            let _ = timeout(self.give_up_after, place).await;
        }
        watchers
    }
}

/// Half WebSocket, half Server-Sent Events; of each, half from the beginning; a third are cut now and then.
fn assignment(index: usize, session: &str, n_events: usize) -> Assignment {
    let (is_sse, is_late) = (index % 2 == 1, index % 4 >= 2);
    let from_live = !is_late && index % 8 < 2;
    let words = [
        if is_sse { "SSE" } else { "WebSocket" },
        if is_late { "resuming in the middle" } else { "from the beginning" },
        if from_live { "live only" } else { "" },
    ];
    Assignment {
        name: format!("watcher {} ({})", index + 1, words.join(" ").trim_end()),
        session: session.to_owned(),
        is_sse,
        attach_after: if is_late { n_events / 2 } else { 0 },
        from_live,
        cut_every: index.is_multiple_of(3).then_some((n_events / 5).max(1)),
    }
}

fn bar(n_events: u64) -> ProgressBar {
    let bar = ProgressBar::new(n_events);
    // A template that does not parse would only cost the looks.
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} events  {elapsed}  {wide_msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}

#[cfg(test)]
mod tests {
    use super::assignment;

    #[test]
    fn ten_watchers_are_of_every_sort() {
        let all: Vec<_> = (0..10).map(|index| assignment(index, "s", 200)).collect();
        let count = |is: &dyn Fn(&super::Assignment) -> bool| all.iter().filter(|one| is(one)).count();
        assert_eq!(count(&|one| one.is_sse), 5);
        assert!((4..=6).contains(&count(&|one| one.attach_after == 100)));
        assert_eq!(count(&|one| one.cut_every == Some(40)), 4);
        for is_sse in [true, false] {
            assert!(all.iter().any(|one| one.is_sse == is_sse && one.from_live));
            assert!(all.iter().any(|one| one.is_sse == is_sse && one.cut_every.is_some()));
        }
    }
}
