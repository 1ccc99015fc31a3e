//! Calls of models as events in the candidate's session, where the operator has that on: gathered beside the answer, and
//! taken in when it has ended, behind the back of whoever asked.

use std::{sync::Arc, time::Duration};

use actix_web::web::Data;
use bytes::Bytes;
use domain::{
    Timestamp,
    model::{Answer, AnswerReader, Asked, Call, Provider, Recorded, Usage},
};
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinHandle,
};

use crate::{
    App, clock,
    http::{auth::Candidate, disclosure},
    ingest::{self, Fate, Taken},
};

/// Calls that are being taken in at once; of more, none is recorded. Each holds two texts.
const AT_ONCE: u32 = 256;

/// How long it is waited before what was refused for the moment is tried again.
const AGAIN_AFTER: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(2)];

/// How long a server that stops waits for what is being taken in.
const STOPS_WITHIN: Duration = Duration::from_secs(5);

/// Takes calls in.
#[derive(Debug, Clone)]
pub(super) struct Recorder {
    places: Arc<Semaphore>,
    runtime: Handle,
}

/// One call that is being answered.
pub(super) struct Recording {
    recorder: Recorder,
    app: Data<App>,
    candidate: Box<Candidate>,
    provider: Provider,
    asked_at: Timestamp,
    asked: JoinHandle<Option<Asked>>,
}

/// The same, with the answer as it passes.
pub(super) struct Answering {
    recording: Recording,
    reader: AnswerReader,
}

impl Recorder {
    /// One that works on this runtime: workers may be ending when an answer ends.
    pub(super) fn new(runtime: Handle) -> Self {
        Self { places: Arc::new(Semaphore::new(usize::try_from(AT_ONCE).unwrap_or(usize::MAX))), runtime }
    }

    /// Begins with a call; `None` where the candidate was told something else before the session began.
    pub(super) fn begin(
        &self,
        app: &Data<App>,
        candidate: &Candidate,
        provider: Provider,
        request: &Bytes,
    ) -> Option<Recording> {
        if !was_told(app, candidate) {
            count(provider, "not_told");
            return None;
        }
        // Beside the call: a request may have megabytes of conversation, of which this looks for the end.
        let request = request.clone();
        let asked = self.runtime.spawn_blocking(move || Asked::newest(&request));
        let (recorder, app, candidate) = (self.clone(), app.clone(), Box::new(candidate.clone()));
        Some(Recording { recorder, app, candidate, provider, asked_at: clock::now(), asked })
    }

    /// Waits a little until nothing is being taken in.
    pub(super) async fn finish(&self) {
        if tokio::time::timeout(STOPS_WITHIN, self.places.acquire_many(AT_ONCE)).await.is_err() {
            tracing::warn!("some calls of models may not be recorded");
        }
    }
}

/// Whether the candidate agreed to the text that says so. A consent from before the operator turned this on is none.
fn was_told(app: &App, candidate: &Candidate) -> bool {
    let Some(consent) = &candidate.key.consent else { return !app.settings.require_consent };
    disclosure::current(&app.settings).is_ok_and(|disclosure| disclosure.version == consent.version)
}

impl Recording {
    /// Goes on with an answer of this type; `content_type` is the header.
    pub(super) fn answering(self, content_type: &str) -> Answering {
        Answering { recording: self, reader: AnswerReader::new(content_type) }
    }
}

impl Answering {
    pub(super) fn read(&mut self, chunk: &[u8]) {
        self.reader.read(chunk);
    }

    /// Has the call taken in, and does not wait for it.
    pub(super) fn end(self, usage: Usage, nano_usd: Option<u64>) {
        let Some(answer) = self.reader.finish() else { return };
        let recording = self.recording;
        let Ok(place) = recording.recorder.places.clone().try_acquire_owned() else {
            tracing::warn!(key = %recording.candidate.key.id, "too many calls of models at once: one is not recorded");
            count(recording.provider, "too_many");
            return;
        };
        let runtime = recording.recorder.runtime.clone();
        runtime.spawn(recording.take_in(answer, usage, nano_usd, clock::now(), place));
    }
}

impl Recording {
    async fn take_in(
        self,
        answer: Answer,
        usage: Usage,
        nano_usd: Option<u64>,
        answered_at: Timestamp,
        _place: OwnedSemaphorePermit,
    ) {
        let Self { app, candidate, provider, asked_at, asked, .. } = self;
        let asked = asked.await.ok().flatten();
        let Some(session) = candidate.key.session.clone() else { return };
        let call = Call {
            provider,
            session: &session,
            namespace: candidate.key.id,
            asked_at,
            answered_at,
            asked: asked.as_ref(),
            answer: &answer,
            usage: &usage,
            nano_usd,
        };
        let Recorded { prompt, answer } = call.events();
        let events: Vec<Bytes> = prompt.into_iter().chain([answer]).map(|event| event.to_string().into()).collect();
        for outcome in take(&app, &candidate, events).await {
            count(provider, outcome);
            if !["recorded", "repeated", "session_ended"].contains(&outcome) {
                tracing::warn!(key = %candidate.key.id, provider = provider.as_str(), outcome, "a call of a model is not recorded");
            }
        }
    }
}

/// What became of each of the events. The same ones may be taken again: nothing is there twice.
async fn take(app: &App, candidate: &Candidate, events: Vec<Bytes>) -> Vec<&'static str> {
    let mut pauses = AGAIN_AFTER.iter();
    loop {
        let fates: Vec<Fate> = match app.load.admit(events.iter().map(Bytes::len).sum()) {
            Ok(_admitted) => {
                let taken = Box::pin(ingest::take(app, candidate, events.clone())).await;
                taken.into_iter().map(|Taken { fate, .. }| fate).collect()
            }
            Err(refusal) => events.iter().map(|_| Fate::Refused(Box::new(refusal.into()))).collect(),
        };
        let is_over = fates.iter().all(|fate| fate.retry_after_s().is_none());
        match pauses.next() {
            Some(pause) if !is_over => tokio::time::sleep(*pause).await,
            _ => return fates.iter().map(Fate::name).collect(),
        }
    }
}

fn count(provider: Provider, outcome: &'static str) {
    metrics::counter!("promptster_model_records_total", "provider" => provider.as_str(), "outcome" => outcome)
        .increment(1);
}
