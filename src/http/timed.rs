//! How long requests take, by route: for the metrics, and only where somebody reads them.

use std::time::Instant;

use actix_web::{
    dev::ServiceRequest,
    http::{Method, StatusCode},
};

use crate::measures;

/// A request that is being answered; nothing when nobody reads how long it takes.
pub(super) struct Timed(Option<Begun>);

struct Begun {
    at: Instant,
    route: String,
    method: &'static str,
}

impl Timed {
    /// Begins with a request whose head has come.
    pub(super) fn begin(request: &ServiceRequest) -> Self {
        if !measures::are_read() {
            return Self(None);
        }
        Self(Some(Begun { at: Instant::now(), route: route_of(request), method: known(request.method()) }))
    }

    /// Ends with the head of the reply.
    pub(super) fn end(self, status: StatusCode) {
        let Some(Begun { at, route, method }) = self.0 else { return };
        let seconds = at.elapsed().as_secs_f64();
        metrics::histogram!("promptster_request_seconds", "method" => method, "route" => route.clone()).record(seconds);
        let status = status.as_str().to_owned();
        metrics::counter!("promptster_requests_total", "method" => method, "route" => route, "status" => status)
            .increment(1);
    }
}

/// The pattern of a route, never the path: a path holds ids, and there are as many of them as clients like.
pub(crate) fn route_of(request: &ServiceRequest) -> String {
    request.match_pattern().unwrap_or_else(|| "none".to_owned())
}

/// A client may call a method whatever it likes.
pub(crate) fn known(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    KNOWN.into_iter().find(|known| method.as_str() == *known).unwrap_or("other")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_that_a_client_made_up_is_no_label() {
        let of = |name: &str| known(&name.parse().unwrap());
        assert_eq!([of("GET"), of("DELETE"), of("BREW"), of("get")], ["GET", "DELETE", "other", "other"]);
    }
}
