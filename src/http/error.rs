//! Every refusal: its name, its status and its sentence in one table, and the one conversion to HTTP.

use std::{
    fmt,
    sync::atomic::{AtomicI64, Ordering},
};

use actix_web::{
    HttpResponse, ResponseError,
    http::{StatusCode, header},
};
use domain::Detail;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::clock;

/// Declares the refusals: variant, status, name for programs, sentence for persons.
macro_rules! refusals {
    ($($variant:ident = $status:literal $code:literal $sentence:literal;)*) => {
        /// Why a request is not done.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Refusal {
            $(#[doc = $sentence] $variant,)*
        }

        impl Refusal {
            /// The name that replies, metrics and logs share.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// The status of the reply.
            #[must_use]
            pub fn status(self) -> StatusCode {
                let status: u16 = match self { $(Self::$variant => $status,)* };
                StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            }

            /// The sentence for a person.
            #[must_use]
            pub fn sentence(self) -> &'static str {
                match self { $(Self::$variant => $sentence,)* }
            }

            #[cfg(test)]
            pub(crate) const ALL: &'static [Self] = &[$(Self::$variant,)*];
        }
    };
}

#[rustfmt::skip]
refusals! {
    InvalidJson         = 400 "invalid_json"         "The body is not valid JSON.";
    ValidationFailed    = 400 "validation_failed"    "Some fields are wrong; `details` names each of them.";
    InvalidQuery        = 400 "invalid_query"        "A query parameter is wrong; `details` names it.";
    BatchTooLarge       = 400 "batch_too_large"      "A batch holds at most 500 events.";
    UnknownPosition     = 400 "unknown_position"     "`after` is not an event of this session.";
    IssueNotFound       = 400 "issue_not_found"      "There is no such issue.";
    RubricNotFound      = 400 "rubric_not_found"     "There is no such rubric.";
    BadRequest          = 400 "bad_request"          "The request cannot be understood.";
    OidcState           = 400 "oidc_state"           "This sign-in was not begun in this browser, was used already, or took longer than ten minutes.";
    Unauthorized        = 401 "unauthorized"         "A valid credential is required.";
    BudgetSpent         = 402 "budget_spent"         "The budget of this assessment for model traffic is spent.";
    SharedIssue         = 403 "shared_issue"         "Issues of the shared catalogue are changed in its file.";
    InsufficientScope   = 403 "insufficient_scope"   "The scopes of this API key or member do not allow this.";
    ReviewerOnly        = 403 "reviewer_only"        "This is for reviewers only.";
    CandidateOnly       = 403 "candidate_only"       "This is for candidates only.";
    ConsentRequired     = 403 "consent_required"     "The candidate has to accept the disclosure first.";
    SessionMismatch     = 403 "session_mismatch"     "This credential belongs to another session.";
    OriginRefused       = 403 "origin_refused"       "Browsers may not connect from this origin.";
    CrossSite           = 403 "cross_site"           "A sign-in counts only for requests of the dashboard's own pages.";
    OidcDenied          = 403 "oidc_denied"          "The identity provider did not sign anybody in.";
    OidcToken           = 403 "oidc_token"           "What the identity provider says of who signed in cannot be verified.";
    OidcIssuer          = 403 "oidc_issuer"          "What says who signed in comes from another identity provider.";
    OidcAudience        = 403 "oidc_audience"        "What the identity provider says of who signed in is meant for another program.";
    OidcNonce           = 403 "oidc_nonce"           "What the identity provider says of who signed in belongs to another attempt.";
    OidcExpired         = 403 "oidc_expired"         "What the identity provider says of who signed in is out of date.";
    EmailNotVerified    = 403 "email_not_verified"   "The identity provider does not vouch for an e-mail address of yours.";
    NotAMember          = 403 "not_a_member"         "Nobody has made you a member of an organisation here.";
    NotYourOrg          = 403 "not_your_organisation" "This sign-in does not stand for that organisation.";
    NotFound            = 404 "not_found"            "There is nothing here.";
    KeyNotFound         = 404 "key_not_found"        "There is no such key. Check it for typing errors.";
    NoProviderKey       = 404 "no_provider_key"      "This server has no key for this provider of models; its operator can give it one.";
    OidcOff             = 404 "oidc_off"             "No identity provider is set up on this server.";
    JudgeOff            = 404 "judge_off"            "No language model judges prompts on this server; its operator can set one up.";
    MethodNotAllowed    = 405 "method_not_allowed"   "This method is not allowed here; `Allow` names those that are.";
    BodyTimeout         = 408 "request_timeout"      "The body did not arrive in time.";
    AlreadyCompleted    = 409 "already_completed"    "This assessment is completed already.";
    DisclosureOutdated  = 409 "disclosure_outdated"  "The disclosure has changed since; show the current one and ask again.";
    MemberExists        = 409 "member_exists"        "Somebody with this address is a member already.";
    SessionExists       = 409 "session_exists"       "Session already exists";
    InvalidTransition   = 409 "invalid_transition"   "The key is not in a state that allows this.";
    SessionEnded        = 409 "session_ended"        "This session has ended.";
    NoCommit            = 409 "no_commit"            "No commit is known that this session began with, and a note needs one.";
    NotRedeemed         = 409 "not_redeemed"         "This key has no session yet; redeem it first.";
    TooManyScores       = 409 "too_many_scores"      "A session holds at most 256 scores of reviewers.";
    Conflict            = 409 "conflict"             "It was changed meanwhile; try again.";
    KeyExpired          = 410 "key_expired"          "This key has expired.";
    KeyRevoked          = 410 "key_revoked"          "This key was revoked.";
    SessionDeleted      = 410 "session_deleted"      "This session was deleted.";
    PayloadTooLarge     = 413 "payload_too_large"    "The body is too large.";
    UnsupportedType     = 415 "unsupported_type"     "Only application/gzip is accepted here.";
    UnsupportedEncoding = 415 "unsupported_encoding" "Only gzip is accepted as Content-Encoding.";
    TooManyConnections  = 429 "too_many_connections" "There are too many connections from this address.";
    TooManyStreams      = 429 "too_many_streams"     "Too many sockets are open already; close one first.";
    TooManyWatchers     = 429 "too_many_watchers"    "Too many are watching already; `limit` says whose limit it is.";
    TooManyWebhooks     = 409 "too_many_webhooks"    "An organisation has at most 20 webhooks; delete one first.";
    RateLimited         = 429 "rate_limited"         "Too many requests; try again later.";
    ClientGone          = 499 "client_gone"          "The client hung up before there was an answer.";
    Internal            = 500 "internal"             "Something went wrong on our side; `requestId` names this failure.";
    ProviderUnreachable = 502 "provider_unreachable" "The provider of the model does not answer.";
    OidcUnreachable     = 502 "oidc_unreachable"     "The identity provider does not answer as it should; try again in a moment.";
    NotReady            = 503 "not_ready"            "A part that is needed does not answer; `unavailable` names it.";
    Overloaded          = 503 "overloaded"           "There is more to do than can be done; try again in a moment.";
    Unavailable         = 503 "unavailable"          "The service is unavailable for the moment; try again.";
}

/// A refusal with what belongs to it.
#[derive(Debug, Clone)]
pub struct ApiError {
    refusal: Refusal,
    details: Vec<Detail>,
    extra: Vec<(&'static str, Value)>,
    retry_after_s: Option<u64>,
    allow: Option<String>,
    cause: Option<String>,
}

impl ApiError {
    /// The fields that are wrong.
    #[must_use]
    pub fn invalid(details: Vec<Detail>) -> Self {
        Self { details, ..Refusal::ValidationFailed.into() }
    }

    /// The query parameters that are wrong.
    #[must_use]
    pub fn invalid_query(details: Vec<Detail>) -> Self {
        Self { details, ..Refusal::InvalidQuery.into() }
    }

    /// A field that names what is not there.
    #[must_use]
    pub fn names_nothing(refusal: Refusal, field: &str) -> Self {
        Self { details: vec![Detail::new(&[field], refusal.code(), refusal.sentence())], ..refusal.into() }
    }

    /// A fault of ours; `cause` goes to the log only.
    #[must_use]
    pub fn internal(cause: impl fmt::Display) -> Self {
        Self { cause: Some(cause.to_string()), ..Refusal::Internal.into() }
    }

    /// A part that does not answer; `cause` goes to the log only.
    #[must_use]
    pub fn unavailable(cause: impl fmt::Display) -> Self {
        Self { cause: Some(cause.to_string()), ..Refusal::Unavailable.into() }
    }

    /// A refusal whose cause is for the log only.
    #[must_use]
    pub fn caused(refusal: Refusal, cause: impl fmt::Display) -> Self {
        Self { cause: Some(cause.to_string()), ..refusal.into() }
    }

    /// When to come again, in seconds, where that is told.
    #[must_use]
    pub fn retry_after_s(&self) -> Option<u64> {
        self.retry_after_s
    }

    /// A budget that is used up for `seconds`.
    #[must_use]
    pub fn rate_limited(seconds: u64) -> Self {
        Self { retry_after_s: Some(seconds.max(1)), ..Refusal::RateLimited.into() }
    }

    /// A method that is not among `allow`.
    #[must_use]
    pub fn method_not_allowed(allow: String) -> Self {
        Self { allow: Some(allow), ..Refusal::MethodNotAllowed.into() }
    }

    /// Adds a field to the body.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.extra.push((name, value.into()));
        self
    }

    /// Which refusal it is.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        self.refusal
    }

    /// The body, e.g. for a member of a batch. A fault of ours is named by `request_id`.
    #[must_use]
    pub fn body(&self, request_id: &str) -> Value {
        let mut body = Map::from_iter([
            ("error".to_owned(), self.refusal.sentence().into()),
            ("code".to_owned(), self.refusal.code().into()),
        ]);
        if !self.details.is_empty() {
            body.insert("details".to_owned(), json!(self.details));
        }
        if self.refusal == Refusal::Internal && !request_id.is_empty() {
            body.insert("requestId".to_owned(), request_id.into());
        }
        body.extend(self.extra.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        Value::Object(body)
    }

    /// The reply.
    #[must_use]
    pub fn respond(&self, request_id: &str) -> HttpResponse {
        let mut response = HttpResponse::build(self.refusal.status());
        if let Some(seconds) = self.retry_after_s {
            response.insert_header((header::RETRY_AFTER, seconds));
        }
        if let Some(allow) = &self.allow {
            response.insert_header((header::ALLOW, allow.as_str()));
        }
        if self.refusal == Refusal::Unauthorized {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        response.json(self.body(request_id))
    }

    /// Counts and logs it: called once, where the reply is made.
    pub fn report(&self, request_id: &str) {
        let code = self.refusal.code();
        metrics::counter!("promptster_refusals_total", "code" => code).increment(1);
        let cause = self.cause.as_deref().unwrap_or_default();
        if self.refusal == Refusal::Internal {
            tracing::error!(request_id, code, cause, "request failed");
        } else if self.refusal.status().is_server_error() {
            // Thousands at once say no more than one: the counter has them all.
            if is_first_of_this_second() {
                tracing::warn!(request_id, code, cause, "requests fail; one of them a second is logged");
            }
        } else {
            tracing::debug!(request_id, code, cause, "request refused");
        }
    }
}

fn is_first_of_this_second() -> bool {
    static LAST: AtomicI64 = AtomicI64::new(0);
    let second = clock::now().millis() / 1000;
    LAST.swap(second, Ordering::Relaxed) != second
}

/// From one to four seconds, so that all those who were refused at once do not come back at once.
fn retry_after_s() -> u64 {
    1 + u64::from(Uuid::new_v4().as_bytes()[0] % 4)
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let passes = [
            Refusal::Unavailable,
            Refusal::Overloaded,
            Refusal::NotReady,
            Refusal::TooManyConnections,
            Refusal::TooManyStreams,
            Refusal::TooManyWatchers,
        ];
        let retry_after_s = passes.contains(&refusal).then(retry_after_s);
        Self { refusal, details: Vec::new(), extra: Vec::new(), retry_after_s, allow: None, cause: None }
    }
}

impl From<redis_scripts::Error> for ApiError {
    fn from(error: redis_scripts::Error) -> Self {
        match error {
            // Refused is mostly "out of memory" or "read-only": it passes, and nothing was written.
            redis_scripts::Error::Unavailable(_)
            | redis_scripts::Error::Refused(_)
            | redis_scripts::Error::Denied(_) => Self::unavailable(error),
            redis_scripts::Error::Corrupt(_) => Self::internal(error),
        }
    }
}

impl From<clickhouse_schema::Error> for ApiError {
    fn from(error: clickhouse_schema::Error) -> Self {
        match error {
            clickhouse_schema::Error::Unavailable(_) => Self::unavailable(error),
            _ => Self::internal(error),
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.refusal.code())
    }
}

impl std::error::Error for ApiError {}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.refusal.status()
    }

    fn error_response(&self) -> HttpResponse {
        self.respond("")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_refusal_has_a_name_of_its_own_a_status_and_a_sentence() {
        let names: HashSet<_> = Refusal::ALL.iter().map(|refusal| refusal.code()).collect();
        assert_eq!(names.len(), Refusal::ALL.len());
        for refusal in Refusal::ALL {
            let status = refusal.status();
            assert!(status.is_client_error() || status.is_server_error(), "{refusal:?}");
            assert!(refusal.code().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{refusal:?}");
            assert!(!refusal.sentence().is_empty());
        }
    }

    #[test]
    fn a_fault_of_ours_shows_the_request_id_and_never_its_cause() {
        let body = ApiError::internal("connection string redis://secret").body("r-1");
        assert_eq!(body["requestId"], "r-1");
        assert!(!body.to_string().contains("secret"));
    }

    #[test]
    fn what_passes_says_when_to_come_back() {
        let of = |error: ApiError| error.respond("r").headers().get(header::RETRY_AFTER).cloned();
        assert_eq!(of(ApiError::rate_limited(0)).unwrap(), "1");
        assert!(of(redis_scripts::Error::Unavailable("away".into()).into()).is_some());
        assert!(of(Refusal::NotFound.into()).is_none());
    }
}
