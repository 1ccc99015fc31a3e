//! What every request can reach.

use std::sync::Arc;

use actors::{Judging, Running};
use clickhouse_schema::EventLog;
use redis_scripts::Redis;

use crate::{
    Catalogue,
    http::{credentials::Credentials, jwt::Jwt, oidc::Oidc, places::Places, proxy::Proxy, rate::Limits},
    judge::ChatJudge,
    load::Load,
    mail::Mailer,
    settings::Settings,
    shutdown::Stopping,
    uploads::Uploads,
    webhooks::Teller,
    whole::Open,
};

/// What every request can reach; one for the whole process, shared as `web::Data<App>`.
pub struct App {
    /// The truth of now.
    pub redis: Redis,
    /// The history.
    pub log: EventLog,
    /// Who does the work.
    pub actors: Running,
    /// Whether requests that need Redis are answered.
    pub open: Open,
    /// Whether all that ends.
    pub stopping: Stopping,
    /// What the operator chose.
    pub settings: Settings,
    /// The issues that all organisations share.
    pub issues: Catalogue,
    /// What candidates hand in.
    pub uploads: Uploads,
    /// What is left of every budget.
    pub limits: Limits,
    /// Who has how many connections open.
    pub places: Places,
    /// What is being done, and whether there is room for more.
    pub load: Load,
    /// Whose credential is whose, as far as it can never change.
    pub credentials: Credentials,
    /// Checks the tokens of persons, where there is an identity provider.
    pub jwt: Option<Jwt>,
    /// Signs members in, where there is a provider for that.
    pub oidc: Option<Oidc>,
    /// Sends mail, where there is a way for it.
    pub mailer: Option<Mailer>,
    /// Tells webhooks.
    pub teller: Teller,
    /// Asks providers of models.
    pub proxy: Proxy,
}

impl App {
    /// Puts the parts together, and starts the actors: to be called within an actix system.
    ///
    /// # Errors
    /// When there is to be a client of an identity provider, or a way for mail or webhooks, and none can be made;
    /// and when the model proxy or the judge cannot be what it was configured to be.
    pub fn new(redis: Redis, log: EventLog, settings: Settings, issues: Catalogue) -> anyhow::Result<Self> {
        let jwt = settings.jwt.clone().map(Jwt::new).transpose()?;
        let oidc = settings.oidc.clone().map(|oidc| Oidc::new(oidc, &settings.public_url)).transpose()?;
        let mailer = settings.mail.clone().map(Mailer::new).transpose()?;
        let teller = Teller::new(settings.webhooks)?;
        let proxy = Proxy::new(&settings)?;
        let limits = Limits::new(&settings.rates, &redis);
        let places = Places::new(&settings);
        let load = Load::new(settings.max_in_flight_bytes);
        let judge = settings.judge.as_ref().map(ChatJudge::new).transpose()?;
        let requires_consent = settings.require_consent;
        let options = actors::Options {
            grace: settings.end_grace,
            close_grace: settings.close_grace,
            reconcile_every: settings.reconcile_every,
            judging: judge.map(|judge| Judging { judge: Arc::new(judge), requires_consent }),
            ..actors::Options::default()
        };
        let uploads = Uploads::new(&settings.uploads);
        let actors = Running::start(&redis, &log, &options);
        Ok(Self {
            redis,
            log,
            actors,
            open: Open::default(),
            stopping: Stopping::default(),
            settings,
            issues,
            uploads,
            limits,
            places,
            load,
            credentials: Credentials::default(),
            jwt,
            oidc,
            mailer,
            teller,
            proxy,
        })
    }
}
