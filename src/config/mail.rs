//! How mail leaves.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use lettre::message::Mailbox;

use super::Secret;
use crate::mail::{MailSettings, SmtpSettings, Tls, TransportSettings};

/// How mail leaves.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Mail")]
pub struct MailOptions {
    /// How invitations leave [default: `file` with `dev` and `cluster`; else not at all, and keys say `none`]
    #[arg(long, env = "PROMPTSTER_MAIL", value_name = "WAY", value_enum)]
    pub mail: Option<MailWay>,
    /// Who they come from: `address`, or `Name <address>`
    #[arg(
        long,
        env = "PROMPTSTER_MAIL_FROM",
        value_name = "MAILBOX",
        default_value = "Promptster <noreply@localhost>"
    )]
    pub mail_from: Mailbox,
    /// The colour of their heading
    #[arg(long, env = "PROMPTSTER_MAIL_COLOUR", value_name = "#RRGGBB", default_value = "#2f5d9b", value_parser = colour)]
    pub mail_colour: String,
    /// How long until one that could not leave is tried again; the next waits are 5, 30, 120, 360, 720 and 1,440 times as
    /// long, then it is given up
    #[arg(long, env = "PROMPTSTER_MAIL_RETRY_SECS", value_name = "SECONDS", default_value = "60")]
    pub mail_retry_secs: NonZeroU32,
    /// Where `file` puts them, one file for each [default: `mail` in --data-dir]
    #[arg(long, env = "PROMPTSTER_MAIL_DIR", value_name = "DIRECTORY")]
    pub mail_dir: Option<PathBuf>,
    /// The mail server of `smtp`
    #[arg(long, env = "PROMPTSTER_SMTP_HOST", value_name = "HOST", required_if_eq("mail", "smtp"))]
    pub smtp_host: Option<String>,
    /// Its port [default: 587, with `tls` 465, with `none` 25]
    #[arg(long, env = "PROMPTSTER_SMTP_PORT", value_name = "PORT")]
    pub smtp_port: Option<u16>,
    /// How the connection to it is encrypted
    #[arg(long, env = "PROMPTSTER_SMTP_TLS", value_name = "HOW", value_enum, default_value_t = TlsWay::Starttls)]
    pub smtp_tls: TlsWay,
    /// A file with the certificates, as PEM, of an authority of your own
    #[arg(long, env = "PROMPTSTER_SMTP_CA_FILE", value_name = "FILE")]
    pub smtp_ca_file: Option<PathBuf>,
    /// The user that it knows this server as [default: none]
    #[arg(long, env = "PROMPTSTER_SMTP_USER", value_name = "USER")]
    pub smtp_user: Option<String>,
    /// The user's password; the variable or the file keeps it out of the list of processes
    #[arg(long, env = "PROMPTSTER_SMTP_PASSWORD", hide_env_values = true, requires = "smtp_user")]
    pub smtp_password: Option<Secret>,
    /// A file with the user's password
    #[arg(long, env = "PROMPTSTER_SMTP_PASSWORD_FILE", value_name = "FILE", conflicts_with = "smtp_password")]
    pub smtp_password_file: Option<PathBuf>,
}

/// The ways that mail may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MailWay {
    /// To a mail server
    Smtp,
    /// Into a directory
    File,
    /// Into the log, keys and all, for trying things out
    Log,
    /// Nowhere
    None,
}

/// How a connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TlsWay {
    /// By STARTTLS, without which nothing is sent
    Starttls,
    /// From the start
    Tls,
    /// Not at all: for a mail server on this machine
    None,
}

impl MailOptions {
    /// How mail leaves, where the files of this machine are in `data_dir`; `None`: not at all.
    ///
    /// # Errors
    /// When the file with the password cannot be read.
    pub fn settings(&self, data_dir: &Path) -> anyhow::Result<Option<MailSettings>> {
        let transport = match self.mail {
            None | Some(MailWay::None) => return Ok(None),
            Some(MailWay::Log) => TransportSettings::Log,
            Some(MailWay::File) => {
                TransportSettings::File(self.mail_dir.clone().unwrap_or_else(|| data_dir.join("mail")))
            }
            Some(MailWay::Smtp) => TransportSettings::Smtp(self.smtp()?),
        };
        Ok(Some(MailSettings {
            from: self.mail_from.clone(),
            colour: self.mail_colour.clone(),
            retry_after: Duration::from_secs(u64::from(self.mail_retry_secs.get())),
            transport,
        }))
    }

    fn smtp(&self) -> anyhow::Result<SmtpSettings> {
        let (tls, usual) = match self.smtp_tls {
            TlsWay::Starttls => (Tls::Starttls, 587),
            TlsWay::Tls => (Tls::Implicit, 465),
            TlsWay::None => (Tls::None, 25),
        };
        let password = match &self.smtp_password_file {
            Some(path) => Some(Secret::in_file(path)?),
            None => self.smtp_password.clone(),
        };
        Ok(SmtpSettings {
            host: self.smtp_host.clone().unwrap_or_default(),
            port: self.smtp_port.unwrap_or(usual),
            tls,
            login: self.smtp_user.clone().map(|user| (user, password.unwrap_or_else(|| Secret::new("")))),
            ca_file: self.smtp_ca_file.clone(),
        })
    }
}

fn colour(text: &str) -> Result<String, String> {
    match text.strip_prefix('#') {
        Some(digits) if digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) => Ok(text.to_owned()),
        _ => Err("must be # and six hexadecimal digits".to_owned()),
    }
}
