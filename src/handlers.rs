//! The endpoints: one file per family; each handler is a short story.

mod errors;
mod health;
mod index;
mod log_level;
mod metrics;
mod page;
mod settings;
mod users;

use http::Method;

use crate::app::App;
use crate::http::{Access, Route, Router};

pub use self::users::refresh_users;

/// What API clients are served.
pub fn api_routes() -> Router<App> {
    let mut routes = vec![Route {
        path: "/users/",
        method: Method::POST,
        codes: &[201, 400, 408, 409, 413, 415, 422],
        always: false,
        access: Access::Open,
        handler: |app, context, request| Box::pin(users::register(app, context, request)),
    }];
    routes.extend(health::api_routes());
    Router::new(routes)
}

/// What operators and Prometheus are served.
pub fn ops_routes() -> Router<App> {
    let mut routes = vec![
        Route {
            path: "/",
            method: Method::GET,
            codes: &[200],
            always: true,
            access: Access::Token,
            handler: |app, _, _| Box::pin(std::future::ready(index::show(&app))),
        },
        Route {
            path: "/metrics",
            method: Method::GET,
            codes: &[200],
            always: true,
            access: Access::Token,
            handler: |app, _, request| Box::pin(metrics::expose(app, request)),
        },
        Route {
            path: "/errors",
            method: Method::GET,
            codes: &[200, 400],
            always: true,
            access: Access::Token,
            handler: |_, _, request| Box::pin(std::future::ready(errors::report(&request))),
        },
        Route {
            path: "/log-level",
            method: Method::GET,
            codes: &[200],
            always: true,
            access: Access::Token,
            handler: |app, _, _| Box::pin(std::future::ready(log_level::show(&app))),
        },
        Route {
            path: "/log-level",
            method: Method::PUT,
            codes: &[200, 400, 408, 413, 415, 422],
            always: true,
            access: Access::TokenAlways,
            handler: |app, context, request| Box::pin(log_level::change(app, context, request)),
        },
        Route {
            path: "/config",
            method: Method::GET,
            codes: &[200],
            always: true,
            access: Access::Token,
            handler: |app, _, _| Box::pin(std::future::ready(settings::config(&app))),
        },
        Route {
            path: "/version",
            method: Method::GET,
            codes: &[200],
            always: true,
            access: Access::Token,
            handler: |_, _, _| Box::pin(std::future::ready(settings::version())),
        },
    ];
    routes.extend(health::ops_routes());
    Router::new(routes)
}
