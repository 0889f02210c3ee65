//! The endpoints: one file per family; each handler is a short story.

mod health;
mod index;
mod metrics;
mod users;

use http::Method;

use crate::app::App;
use crate::http::{Route, Router};

pub use self::users::refresh_users;

/// What API clients are served.
pub fn api_routes() -> Router<App> {
    Router::new(vec![
        Route {
            path: "/users/",
            method: Method::POST,
            codes: &[201, 400, 408, 409, 413, 415, 422],
            always: false,
            handler: |app, context, request| Box::pin(users::register(app, context, request)),
        },
        health_route(),
    ])
}

/// What operators and Prometheus are served.
pub fn ops_routes() -> Router<App> {
    Router::new(vec![
        Route {
            path: "/",
            method: Method::GET,
            codes: &[200],
            always: true,
            handler: |app, _, _| Box::pin(std::future::ready(Ok(index::page(&app)))),
        },
        Route {
            path: "/metrics",
            method: Method::GET,
            codes: &[200],
            always: true,
            handler: |app, _, request| Box::pin(metrics::expose(app, request)),
        },
        health_route(),
    ])
}

fn health_route() -> Route<App> {
    Route {
        path: "/health/",
        method: Method::GET,
        codes: &[200],
        always: true,
        handler: |app, _, _| Box::pin(std::future::ready(health::report(&app))),
    }
}
