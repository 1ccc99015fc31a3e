//! What an answer costs: read while it streams by, and added to the key and the session when it ends, however it ends.

use std::{
    io::{self, ErrorKind},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use domain::{
    OrgId, SessionRef,
    model::{Prices, Provider, UsageReader},
};
use futures_util::{Stream, stream};
use redis_scripts::{Error, Redis};
use tokio::{runtime::Handle, task::JoinHandle};
use uuid::Uuid;

use super::{
    Proxy,
    line::{Line, hung_up},
    recording::{Answering, Recording},
};
use crate::clock;

/// How long the end of an answer waits for its cost to be noted, so that who asks next is asked with it. It is noted
/// later, too.
const NOTED_WITHIN: Duration = Duration::from_secs(2);

/// Who pays.
#[derive(Clone)]
pub(super) struct Account {
    pub(super) redis: Redis,
    pub(super) org: OrgId,
    pub(super) key: Uuid,
    pub(super) session: SessionRef,
}

/// Reads one answer; its cost is noted when this is dropped, at the latest.
pub(super) struct Meter {
    provider: Provider,
    /// `None` for answers that cost nothing, and for those that are noted.
    reader: Option<UsageReader>,
    account: Account,
    prices: Arc<Prices>,
    runtime: Option<Handle>,
    /// What is gathered of the answer, where it is to be recorded.
    answering: Option<Answering>,
}

impl Meter {
    /// A meter of an answer that has not been read yet, to what was asked.
    pub(super) fn new(
        provider: Provider,
        asked: &[u8],
        answer: &reqwest::Response,
        account: Account,
        proxy: &Proxy,
    ) -> Self {
        let status = answer.status().as_str().to_owned();
        metrics::counter!("promptster_model_answers_total", "provider" => provider.as_str(), "status" => status)
            .increment(1);
        let is_good = answer.status().is_success();
        let reader = is_good.then(|| UsageReader::new(provider, content_type(answer)).answering(asked));
        let (prices, runtime) = (proxy.prices.clone(), proxy.runtime.clone());
        Self { provider, reader, account, prices, runtime, answering: None }
    }

    /// The same; the call is recorded, too, when the answer is one.
    pub(super) fn recording(mut self, recording: Option<Recording>, answer: &reqwest::Response) -> Self {
        let recording = recording.filter(|_| self.reader.is_some());
        self.answering = recording.map(|recording| recording.answering(content_type(answer)));
        self
    }

    fn read(&mut self, chunk: &[u8]) {
        if let Some(reader) = &mut self.reader {
            reader.read(chunk);
        }
        if let Some(answering) = &mut self.answering {
            answering.read(chunk);
        }
    }

    /// Has the cost noted, and waits for that a little.
    async fn settle(mut self) {
        if let Some(noted) = self.note()
            && tokio::time::timeout(NOTED_WITHIN, noted).await.is_err()
        {
            tracing::warn!("the cost of an answer is not noted yet");
        }
    }

    /// Has the cost noted, and the call recorded, once.
    fn note(&mut self) -> Option<JoinHandle<()>> {
        let usage = self.reader.take()?.usage();
        let provider = self.provider.as_str();
        let (nano_usd, is_known) = self.prices.cost(self.provider, &usage);
        if let Some(answering) = self.answering.take() {
            answering.end(usage.clone(), is_known.then_some(nano_usd));
        }
        if nano_usd == 0 {
            return None;
        }
        if !is_known {
            metrics::counter!("promptster_models_without_price_total", "provider" => provider).increment(1);
            tracing::warn!(provider, model = usage.model, "a model without a price costs what the dearest one does");
        }
        metrics::counter!("promptster_model_cost_nanodollars_total", "provider" => provider).increment(nano_usd);
        let noting = note(self.account.clone(), nano_usd);
        self.runtime.as_ref().map(|runtime| runtime.spawn(noting))
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        // The client went away: it is noted behind its back.
        drop(self.note());
    }
}

fn content_type(answer: &reqwest::Response) -> &str {
    let kind = answer.headers().get(reqwest::header::CONTENT_TYPE);
    kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default()
}

async fn note(Account { redis, org, key, session }: Account, nano_usd: u64) {
    let (of_key, of_session) =
        tokio::join!(redis.add_key_cost(org, key, nano_usd), redis.add_session_cost(&session, nano_usd, clock::now()));
    // Not repeated: it may have been added, and nobody is to pay twice.
    let told = |whose: &str, noted: Result<bool, Error>| match noted {
        Ok(true) => {}
        Ok(false) => tracing::info!(%key, nano_usd, whose, "a cost came for what is gone"),
        Err(error) => tracing::error!(%key, nano_usd, whose, %error, "a cost may not have been noted"),
    };
    told("key", of_key);
    told("session", of_session);
}

/// The body of an answer, each chunk as it comes. Dropped, it drops the request to the provider; so it does when the client
/// hangs up while there is nothing to write.
pub(super) fn metered(
    answer: reqwest::Response,
    meter: Meter,
    line: Option<Line>,
) -> impl Stream<Item = Result<Bytes, io::Error>> {
    stream::unfold(Some((answer, meter, line)), |state| async {
        let (mut answer, mut meter, line) = state?;
        let chunk = tokio::select! {
            biased;
            chunk = answer.chunk() => chunk,
            () = hung_up(line.as_ref()) => return Some((Err(ErrorKind::BrokenPipe.into()), None)),
        };
        match chunk {
            Ok(Some(chunk)) => {
                meter.read(&chunk);
                Some((Ok(chunk), Some((answer, meter, line))))
            }
            Ok(None) => {
                meter.settle().await;
                None
            }
            Err(error) => {
                meter.settle().await;
                // The client is to see that it is not the whole answer.
                Some((Err(io::Error::other(error.without_url())), None))
            }
        }
    })
}
