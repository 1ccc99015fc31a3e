//! The model proxy: what a candidate's tools ask of a model goes to the provider with the operator's key, and what it
//! cost is counted, and recorded where the operator wants that. The candidate's credential does not go out, and the operator's key does not come in.

mod caller;
mod headers;
mod line;
mod meter;
mod recording;
mod refused;
mod upstream;

use std::sync::Arc;

use actix_web::{
    HttpResponse,
    http::{Method, StatusCode},
    web::Data,
};
use anyhow::Context;
use domain::{
    SessionRef,
    model::{Prices, Provider},
};
use tokio::runtime::Handle;

use super::{
    auth::Candidate,
    error::{ApiError, Refusal},
    workspace::own_session,
};
use crate::{App, load::Load, settings::Settings};

pub use caller::ModelCall;
pub use line::Line;
use line::hung_up;
use meter::{Account, Meter, metered};
use recording::Recorder;
use upstream::Upstream;

/// The providers, and what their models cost.
#[derive(Debug)]
pub struct Proxy {
    anthropic: Option<Upstream>,
    openai: Option<Upstream>,
    prices: Arc<Prices>,
    /// What was asked and not answered yet. Models take minutes; counted among events, they would keep those out.
    load: Load,
    /// Where costs are noted of answers that nobody reads any more: a worker may be ending then.
    runtime: Option<Handle>,
    /// Where calls are to be recorded.
    recorder: Option<Recorder>,
}

impl Proxy {
    /// What the operator configured.
    ///
    /// # Errors
    /// When a file cannot be read, a key can be no header, or the prices are none.
    pub fn new(settings: &Settings) -> anyhow::Result<Self> {
        let (load, settings) = (Load::new(settings.max_in_flight_bytes), &settings.proxy);
        let prices = match &settings.prices_file {
            None => Prices::built_in()?,
            Some(path) => {
                let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
                Prices::parse(&text).with_context(|| format!("cannot use {}", path.display()))?
            }
        };
        let runtime = Handle::try_current().ok();
        let recorder = runtime.clone().filter(|_| settings.records_calls).map(Recorder::new);
        Ok(Self {
            anthropic: Upstream::new(Provider::Anthropic, &settings.anthropic, settings.silent_for)?,
            openai: Upstream::new(Provider::Openai, &settings.openai, settings.silent_for)?,
            prices: Arc::new(prices),
            load,
            runtime,
            recorder,
        })
    }

    /// Whether there is any provider to be asked.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.anthropic.is_some() || self.openai.is_some()
    }

    /// Waits a little for what is still being recorded.
    pub async fn finish(&self) {
        if let Some(recorder) = &self.recorder {
            recorder.finish().await;
        }
    }

    fn upstream(&self, provider: Provider) -> Result<&Upstream, Refusal> {
        let found = match provider {
            Provider::Anthropic => &self.anthropic,
            Provider::Openai => &self.openai,
        };
        found.as_ref().ok_or(Refusal::NoProviderKey)
    }
}

/// `ANY /v1/proxy/anthropic/{tail}`
pub(super) async fn anthropic(app: Data<App>, call: ModelCall) -> HttpResponse {
    answer(Provider::Anthropic, &app, call).await
}

/// `ANY /v1/proxy/openai/{tail}`
pub(super) async fn openai(app: Data<App>, call: ModelCall) -> HttpResponse {
    answer(Provider::Openai, &app, call).await
}

async fn answer(provider: Provider, app: &Data<App>, call: ModelCall) -> HttpResponse {
    let request_id = call.request_id();
    match Box::pin(pass(provider, app, call)).await {
        Ok(reply) => reply,
        Err(error) => refused::reply(provider, &error, &request_id),
    }
}

/// Passes a request on, and its answer back.
async fn pass(provider: Provider, app: &Data<App>, call: ModelCall) -> Result<HttpResponse, ApiError> {
    let (candidate, credentials) = Box::pin(call.candidate(app)).await?;
    let upstream = app.proxy.upstream(provider)?;
    let session = admitted(app, &candidate).await?;
    let url = upstream.url(&call.request)?;
    let head = headers::to_provider(call.request.headers(), &credentials);
    let is_head = call.request.method() == Method::HEAD;
    let method = call.request.method().clone();
    let limit = app.settings.bodies.model_bytes;
    let line = Line::to_client(&call.request);
    let (asked, recording, answer) = {
        let _admitted = app.proxy.load.admit(call.body.weight(limit))?;
        let body = call.body.bytes(app, limit).await?;
        let recorder = app.proxy.recorder.as_ref().filter(|_| !is_head);
        let recording = recorder.and_then(|recorder| recorder.begin(app, &candidate, provider, &body));
        tokio::select! {
            answer = upstream.ask(&method, url, head, body.clone()) => (body, recording, answer?),
            () = hung_up(line.as_ref()) => return Err(Refusal::ClientGone.into()),
        }
    };
    let status = StatusCode::from_u16(answer.status().as_u16()).map_err(ApiError::internal)?;
    let mut reply = HttpResponse::build(status);
    for header in headers::to_client(answer.headers(), upstream.key()) {
        reply.append_header(header);
    }
    if is_head || [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&status) {
        return Ok(reply.finish());
    }
    let account = Account { redis: app.redis.clone(), org: candidate.org, key: candidate.key.id, session };
    let meter = Meter::new(provider, &asked, &answer, account, &app.proxy).recording(recording, &answer);
    Ok(reply.streaming(metered(answer, meter, line)))
}

/// The session that pays, if it may go on.
async fn admitted(app: &App, candidate: &Candidate) -> Result<SessionRef, ApiError> {
    if candidate.late {
        return Err(Refusal::SessionEnded.into());
    }
    let name = own_session(candidate)?;
    let (session, assessment) = tokio::join!(
        app.redis.session(&name),
        app.redis.assessment_even_deleted(candidate.org, candidate.key.assessment)
    );
    let session = session?.ok_or(Refusal::SessionDeleted)?;
    if session.record.ended_at.is_some() || candidate.key.completed_at.is_some() {
        return Err(Refusal::SessionEnded.into());
    }
    let budget = assessment?.and_then(|assessment| assessment.terms.token_budget_usd);
    let spent = candidate.key.total_cost_usd.unwrap_or_default();
    match budget {
        Some(budget) if spent >= budget => Err(Refusal::BudgetSpent.into()),
        _ => Ok(name),
    }
}
