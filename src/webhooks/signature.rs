//! How a receiver knows who tells it: `X-Promptster-Signature: t=<unix>,v1=<hex>`, where `v1` is the HMAC-SHA256, with the
//! webhook's secret, of `t`, a dot and the body. While a secret is being changed there are two `v1`.

use std::fmt::Write as _;

use domain::Timestamp;
use redis_scripts::Webhook;
use ring::hmac;

/// The value of the header for a body that is sent now.
#[must_use]
pub fn header(webhook: &Webhook, body: &str, now: Timestamp) -> String {
    let seconds = now.millis().div_euclid(1_000);
    let previous = webhook.previous.as_ref().filter(|(_, until)| now < *until).map(|(secret, _)| secret);
    let mut header = format!("t={seconds}");
    for secret in [Some(&webhook.secret), previous].into_iter().flatten() {
        header.push_str(",v1=");
        header.push_str(&sign(secret, seconds, body));
    }
    header
}

fn sign(secret: &str, seconds: i64, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, format!("{seconds}.{body}").as_bytes());
    tag.as_ref().iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a string does not fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use domain::OrgId;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_body_is_signed_with_the_secret_and_for_a_while_with_the_one_before() {
        let until = Timestamp::from_millis(1_600_000_000_000);
        let mut webhook = Webhook {
            id: Uuid::nil(),
            org: OrgId::sample(Uuid::nil()),
            url: "https://a.example".into(),
            events: Vec::new(),
            secret: "whsec_test".into(),
            previous: None,
            created_at: until,
        };
        let now = Timestamp::from_millis(1_500_000_000_999);
        // printf '1500000000.{"a":1}' | openssl dgst -sha256 -hmac whsec_test
        let expected = "f1831627323e3462a7fe33ba74219f80493ffd2d47eda096cbc46187a9731e1b";
        assert_eq!(header(&webhook, r#"{"a":1}"#, now), format!("t=1500000000,v1={expected}"));
        webhook.previous = Some(("whsec_old".into(), until));
        let old = "5cd955d03a9ba3f1f17ff7508e4834101707fbf9bae8e370fe9dd576cc2cf422";
        assert_eq!(header(&webhook, r#"{"a":1}"#, now), format!("t=1500000000,v1={expected},v1={old}"));
        let t = "t=1600000000,v1=";
        assert!(header(&webhook, r#"{"a":1}"#, until).starts_with(t));
        assert_eq!(header(&webhook, r#"{"a":1}"#, until).matches("v1=").count(), 1);
    }
}
