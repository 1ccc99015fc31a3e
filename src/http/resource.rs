//! One line of the route table: a path and the methods it has; any other method is refused by name. A line also knows
//! what its handlers say of themselves (see [`super::openapi`]).

use std::future::ready;

use actix_web::{
    FromRequest, Handler, HttpRequest, Resource, Responder,
    dev::{AppService, HttpServiceFactory},
    guard, web,
};

use super::{
    cors,
    error::ApiError,
    openapi::{described::Described, operation::Operation},
};

/// A path and its methods.
pub struct At {
    path: &'static str,
    resource: Resource,
    methods: Vec<Method>,
}

struct Method {
    /// As `Allow` names it.
    allow: &'static str,
    describe: fn(&mut Operation),
}

/// A method of a path, as it is described.
pub struct Route {
    /// `GET`, `POST` …
    pub method: &'static str,
    /// With `{id}` where an id stands.
    pub path: String,
    /// What the handler's arguments say.
    pub describe: fn(&mut Operation),
}

impl Route {
    /// Whether programs call it. Pages for people are not described.
    #[must_use]
    pub fn is_of_the_api(&self) -> bool {
        self.path.starts_with("/v1/")
    }

    /// A name for generated clients: `getSessionsTimeline`.
    #[must_use]
    pub fn name(&self) -> String {
        let path = self.path.strip_prefix("/v1").unwrap_or(&self.path);
        let mut name = self.method.to_ascii_lowercase();
        for word in path.split(['/', '-', '.']).filter(|word| !word.is_empty()) {
            let (by, word) = match word.strip_prefix('{') {
                Some(word) => ("By", word.trim_end_matches('}')),
                None => ("", word),
            };
            let mut letters = word.chars();
            name.push_str(by);
            name.extend(letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters));
        }
        name
    }
}

/// Begins a line of the route table.
#[must_use]
pub fn at(path: &'static str) -> At {
    At { path, resource: web::resource(path), methods: Vec::new() }
}

/// Declares the methods that a line can have.
macro_rules! methods {
    ($($name:ident = $allow:literal $route:expr;)*) => {$(
        #[doc = concat!("Answers `", $allow, "`.")]
        #[must_use]
        pub fn $name<F, Args>(self, handler: F) -> Self
        where
            F: Handler<Args>,
            Args: FromRequest + Described + 'static,
            F::Output: Responder + 'static,
        {
            self.with(Method { allow: $allow, describe: Args::describe }, $route.to(handler))
        }
    )*};
}

impl At {
    methods! {
        get = "GET, HEAD" web::route().guard(guard::Any(guard::Get()).or(guard::Head()));
        stream = "GET" web::get();
        post = "POST" web::post();
        put = "PUT" web::put();
        patch = "PATCH" web::patch();
        delete = "DELETE" web::delete();
    }

    fn with(mut self, method: Method, route: actix_web::Route) -> Self {
        self.methods.push(method);
        Self { resource: self.resource.route(route), ..self }
    }

    /// Its methods, as they are described.
    pub fn routes(&self) -> impl Iterator<Item = Route> {
        self.methods.iter().map(|method| Route {
            method: method.allow.split(',').next().unwrap_or_default(),
            // A part that takes all that follows is a part like others.
            path: self.path.replace(":.*}", "}"),
            describe: method.describe,
        })
    }
}

impl HttpServiceFactory for At {
    fn register(self, config: &mut AppService) {
        let allow = self.methods.iter().map(|method| method.allow).collect::<Vec<_>>().join(", ");
        let methods = allow.clone();
        let preflight = move |request: HttpRequest| ready(cors::preflight(&request, &methods));
        let refuse = move || ready(Err::<&'static str, _>(ApiError::method_not_allowed(allow.clone())));
        self.resource
            .route(web::route().guard(guard::Options()).guard(guard::fn_guard(cors::is_preflight)).to(preflight))
            .default_service(web::to(refuse))
            .register(config);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_named_by_method_and_path() {
        let name = |method, path: &str| Route { method, path: path.to_owned(), describe: |_| () }.name();
        assert_eq!(name("GET", "/v1/sessions/{id}/recent-activity"), "getSessionsByIdRecentActivity");
        assert_eq!(name("DELETE", "/v1/assessments/{id}/keys/{keyId}"), "deleteAssessmentsByIdKeysByKeyId");
        assert_eq!(name("GET", "/v1/openapi.json"), "getOpenapiJson");
    }
}
