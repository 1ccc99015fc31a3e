//! The command `import`: a recorded transcript becomes a session on the server, at the pace at which it happened.

use crate::api::{Api, ApiError};
use crate::consent::{self, ConsentError};
use crate::envelope::Envelope;
use crate::progress::Progress;
use crate::report::{Refusal, Report};
use crate::stream::{News, Target, stream};
use crate::transcript::{self, ReadError};
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// Events that may be due before the stream takes them.
const DUE_EVENTS: usize = 512;

/// Import a recorded Claude Code session.
///
/// Reads a transcript (JSON Lines, as Claude Code keeps them below ~/.claude/projects) and streams what happened in
/// it: prompts, answers, commands with their exit codes, file changes, plans, searches and look-ups. Events keep their
/// recorded times; --speed sets how fast they are played.
///
/// The import ends by closing the session, unless --keep-open is given. Importing the same file into the same session
/// again doubles nothing, so an import that broke off can simply be repeated.
///
/// Exit codes: 0 all events are on the server, 1 something failed or was refused, 2 wrong usage.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  promptster import session.jsonl --server http://localhost:8080 --key PST-AB12-CD34 --speed 0"
)]
pub(crate) struct Import {
    /// The transcript, a .jsonl file.
    transcript: PathBuf,

    /// The server's address, beginning with http:// or https://.
    #[arg(long, value_name = "URL", env = "PROMPTSTER_API_URL")]
    server: String,

    /// The candidate key that opens the session.
    #[arg(long, value_name = "PST-XXXX-XXXX", env = "PROMPTSTER_KEY", hide_env_values = true, value_parser = parse_key)]
    key: String,

    /// How many times faster than recorded to play; 0 is as fast as the server takes it.
    #[arg(long, value_name = "FACTOR", default_value = "60", value_parser = parse_speed)]
    speed: f64,

    /// Agree to the server's disclosure without being asked.
    #[arg(long)]
    accept_tos: bool,

    /// Leave the session open instead of closing it at the transcript's end.
    #[arg(long)]
    keep_open: bool,

    /// Give up when no event has got through for this long (such as 30s, 10m, 1h).
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = parse_duration)]
    give_up_after: Duration,

    /// Print the result as one JSON object on standard output.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Why an import failed before its first event.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImportError {
    /// The file cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    File { path: PathBuf, source: std::io::Error },
    /// The file is no transcript.
    #[error("{}: {source}", path.display())]
    Transcript { path: PathBuf, source: ReadError },
    /// A call failed.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// Nobody agreed.
    #[error(transparent)]
    Consent(#[from] ConsentError),
    /// An event could not be written as JSON.
    #[error("an event cannot be serialised: {0}")]
    Event(#[from] serde_json::Error),
}

impl Import {
    /// Reads, asks, redeems, streams, reports.
    pub(crate) async fn run(&self) -> Result<Report, ImportError> {
        let path = || self.transcript.clone();
        let bytes = std::fs::read(&self.transcript).map_err(|source| ImportError::File { path: path(), source })?;
        let transcript = transcript::read(&String::from_utf8_lossy(&bytes), self.keep_open)
            .map_err(|source| ImportError::Transcript { path: path(), source })?;

        let api = Api::new(&self.server, &self.key)?;
        consent::obtain(&api, self.accept_tos).await?;
        let session = api.redeem(None).await?;
        let events: Vec<Envelope> =
            transcript.drafts.iter().map(|draft| draft.seal(&session.session_id)).collect::<Result<_, _>>()?;

        let mut kinds = BTreeMap::new();
        for event in &events {
            *kinds.entry(event.kind).or_default() += 1;
        }
        let url = |part: &str| api.url(&format!("/v1/sessions/{}/{part}", session.session_id)).to_string();
        let mut report = Report {
            timeline_url: url("timeline"),
            signals_url: url("signals"),
            assessment_title: session.assessment_title.clone(),
            events: events.len(),
            kinds,
            broken: transcript.broken,
            is_open: self.keep_open,
            ..Report::default()
        };
        let target =
            Target { url: api.stream_url(), credential: session.session_token, give_up_after: self.give_up_after };
        self.play(&target, events, &mut report).await;
        report.session_id = session.session_id;
        Ok(report)
    }

    /// Streams the events, each when it is due, and writes into the report what became of them.
    async fn play(&self, target: &Target, events: Vec<Envelope>, report: &mut Report) {
        let progress = Progress::of(events.len());
        let kinds: HashMap<_, _> = events.iter().map(|event| (event.id, event.kind)).collect();
        let (due, receiver) = mpsc::channel(DUE_EVENTS);
        let outcome = {
            let mut streaming = pin!(stream(target, receiver, |news| {
                progress.tell(&news);
                count(report, &kinds, news);
            }));
            let mut pacing = pin!(pace(events, self.speed, due));
            let mut is_paced = false;
            loop {
                tokio::select! {
                    outcome = &mut streaming => break outcome.map_err(|error| error.to_string()),
                    () = &mut pacing, if !is_paced => is_paced = true,
                    Ok(()) = tokio::signal::ctrl_c() => break Err("interrupted".to_owned()),
                }
            }
        };
        progress.finish();
        report.failure = outcome.err();
    }
}

/// Hands over each event when it is due.
async fn pace(events: Vec<Envelope>, speed: f64, due: mpsc::Sender<Envelope>) {
    let (start, first) = (Instant::now(), events.first().map(|event| event.ts));
    for event in events {
        let recorded = first.and_then(|first| (event.ts - first).to_std().ok()).unwrap_or_default();
        let offset = Duration::try_from_secs_f64(recorded.as_secs_f64() / speed).ok();
        // At speed 0 the quotient is no duration, and the event is due at once.
        if let Some(at) = offset.and_then(|offset| start.checked_add(offset)) {
            sleep_until(at).await;
        }
        if due.send(event).await.is_err() {
            return;
        }
    }
}

fn count(report: &mut Report, kinds: &HashMap<uuid::Uuid, &'static str>, news: News) {
    match news {
        News::Connected => report.connections += 1,
        News::Recorded { .. } => report.recorded += 1,
        News::AlreadyThere { .. } => report.already_there += 1,
        News::Refused { id, status, error } => {
            let kind = kinds.get(&id).copied().unwrap_or_default();
            report.refused.push(Refusal { id, kind, status, error });
        }
        News::Slowed(_) | News::Lost { .. } => {}
    }
}

pub(crate) fn parse_key(text: &str) -> Result<String, String> {
    let key = text.trim().to_ascii_uppercase();
    let parts: Vec<&str> = key.split('-').collect();
    let is_group = |part: &str| part.len() == 4 && part.bytes().all(|b| b.is_ascii_alphanumeric());
    match parts.as_slice() {
        ["PST", first, second] if is_group(first) && is_group(second) => Ok(key),
        _ => Err("a key looks like PST-AB12-CD34".to_owned()),
    }
}

fn parse_speed(text: &str) -> Result<f64, String> {
    let speed: f64 = text.trim_end_matches('x').parse().map_err(|_| "not a number".to_owned())?;
    let is_sane = speed == 0.0 || (0.01..=1e6).contains(&speed);
    if is_sane { Ok(speed) } else { Err("0, or between 0.01 and 1000000".to_owned()) }
}

pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let millis_per_unit = match unit.trim() {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        _ => return Err("the unit is one of ms, s, m, h".to_owned()),
    };
    let number: u64 = number.parse().map_err(|_| "write a number and a unit, such as 10m".to_owned())?;
    Ok(Duration::from_millis(number.saturating_mul(millis_per_unit)))
}

#[cfg(test)]
mod tests {
    use super::{parse_duration, parse_key, parse_speed};
    use std::time::Duration;

    #[test]
    fn a_key_is_taken_in_any_case() {
        assert_eq!(parse_key(" pst-ab12-cd34 "), Ok("PST-AB12-CD34".to_owned()));
        for wrong in ["", "PST-AB12", "PST-AB12-CD345", "psk_live_x", "PST-AB1 -CD34", "PST-AB12-CD34-EF56"] {
            assert!(parse_key(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_speed_is_zero_or_sane() {
        assert_eq!([parse_speed("0"), parse_speed("60x"), parse_speed("0.5")], [Ok(0.0), Ok(60.0), Ok(0.5)]);
        for wrong in ["-1", "NaN", "inf", "1e-9", "fast"] {
            assert!(parse_speed(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_duration_has_a_unit() {
        let parsed = ["250ms", "30s", "10m", "1h", "5"].map(|text| parse_duration(text).unwrap());
        assert_eq!(parsed, [250, 30_000, 600_000, 3_600_000, 5_000].map(Duration::from_millis));
        assert!(["", "m", "1d", "-3s", "1.5h"].iter().all(|text| parse_duration(text).is_err()));
    }
}
