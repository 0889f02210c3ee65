//! The endpoints: one file per family; each handler is a short story.

mod errors;
mod health;
mod index;
mod large_answers;
mod log_level;
mod metrics;
mod page;
mod settings;

use std::future::ready;

use http::Method;

use crate::accounts;
use crate::http::{Access, Handler, Route, Router};
use crate::state::App;

pub use self::large_answers::places as places_of_large_answers;

/// What API clients are served.
pub fn api_routes() -> Router<App> {
    let mut routes = vec![Route {
        path: "/users/",
        method: Method::POST,
        codes: &[201, 400, 408, 409, 413, 415, 422],
        always: false,
        access: Access::Open,
        handler: |app, context, request| Box::pin(accounts::register(app, context, request)),
    }];
    routes.extend(health::api_routes());
    Router::new(routes)
}

/// What operators and Prometheus are served.
pub fn ops_routes() -> Router<App> {
    let mut routes = vec![
        view("/", |app, _, _| Box::pin(ready(index::show(&app)))),
        view("/metrics", |app, context, request| Box::pin(metrics::expose(app, context, request))),
        Route {
            codes: &[200, 400],
            ..view("/errors", |app, context, request| Box::pin(ready(errors::report(&app, &context, &request))))
        },
        view("/log-level", |app, _, _| Box::pin(ready(log_level::show(&app)))),
        Route {
            path: "/log-level",
            method: Method::PUT,
            codes: &[200, 400, 408, 413, 415, 422],
            always: true,
            access: Access::TokenAlways,
            handler: |app, context, request| Box::pin(log_level::change(app, context, request)),
        },
        view("/config", |app, _, _| Box::pin(ready(settings::config(&app)))),
        view("/version", |_, _, _| Box::pin(ready(settings::version()))),
    ];
    routes.extend(health::ops_routes());
    Router::new(routes)
}

/// What operators look at: answered even when the service is overloaded.
fn view(path: &'static str, handler: Handler<App>) -> Route<App> {
    Route { path, method: Method::GET, codes: &[200], always: true, access: Access::Token, handler }
}
