//! What an invitation says: who invites to what, until when, and what to type. Everything that people wrote is text here:
//! it is escaped in HTML, and its line breaks do not reach a header.

use domain::Timestamp;
use lettre::{
    Message,
    message::{Mailbox, MultiPart, header},
};
use redis_scripts::{Assessment, CandidateKey};

use super::{Mail, MailError, MailSettings, words};

/// Who does not answer automatic mail must not be asked to.
#[derive(Debug, Clone)]
struct AutoSubmitted;

impl header::Header for AutoSubmitted {
    fn name() -> header::HeaderName {
        header::HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> header::HeaderValue {
        header::HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// What an invitation is made of.
#[derive(Debug, Clone, Copy)]
pub struct Inviting<'a> {
    /// The key; it has an address.
    pub key: &'a CandidateKey,
    /// What it lets in to.
    pub assessment: &'a Assessment,
    /// Who invites.
    pub org_name: &'a str,
    /// Where the candidate's tool finds the server.
    pub server: &'a str,
}

/// Writes the invitation.
///
/// # Errors
/// [`MailError::Permanent`] when the address is none that mail can be sent to.
pub fn write(settings: &MailSettings, inviting: &Inviting<'_>, now: Timestamp) -> Result<Mail, MailError> {
    let never = |error: &dyn std::fmt::Display| MailError::Permanent(error.to_string());
    let key = inviting.key;
    let address = key.email.as_deref().unwrap_or_default().parse().map_err(|error| never(&error))?;
    let name = key.name.as_deref().map(one_line).filter(|name| !name.is_empty());
    let id = format!("invitation-{}@{}", key.id, settings.from.email.domain());
    let title = one_line(&inviting.assessment.terms.title);
    let org = one_line(inviting.org_name);
    let message = Message::builder()
        .message_id(Some(format!("<{id}>")))
        .from(settings.from.clone())
        .to(Mailbox::new(name, address))
        .subject(format!("{org} invites you to “{title}”"))
        .header(AutoSubmitted)
        .multipart(MultiPart::alternative_plain_html(text(inviting, now), html(settings, inviting, now)))
        .map_err(|error| never(&error))?;
    Ok(Mail { envelope: message.envelope().clone(), id, content: message.formatted() })
}

/// What fills the places of a template.
fn fill(template: &str, inviting: &Inviting<'_>, now: Timestamp, escape: fn(&str) -> String) -> String {
    let Inviting { key, assessment, org_name, server } = inviting;
    let greeting = match key.name.as_deref().map(one_line).filter(|name| !name.is_empty()) {
        Some(name) => format!("Hello {name},"),
        None => "Hello,".to_owned(),
    };
    let limit = match assessment.terms.time_limit_minutes.filter(|minutes| *minutes > 0) {
        Some(minutes) => format!("From when you start you have {}.", words::counted(minutes, "minute")),
        None => "There is no time limit.".to_owned(),
    };
    let places = [
        ("{greeting}", greeting),
        ("{org}", one_line(org_name)),
        ("{title}", one_line(&assessment.terms.title)),
        ("{limit}", limit),
        ("{key}", key.key.clone()),
        ("{server}", one_line(server)),
        ("{expires}", words::instant(key.expires_at)),
        ("{until}", words::until(key.expires_at, now)),
    ];
    // In one pass: what fills one place is not looked through for others.
    let mut filled = String::with_capacity(template.len() + 512);
    let mut rest = template;
    while let Some(begin) = rest.find('{') {
        let (before, from) = rest.split_at(begin);
        filled.push_str(before);
        match places.iter().find(|(place, _)| from.starts_with(place)) {
            Some((place, value)) => {
                filled.push_str(&escape(value));
                rest = from.get(place.len()..).unwrap_or_default();
            }
            None => {
                filled.push('{');
                rest = from.get(1..).unwrap_or_default();
            }
        }
    }
    filled.push_str(rest);
    filled
}

fn text(inviting: &Inviting<'_>, now: Timestamp) -> String {
    fill(include_str!("invitation.txt"), inviting, now, str::to_owned)
}

fn html(settings: &MailSettings, inviting: &Inviting<'_>, now: Timestamp) -> String {
    // The colour is checked when the server starts.
    fill(include_str!("invitation.html"), inviting, now, escaped).replace("[colour]", &settings.colour)
}

/// As text within HTML, also within an attribute.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // Fills no second place.
            '[' => out.push_str("&#91;"),
            other => out.push(other),
        }
    }
    out
}

/// Without line breaks and other control characters, and without those that turn the direction of what follows.
fn one_line(text: &str) -> String {
    let is_format = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let shown: String = text.chars().filter(|c| !is_format(*c)).map(|c| if c.is_control() { ' ' } else { c }).collect();
    shown.trim().to_owned()
}

#[cfg(test)]
mod tests;
