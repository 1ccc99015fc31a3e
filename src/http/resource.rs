//! One line of the route table: a path and the methods it has; any other method is refused by name.

use actix_web::{
    FromRequest, Handler, Resource, Responder, Route,
    dev::{AppService, HttpServiceFactory},
    guard, web,
};

use super::error::ApiError;

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
        let refuse = move || {
            let refusal = ApiError::method_not_allowed(allow.clone());
            async move { Err::<&'static str, _>(refusal) }
        };
        self.resource.default_service(web::to(refuse)).register(config);
    }
}
