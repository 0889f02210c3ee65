//! What operators and Prometheus are served, and the checks of health that everybody is: one file for each endpoint.

mod errors;
mod health;
mod in_force;
mod index;
mod large_answers;
mod log_level;
mod metrics;
mod openapi;
mod page;
mod readiness;
mod runbooks;
mod settings;
mod words;

use self::openapi::About;
use crate::accounts;
use crate::config::Config;
use crate::http::{Access, Document, Endpoint, Router};
use crate::state::App;

pub use self::large_answers::places as places_of_large_answers;
pub use self::runbooks::{runbook, runbooks};
pub use crate::telemetry::metrics::Listener;

/// The endpoints of the API listener.
pub fn api_routes(config: &Config) -> Router<App> {
    let router = Router::new(Listener::Api, table(Listener::Api, Some(config)));
    router.also_below(config.api_prefix.clone()).open_to(&config.cors_allowed_origins)
}

/// The endpoints of the operations listener.
pub fn ops_routes() -> Router<App> {
    Router::new(Listener::Operations, table(Listener::Operations, None))
}

/// The OpenAPI document of a listener's endpoints, where nothing is set.
pub fn document(listener: Listener) -> serde_json::Value {
    openapi::describe(&table(listener, None), &about(listener, None))
}

fn table(listener: Listener, config: Option<&Config>) -> Vec<Endpoint<App>> {
    match listener {
        Listener::Api => {
            let table = accounts::endpoints().into_iter().chain(health::of_api());
            let mut table = openapi::with_document(table.collect(), &about(listener, config), Access::Anyone);
            // For people, and no part of the API that the document describes.
            if config.is_some_and(|config| config.hosted_pages) {
                table.extend(accounts::pages());
            }
            table
        }
        Listener::Operations => {
            let (index, links) = index::endpoint();
            let mut table = vec![index];
            table.extend(health::of_operations());
            table.extend([errors::endpoint(), metrics::endpoint()]);
            table.extend(log_level::endpoints());
            table.extend(settings::endpoints());
            table.extend(runbooks::endpoints());
            let table = openapi::with_document(table, &about(listener, config), Access::Token);
            links.fill(&table);
            table
        }
    }
}

fn about(listener: Listener, config: Option<&Config>) -> About {
    let prefix = config.and_then(|config| config.api_prefix.as_ref());
    let document = match listener {
        Listener::Api => Document {
            title: "neodyme",
            description: "Registration of users. Errors are problem documents (RFC 9457): `code` names them, and \
                          docs/ERRORS.md explains them.",
            prefix: prefix.cloned(),
            is_limited: true,
            webhooks: accounts::webhooks::described(),
        },
        Listener::Operations => Document {
            title: "neodyme operations",
            description: "Health, metrics, errors and settings, for operators and their tools.",
            prefix: None,
            is_limited: false,
            webhooks: Vec::new(),
        },
    };
    About { document, min_characters: config.map(|config| config.new_password.min_characters) }
}
