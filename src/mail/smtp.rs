//! The conversation with a mail server (RFC 5321), with TLS from the start (RFC 8314) or by STARTTLS (RFC 3207).

use std::{path::PathBuf, time::Duration};

use anyhow::Context;
use lettre::transport::smtp::{
    authentication::{Credentials, DEFAULT_MECHANISMS},
    client::{AsyncSmtpConnection, Certificate, TlsParameters},
    commands::{Data, Mail as MailFrom, Rcpt},
    extension::{ClientId, Extension, MailParameter},
};
use tokio::time::timeout;

use super::{Mail, MailError};
use crate::config::Secret;

/// How long everything before the last bytes may take: mail servers make strangers wait on purpose.
const BEFORE: Duration = Duration::from_secs(60);

/// How long the answer to the last bytes may take. RFC 5321 §4.5.3.2.6 asks for ten minutes; who takes longer than this has
/// nearly always taken the mail.
const ANSWER: Duration = Duration::from_secs(300);

/// Where the mail server is.
#[derive(Debug, Clone)]
pub struct SmtpSettings {
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is encrypted.
    pub tls: Tls,
    /// With which name and password it is used.
    pub login: Option<(String, Secret)>,
    /// Further authorities whose certificates count, as PEM.
    pub ca_file: Option<PathBuf>,
}

/// How a connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// From the start.
    Implicit,
    /// After STARTTLS, without which nothing is sent.
    Starttls,
    /// Not at all: for a mail server on this machine.
    None,
}

/// A mail server.
pub(super) struct Smtp {
    settings: SmtpSettings,
    tls: Option<TlsParameters>,
    name: ClientId,
}

impl std::fmt::Debug for Smtp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Smtp").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Smtp {
    pub(super) fn new(settings: &SmtpSettings) -> anyhow::Result<Self> {
        let mut tls = TlsParameters::builder(settings.host.clone());
        if let Some(path) = &settings.ca_file {
            let pem = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
            let certificate = Certificate::from_pem(&pem).with_context(|| format!("{}", path.display()))?;
            tls = tls.add_root_certificate(certificate);
        }
        let tls = (settings.tls != Tls::None).then(|| tls.build_rustls()).transpose()?;
        Ok(Self { settings: settings.clone(), tls, name: ClientId::default() })
    }

    /// Sends a mail; see [`super::Mailer::send`].
    pub(super) async fn send(
        &self,
        mail: &Mail,
        may_go: impl AsyncFnOnce() -> Result<bool, MailError>,
    ) -> Result<(), MailError> {
        let late = |_| MailError::Temporary("the mail server is too slow".to_owned());
        let mut connection = timeout(BEFORE, Box::pin(self.prepare(mail))).await.map_err(late)??;
        if !may_go().await? {
            connection.abort().await;
            return Err(MailError::NotOurs);
        }
        let handed = timeout(ANSWER, Box::pin(connection.message(&mail.content))).await;
        let handed =
            handed.map_err(|_| MailError::Unknown("the mail server did not say whether it took it".to_owned()))?;
        handed.map_err(error_of)?;
        // It has the mail, however it takes the good-bye.
        drop(timeout(Duration::from_secs(5), connection.quit()).await);
        Ok(())
    }

    /// Connects, signs in, and leaves again.
    pub(super) async fn probe(&self) -> Result<(), MailError> {
        let late = |_| MailError::Temporary("the mail server is too slow".to_owned());
        let mut connection = timeout(BEFORE, Box::pin(self.enter())).await.map_err(late)??;
        drop(timeout(Duration::from_secs(5), connection.quit()).await);
        Ok(())
    }

    /// A connection that is let in.
    async fn enter(&self) -> Result<AsyncSmtpConnection, MailError> {
        let SmtpSettings { host, port, tls, login, .. } = &self.settings;
        let implicit = self.tls.clone().filter(|_| *tls == Tls::Implicit);
        let address = (host.as_str(), *port);
        let connected = AsyncSmtpConnection::connect_tokio1(address, Some(BEFORE), &self.name, implicit, None).await;
        let mut connection = connected.map_err(error_of)?;
        if let (Tls::Starttls, Some(parameters)) = (tls, &self.tls) {
            if !connection.can_starttls() {
                return Err(MailError::Temporary("the mail server offers no STARTTLS".to_owned()));
            }
            connection.starttls(parameters.clone(), &self.name).await.map_err(error_of)?;
        }
        if let Some((user, password)) = login {
            let credentials = Credentials::new(user.clone(), password.expose().to_owned());
            // A password that is wrong today is put right tomorrow: no reason to give up mails.
            connection.auth(DEFAULT_MECHANISMS, &credentials).await.map_err(|error| {
                MailError::Temporary(format!("the mail server does not take user and password: {}", told(&error)))
            })?;
        }
        Ok(connection)
    }

    /// Everything up to the point at which the mail itself may come.
    async fn prepare(&self, mail: &Mail) -> Result<AsyncSmtpConnection, MailError> {
        let mut connection = self.enter().await?;
        let mut parameters = Vec::new();
        if mail.envelope.to().iter().any(|to| !to.to_string().is_ascii()) {
            if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
                return Err(MailError::Permanent("the mail server takes no such address".to_owned()));
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        let from = mail.envelope.from().cloned();
        connection.command(MailFrom::new(from, parameters)).await.map_err(error_of)?;
        for to in mail.envelope.to() {
            connection.command(Rcpt::new(to.clone(), Vec::new())).await.map_err(error_of)?;
        }
        connection.command(Data).await.map_err(error_of)?;
        Ok(connection)
    }
}

/// 5xx is for ever, everything else for now.
fn error_of(error: lettre::transport::smtp::Error) -> MailError {
    let text = told(&error);
    if error.is_permanent() { MailError::Permanent(text) } else { MailError::Temporary(text) }
}

/// What went wrong, with what lies behind it.
fn told(error: &lettre::transport::smtp::Error) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{error}{cause}")
}
