//! neodyme: a user-registration service that explains itself. This page is the map of the code.
//!
//! # Layers
//!
//! A module uses those of its own layer and of the layers below. There are two exceptions: [`app::App`] is what handlers
//! share, and a job ([`outbox::Job`], [`outbox::Topic`] …) is a value that others store, deliver and count.
//!
//! | layer | module | what it is |
//! |---|---|---|
//! | process | [`cli`] | the subcommands, from the command line to the exit code |
//! | | [`app`] | the life of `neodyme serve`, and what its parts share |
//! | | [`limits`] | what the system lets the process have, and whether the settings fit into it |
//! | endpoints | [`handlers`] | one file each, and each a short story |
//! | work | [`registration`] | the main job, step by step |
//! | | [`import`] | users who come from another service |
//! | | [`outbox`] | the jobs that follow a commit: claimed, delivered, put off, given up |
//! | | [`health`] | the checks of what the service depends on, and what is believed of them |
//! | | [`password`] | the threads that hash |
//! | outside | [`db`] | users, audit and jobs, in SQLite or PostgreSQL |
//! | | [`mail`] | the welcome email, over SMTP or into files |
//! | | [`analytics`] | the events for the analytics service |
//! | HTTP | [`server`] | the listeners: connections, their limits, their end |
//! | | [`http`] | the path of a request: routes, ids, body, answer, and the one observer that times, counts and logs it |
//! | values | [`domain`] | what a valid email, name and password are; no I/O |
//! | everywhere | [`config`] | every setting: its sources, its checks, its reference |
//! | | [`error`] | the one error, and the table of its codes |
//! | | [`errors`] | the one place that records an error, with the last samples of each type |
//! | | [`metrics`] | the only place that names a metric |
//! | | [`clock`] | what time it is, and how sure that is |
//! | | [`fairness`] | what one client may take of what all share |
//! | | [`json`] | JSON as clients send it |
//! | | [`label`] | closed sets of label values |
//! | | [`logging`] | JSON lines, written by a thread of their own |
//! | | [`lifecycle`] | starting, ready, draining, closing |
//! | | [`accept`] | what a client accepts |
//! | | [`redaction`] | a text of others without secrets and persons |
//! | | [`text`] | characters that cannot be seen |
//! | | [`tls`] | whom a TLS connection trusts |
//! | | [`timestamp`] | time as clients and logs read it |
//! | | [`mod@build`] | version, revision, compiler |
//!
//! # Endpoints
//!
//! | listener | endpoint | handler |
//! |---|---|---|
//! | API | `POST /users/` | `handlers::users` |
//! | API, operations | `GET /health/` | `handlers::health` |
//! | | `GET /health/live` | |
//! | | `GET /health/ready` | |
//! | operations | `GET /health/detailed` | |
//! | | `GET /health/metrics` | |
//! | operations | `GET /` | `handlers::index` |
//! | operations | `GET /metrics` | `handlers::metrics` |
//! | operations | `GET /errors` | `handlers::errors` |
//! | operations | `GET /log-level`, `PUT /log-level` | `handlers::log_level` |
//! | operations | `GET /config`, `GET /version` | `handlers::settings` |
//!
//! # The path of a registration
//!
//! 1. [`server`] accepts the connection and holds it to its limits.
//! 2. [`http::Service`] gives the request its ids, finds the route and observes whatever happens from here on.
//! 3. [`registration::register`] reads the body into a [`domain::Registration`], all faults at once; asks [`db::users`]
//!    whether the address is taken, as a courtesy; has [`password::HashPool`] hash the password.
//! 4. One transaction writes the user, the audit row and a job for each thing that follows. It runs to its end even if the
//!    client leaves. Uniqueness is the database's.
//! 5. The answer is 201: all of that is durable.
//! 6. [`outbox`] has the jobs delivered, here or on another instance: [`mail`] sends the welcome, [`analytics`] the event.
//!    A failure is tried again and never touches the registration.
//!
//! Each step is timed in [`metrics`] and told in [`logging`], under the request's id.

pub mod accounts;
pub mod analytics;
pub mod build;
pub mod cli;
pub mod clock;
pub mod config;
pub mod error;
pub mod fairness;
pub mod health;
pub mod http;
pub mod label;
pub mod lifecycle;
pub mod limits;
pub mod mail;
pub mod operations;
pub mod outbox;
pub mod password;
pub mod redaction;
pub mod serve;
pub mod server;
pub mod state;
pub mod store;
pub mod telemetry;
pub mod text;
pub mod tls;
pub mod values;
