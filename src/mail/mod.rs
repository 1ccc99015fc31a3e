//! Mail: what an invitation says ([`invitation`]), how it leaves ([`smtp`], [`Mailer`]), and that it does so once ([`send`]).

pub mod invitation;
pub mod send;
mod smtp;
mod words;

use std::{path::PathBuf, time::Duration};

use lettre::message::Mailbox;
use tokio::io::AsyncWriteExt;

pub use smtp::{SmtpSettings, Tls};

/// How mail leaves.
#[derive(Debug, Clone)]
pub struct MailSettings {
    /// Who it comes from.
    pub from: Mailbox,
    /// The colour of its heading, as CSS writes it: `#rrggbb`.
    pub colour: String,
    /// How long until one that could not leave is tried again, the first time.
    pub retry_after: Duration,
    /// The way.
    pub transport: TransportSettings,
}

/// The ways that mail may take.
#[derive(Debug, Clone)]
pub enum TransportSettings {
    /// To a mail server.
    Smtp(SmtpSettings),
    /// Into a directory, a file for each.
    File(PathBuf),
    /// Into the log, for trying things out: whoever reads the log can use the keys.
    Log,
}

/// A mail that can be sent.
#[derive(Debug, Clone)]
pub struct Mail {
    /// Who it goes to and comes from.
    pub envelope: lettre::address::Envelope,
    /// Names it: the same for each try, so that whoever gets it twice can tell.
    pub id: String,
    /// The whole of it, as it is sent.
    pub content: Vec<u8>,
}

/// Why a mail did not leave.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// It may leave another time.
    #[error("{0}")]
    Temporary(String),
    /// It never will.
    #[error("{0}")]
    Permanent(String),
    /// Nobody knows whether it did.
    #[error("{0}")]
    Unknown(String),
    /// Somebody else sees to it.
    #[error("somebody else sees to it")]
    NotOurs,
}

/// Sends mail.
#[derive(Debug)]
pub struct Mailer {
    /// Who mail comes from, and what it looks like.
    pub settings: MailSettings,
    transport: Transport,
}

#[derive(Debug)]
enum Transport {
    Smtp(Box<smtp::Smtp>),
    File(PathBuf),
    Log,
}

impl Mailer {
    /// Prepares the way; nothing is connected yet.
    ///
    /// # Errors
    /// When a certificate or a directory cannot be used.
    pub fn new(settings: MailSettings) -> anyhow::Result<Self> {
        let transport = match &settings.transport {
            TransportSettings::Smtp(server) => Transport::Smtp(Box::new(smtp::Smtp::new(server)?)),
            TransportSettings::File(directory) => {
                std::fs::create_dir_all(directory)
                    .map_err(|error| anyhow::anyhow!("cannot make {}: {error}", directory.display()))?;
                Transport::File(directory.clone())
            }
            TransportSettings::Log => Transport::Log,
        };
        Ok(Self { settings, transport })
    }

    /// Goes the way of a mail as far as it can be gone without one: connects to the server and signs in.
    ///
    /// # Errors
    /// [`MailError`], as of a mail.
    pub async fn probe(&self) -> Result<(), MailError> {
        match &self.transport {
            Transport::Smtp(server) => server.probe().await,
            Transport::File(_) | Transport::Log => Ok(()),
        }
    }

    /// Sends a mail. `may_go` is asked once, right before its last bytes: it notes that they go, and says whether they may.
    ///
    /// # Errors
    /// [`MailError`].
    pub async fn send(
        &self,
        mail: &Mail,
        may_go: impl AsyncFnOnce() -> Result<bool, MailError>,
    ) -> Result<(), MailError> {
        if let Transport::Smtp(server) = &self.transport {
            return server.send(mail, may_go).await;
        }
        if !may_go().await? {
            return Err(MailError::NotOurs);
        }
        match &self.transport {
            Transport::File(directory) => write(directory, mail)
                .await
                .map_err(|error| MailError::Temporary(format!("cannot write into {}: {error}", directory.display()))),
            _ => {
                tracing::info!(mail.id = %mail.id, "a mail:\n{}", String::from_utf8_lossy(&mail.content));
                Ok(())
            }
        }
    }
}

/// Writes a mail so that it is there whole or not at all, under the same name each time.
async fn write(directory: &std::path::Path, mail: &Mail) -> std::io::Result<()> {
    let name = mail.id.split('@').next().unwrap_or_default();
    let (partial, whole) = (directory.join(format!(".{name}.part")), directory.join(format!("{name}.eml")));
    let mut file = tokio::fs::File::create(&partial).await?;
    file.write_all(&mail.content).await?;
    file.sync_all().await?;
    tokio::fs::rename(partial, whole).await
}
