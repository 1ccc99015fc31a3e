//! Asks each node whether it answers fully: `GET /v1/ready` is 200, a new event is stored, and the timeline is read. The
//! events are of a session of their own and are checked like all others.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use super::fleet::Fleet;
use super::history::{Log, Outcome};
use super::post::{Flight, Poster};
use super::script::{Intent, Recipe, Script};
use super::stack::{Stack, http_ok};
use crate::api::Who;

/// How long one question may take.
const CALL: Duration = Duration::from_secs(3);
/// When it is clear that the service does not come back.
const GIVE_UP_AFTER: Duration = Duration::from_secs(60);

/// A candidate that only probes.
pub(crate) struct Probe {
    poster: Poster,
    script: Script,
}

/// Why a node does not answer fully.
type Reason = String;

impl Probe {
    /// Begins the session of the probe.
    pub(crate) async fn begin(fleet: &Arc<Fleet>) -> Result<Self, String> {
        let org = fleet.org(0)?;
        let key = org.key(0).await?;
        let body = json!({ "key": key });
        org.insist(0, Method::POST, "/v1/candidate/consent", Who::Public, Some(&body), 200).await?;
        let reply = org.insist(0, Method::POST, "/v1/candidate/redeem", Who::Public, Some(&body), 200).await?;
        let answer = reply.json();
        let text = |name| answer.get(name).and_then(Value::as_str).map(str::to_owned);
        let (Some(session), Some(token)) = (text("sessionId"), text("sessionToken")) else {
            return Err(format!("redeem answers {}", reply.brief()));
        };
        let start_ms = chrono::Utc::now().timestamp_millis();
        let recipe = Recipe {
            seed: fleet.seed ^ 0xB0B,
            ids: fleet.seed ^ 0xB0B,
            session,
            start_ms,
            is_signed: false,
            elsewhere: "nowhere".into(),
        };
        let script = Script::of(&recipe);
        let log = Arc::new(Log::new(fleet.epoch, 0, "probe", recipe, key));
        fleet.begun(&log);
        Ok(Self { poster: Poster { fleet: Arc::clone(fleet), log, org: 0, credential: token.into() }, script })
    }

    /// Waits until every node answers fully: how long that took since `back`, and what was missing last.
    pub(crate) async fn recovered(&mut self, stack: &Stack, back: Instant) -> Result<(Duration, Reason), Reason> {
        let mut last = "nothing".to_owned();
        let mut node = 0;
        while let Some(at) = stack.nodes.get(node) {
            match self.ask(node, at.front.port()).await {
                Ok(()) => node += 1,
                Err(reason) => {
                    last = format!("node {}: {reason}", node + 1);
                    // All of them at once, or as good as.
                    node = 0;
                    if back.elapsed() > GIVE_UP_AFTER {
                        return Err(last);
                    }
                    sleep(Duration::from_millis(30)).await;
                }
            }
        }
        Ok((back.elapsed(), last))
    }

    async fn ask(&mut self, node: usize, port: u16) -> Result<(), Reason> {
        if !timeout(CALL, http_ok(port, "/v1/ready")).await.unwrap_or(false) {
            return Err("not ready".to_owned());
        }
        let planned = loop {
            let planned = self.script.next()?;
            if !matches!(planned.intent, Intent::Invalid(_)) {
                break planned;
            }
        };
        let event = self.poster.log.plan(&planned);
        let flight = Flight { event, id: planned.id, text: planned.text };
        match self.poster.one(node, &flight, false).await {
            Outcome::Stored { .. } => {}
            other => return Err(format!("ingest: {other:?}")),
        }
        let api = self.poster.fleet.org(0)?.api(node);
        let path = format!("/v1/sessions/{}/timeline?limit=1", self.poster.log.state().recipe.session);
        match timeout(CALL, api.once(Method::GET, &path, Who::Reviewer, None)).await {
            Ok(Ok(reply)) if reply.status == 200 => Ok(()),
            Ok(Ok(reply)) => Err(format!("timeline: {}", reply.brief())),
            Ok(Err(reason)) => Err(format!("timeline: {reason}")),
            Err(_) => Err("timeline: no answer".to_owned()),
        }
    }

    /// Nothing more is asked.
    pub(crate) fn end(self) {
        self.poster.log.done();
    }
}
