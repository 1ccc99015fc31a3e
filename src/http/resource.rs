//! One line of the route table: a path and the methods it has; any other method is refused by name.

use std::future::ready;

use actix_web::{
    FromRequest, Handler, HttpRequest, Resource, Responder, Route,
    dev::{AppService, HttpServiceFactory},
    guard, web,
};

use super::{cors, error::ApiError};

/// A path and its methods.
pub struct At {
    resource: Resource,
    allow: Vec<&'static str>,
}

/// Begins a line of the route table.
#[must_use]
pub fn at(path: &str) -> At {
    At { resource: web::resource(path), allow: Vec::new() }
}

/// Declares the methods that a line can have.
macro_rules! methods {
    ($($name:ident = $allow:literal $route:expr;)*) => {$(
        #[doc = concat!("Answers `", $allow, "`.")]
        #[must_use]
        pub fn $name<F, Args>(self, handler: F) -> Self
        where
            F: Handler<Args>,
            Args: FromRequest + 'static,
            F::Output: Responder + 'static,
        {
            self.with($allow, $route.to(handler))
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

    fn with(mut self, allow: &'static str, route: Route) -> Self {
        self.allow.push(allow);
        Self { resource: self.resource.route(route), allow: self.allow }
    }
}

impl HttpServiceFactory for At {
    fn register(self, config: &mut AppService) {
        let allow = self.allow.join(", ");
        let methods = allow.clone();
        let preflight = move |request: HttpRequest| ready(cors::preflight(&request, &methods));
        let refuse = move || ready(Err::<&'static str, _>(ApiError::method_not_allowed(allow.clone())));
        self.resource
            .route(web::route().guard(guard::Options()).guard(guard::fn_guard(cors::is_preflight)).to(preflight))
            .default_service(web::to(refuse))
            .register(config);
    }
}
