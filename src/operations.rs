//! What operators and Prometheus are served, and the checks of health that everybody is: one file for each endpoint.

mod errors;
mod health;
mod index;
mod large_answers;
mod log_level;
mod metrics;
mod openapi;
mod page;
mod readiness;
mod settings;

use crate::accounts;
use crate::http::{Endpoint, Router};
use crate::state::App;

pub use self::large_answers::places as places_of_large_answers;
pub use self::openapi::Listener;

/// The endpoints of the API listener.
pub fn api_routes() -> Router<App> {
    let mut table = accounts::endpoints();
    table.extend(health::of_api());
    table.push(openapi::endpoint(Listener::Api));
    Router::new(table)
}

/// The endpoints of the operations listener.
pub fn ops_routes() -> Router<App> {
    let mut table: Vec<Endpoint<App>> = vec![index::endpoint()];
    table.extend(health::of_operations());
    table.push(errors::endpoint());
    table.push(metrics::endpoint());
    table.extend(log_level::endpoints());
    table.extend(settings::endpoints());
    table.push(openapi::endpoint(Listener::Operations));
    Router::new(table)
}
