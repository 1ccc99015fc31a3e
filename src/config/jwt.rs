//! How reviewers sign in as persons.

use clap::Args;

use crate::settings::{JwksSource, JwtSettings};

/// The identity provider.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Sign-in of reviewers")]
pub struct JwtOptions {
    /// The public keys of the identity provider, an https address or a file; without them no JWT is accepted
    #[arg(long, env = "PROMPTSTER_JWKS", value_name = "URL|FILE", requires_all = ["jwt_issuer", "jwt_audiences"])]
    pub jwks: Option<JwksSource>,
    /// Who has to have issued a token (`iss`)
    #[arg(long, env = "PROMPTSTER_JWT_ISSUER", value_name = "ISSUER")]
    pub jwt_issuer: Option<String>,
    /// Whom a token has to be for (`aud`); one of them is enough; repeat it, or separate with commas
    #[arg(long = "jwt-audience", env = "PROMPTSTER_JWT_AUDIENCE", value_name = "AUDIENCE", value_delimiter = ',')]
    pub jwt_audiences: Vec<String>,
    /// The claim with the organisation's external or own id, as a name or a path; the first that is there counts
    #[arg(
        long = "jwt-org-claim",
        env = "PROMPTSTER_JWT_ORG_CLAIM",
        value_name = "CLAIM",
        value_delimiter = ',',
        default_values = ["org_id", "o.id"]
    )]
    pub jwt_org_claims: Vec<String>,
    /// The claim that says `read` of those who may only read [default: whoever signs in may write]
    #[arg(long, env = "PROMPTSTER_JWT_SCOPE_CLAIM", value_name = "CLAIM")]
    pub jwt_scope_claim: Option<String>,
}

impl JwtOptions {
    /// What the edge wants to be told; `None` when there is no provider.
    pub(super) fn settings(&self) -> Option<JwtSettings> {
        Some(JwtSettings {
            jwks: self.jwks.clone()?,
            issuer: self.jwt_issuer.clone()?,
            audiences: self.jwt_audiences.clone(),
            org_claims: self.jwt_org_claims.clone(),
            scope_claim: self.jwt_scope_claim.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::config::Cli;

    #[test]
    fn keys_without_an_issuer_and_an_audience_are_refused() {
        let parse = |flags: &[&str]| Cli::try_parse_from(["promptster-server"].iter().chain(flags));
        let jwks = ["--jwks", "https://id.example.org/jwks.json"];
        let all = [&jwks[..], &["--jwt-issuer", "i", "--jwt-audience", "a,b"]].concat();
        let settings = parse(&all).unwrap().serve.http.jwt.settings().unwrap();
        assert_eq!((settings.audiences.len(), settings.org_claims.join(" ")), (2, "org_id o.id".to_owned()));
        assert!(parse(&jwks).is_err());
        assert!(parse(&all[..4]).is_err());
        assert!(parse(&[&["--jwks", "http://id.example.org/jwks.json"], &all[2..]].concat()).is_err());
        assert!(parse(&[&["--jwks", "http://127.0.0.1:99/jwks.json"], &all[2..]].concat()).is_ok());
        assert!(parse(&[]).unwrap().serve.http.jwt.settings().is_none());
    }
}
