//! The endpoints: one file per family; each handler is a short story.

mod health;
mod index;
mod metrics;
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
            handler: |app, _, _| Box::pin(std::future::ready(Ok(index::page(&app)))),
        },
        Route {
            path: "/metrics",
            method: Method::GET,
            codes: &[200],
            always: true,
            access: Access::Token,
            handler: |app, _, request| Box::pin(metrics::expose(app, request)),
        },
    ];
    routes.extend(health::ops_routes());
    Router::new(routes)
}
