//! Tokens that say by their beginning what they are.

use super::Match;
use super::random::{bits, is_placeholder};

/// A kind of token.
struct Token {
    rule: &'static str,
    beginning: &'static str,
    /// Bytes after the beginning, at least.
    least: usize,
    /// The bytes that it is made of.
    is_part: fn(u8) -> bool,
    /// Entropy of what comes after the beginning, at least, in bits per byte.
    least_bits: f64,
}

const fn token(
    rule: &'static str,
    beginning: &'static str,
    least: usize,
    is_part: fn(u8) -> bool,
    least_bits: f64,
) -> Token {
    Token { rule, beginning, least, is_part, least_bits }
}

const fn upper(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit()
}

const fn alphanumeric(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

const fn word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

const fn dashed(byte: u8) -> bool {
    word(byte) || byte == b'-'
}

const fn dotted(byte: u8) -> bool {
    dashed(byte) || byte == b'.'
}

/// Those with a longer beginning first.
const TOKENS: [Token; 42] = [
    token("anthropic-key", "sk-ant-", 20, dashed, 3.0),
    token("openai-key", "sk-proj-", 20, dashed, 3.0),
    token("openai-key", "sk-svcacct-", 20, dashed, 3.0),
    token("openai-key", "sk-", 32, alphanumeric, 3.5),
    token("stripe-key", "sk_live_", 16, alphanumeric, 3.0),
    token("stripe-key", "sk_test_", 16, alphanumeric, 3.0),
    token("stripe-key", "rk_live_", 16, alphanumeric, 3.0),
    token("stripe-key", "rk_test_", 16, alphanumeric, 3.0),
    token("stripe-webhook-secret", "whsec_", 24, alphanumeric, 3.0),
    token("aws-key", "AKIA", 16, upper, 2.5),
    token("aws-key", "ASIA", 16, upper, 2.5),
    token("github-token", "github_pat_", 22, word, 3.0),
    token("github-token", "ghp_", 30, alphanumeric, 3.0),
    token("github-token", "gho_", 30, word, 3.0),
    token("github-token", "ghu_", 30, word, 3.0),
    token("github-token", "ghs_", 30, word, 3.0),
    token("github-token", "ghr_", 30, word, 3.0),
    token("gitlab-token", "glpat-", 20, dashed, 3.0),
    token("gitlab-token", "glrt-", 20, dashed, 3.0),
    token("slack-token", "xoxb-", 20, dashed, 2.5),
    token("slack-token", "xoxp-", 20, dashed, 2.5),
    token("slack-token", "xoxa-", 20, dashed, 2.5),
    token("slack-token", "xoxs-", 20, dashed, 2.5),
    token("slack-token", "xapp-", 20, dashed, 2.5),
    token("google-key", "AIza", 35, dashed, 3.0),
    token("google-oauth-token", "ya29.", 20, dashed, 3.5),
    token("google-oauth-secret", "GOCSPX-", 24, dashed, 3.0),
    token("npm-token", "npm_", 36, word, 3.0),
    token("pypi-token", "pypi-AgE", 40, dashed, 3.0),
    token("crates-io-token", "cio", 32, word, 3.8),
    token("sendgrid-key", "SG.", 40, dotted, 3.5),
    token("digitalocean-token", "dop_v1_", 40, word, 3.0),
    token("huggingface-token", "hf_", 30, word, 3.5),
    token("databricks-token", "dapi", 32, word, 3.0),
    token("shopify-token", "shpat_", 32, word, 3.0),
    token("linear-key", "lin_api_", 32, word, 3.0),
    token("grafana-token", "glsa_", 32, word, 3.0),
    token("vault-token", "hvs.", 24, dashed, 3.0),
    token("doppler-token", "dp.pt.", 32, word, 3.0),
    token("supabase-key", "sbp_", 32, word, 3.0),
    token("promptster-key", "psk_live_", 16, word, 2.5),
    token("jwt", "eyJ", 30, dotted, 3.5),
];

/// Adds the tokens of a text.
pub(super) fn find(text: &str, found: &mut Vec<Match>) {
    let bytes = text.as_bytes();
    let (mut at, mut before) = (0, b' ');
    while let Some(&first) = bytes.get(at) {
        // A token begins where a word does.
        if !word(before)
            && matches!(
                first,
                b's' | b'r'
                    | b'w'
                    | b'A'
                    | b'g'
                    | b'x'
                    | b'y'
                    | b'G'
                    | b'n'
                    | b'p'
                    | b'c'
                    | b'S'
                    | b'd'
                    | b'h'
                    | b'l'
                    | b'e'
            )
            && let Some((end, rule)) = token_at(text, at)
        {
            found.push((at..end, rule));
            (at, before) = (end, b'x');
            continue;
        }
        before = first;
        at += 1;
    }
}

fn token_at(text: &str, at: usize) -> Option<(usize, &'static str)> {
    // The beginnings are ASCII, so a place inside a character is none of theirs.
    let rest = text.get(at..)?;
    let kind = TOKENS.iter().find(|kind| rest.starts_with(kind.beginning))?;
    let body = rest.get(kind.beginning.len()..)?;
    let length = body.bytes().position(|byte| !(kind.is_part)(byte)).unwrap_or(body.len());
    let body = body.get(..length)?.trim_end_matches(['.', '-']);
    // A key of Amazon's has one length only, and three parts make a JWT.
    let is_shaped = match kind.rule {
        "aws-key" => body.len() == kind.least,
        "jwt" => body.split('.').count() == 3 && body.split('.').all(|part| part.len() > 8),
        "sendgrid-key" => body.split('.').count() == 2,
        _ => body.len() >= kind.least,
    };
    let is_secret = is_shaped && body.len() >= kind.least && !is_placeholder(body) && bits(body) >= kind.least_bits;
    // Words with dashes or underscores between them are names of things.
    let has_digit = body.bytes().any(|byte| byte.is_ascii_digit());
    (is_secret && has_digit).then_some((at + kind.beginning.len() + body.len(), kind.rule))
}
