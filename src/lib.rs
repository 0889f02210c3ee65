//! neodyme: a user-registration service that explains itself. This page is the map of the code.
//!
//! # Layers
//!
//! A module uses those of its own layer and of the layers below, and no file uses another in a circle: `tests/layers.rs`
//! reads every path in the code, and knows no exceptions.
//!
//! | layer | module | what it is |
//! |---|---|---|
//! | process | [`cli`] | the subcommands, from the command line to the exit code |
//! | | [`serve`] | the life of `neodyme serve`: assembles all below, starts, drains, stops |
//! | | [`limits`] | what the system lets the process have, and whether the settings fit into it |
//! | endpoints | [`operations`] | what operators and load balancers are served, one file each; the tables of both listeners |
//! | business | [`accounts`] | users and what they do, one folder for each story: its endpoints, use case, events and topics |
//! | shared | [`state`] | what the parts share while the service lives |
//! | work | [`outbox`] | the jobs that follow a commit: claimed, delivered, put off, given up; it knows no topic by name |
//! | | [`health`] | the checks of what the service depends on, and what they found |
//! | | [`password`] | the threads that hash |
//! | outside | [`mail`] | emails, over SMTP or into files |
//! | | [`analytics`] | the events for the analytics service |
//! | | [`webhooks`] | what happens to users, told to endpoints of others |
//! | | [`outgoing`] | what requests to services outside have in common |
//! | | [`breaches`] | whether a service knows a new password from data breaches |
//! | HTTP | [`server`] | the listeners: connections, their limits, their end |
//! | | [`page_templates`] | how the pages for users look: templates, style, and what a browser may do with them |
//! | | [`http`] | the table of endpoints, typed input and output, who calls, the one observer, OpenAPI |
//! | database | [`store`] | SQLite or PostgreSQL: transactions, pools, migrations, codes of errors; no business |
//! | everywhere | [`clock`] | what time it is, and how sure that is |
//! | | [`fairness`] | what one client may take of what all share |
//! | | [`lifecycle`] | starting, ready, draining, closing |
//! | | [`tokens`] | access tokens: the keys that sign them, and whom they are believed to name |
//! | | [`telemetry`] | what the service says of itself: events, log lines, metrics, remembered errors |
//! | values | [`values`] | what a valid email, name and password are, jobs, time, JSON as clients send it; no I/O |
//! | | [`password_policy`] | which passwords may be chosen; no I/O |
//! | ground | [`error`] | the one error, and the table of its codes |
//! | | [`config`] | every setting: its sources, its checks, its reference |
//! | | [`redaction`] | a text of others without secrets and persons |
//! | | [`sealing`] | secrets that lie in the database |
//! | | [`tls`] | whom a TLS connection trusts |
//! | | [`label`] | closed sets of names |
//! | | [`language`] | tags of languages, and which of them fits |
//! | | [`templates`] | texts in several languages that an operator may replace: found, parsed, and what is wrong with one |
//! | | [`text`] | characters that cannot be seen |
//! | | [`mod@build`] | version, revision, compiler |
//!
//! # The path of a registration
//!
//! 1. [`server`] accepts the connection and holds it to its limits.
//! 2. [`http::Service`] gives the request its ids, finds the endpoint, decides who calls and whether they may once more, and
//!    observes whatever happens from here on.
//! 3. [`accounts::registration`] reads the body, all faults at once, and holds the password to [`password_policy`]; asks whether the address is taken, as a courtesy; has
//!    [`password::HashPool`] hash the password.
//! 4. One transaction ([`store::Db::transaction`]) inserts the user, the audit row and a job for each thing that follows. It
//!    runs to its end even if the client leaves. Uniqueness is the database's.
//! 5. The answer is 201: all of that is durable.
//! 6. [`outbox`] has the jobs delivered, here or on another instance: [`mail`] sends the welcome, [`analytics`] the event.
//!    A failure is tried again and never touches the registration.
//!
//! A sign-in ([`accounts::sign_in`]) goes the same way: the failures of its address and the user are read, the password is held
//! against the hash, one transaction opens the session, and [`tokens`] signs what the user is given. Who calls with such a token
//! is known to [`http::Service`] before the first line is written.
//!
//! Each step is timed and told by an event ([`telemetry::Event`]), under the request's id.

pub mod accounts;
pub mod analytics;
pub mod breaches;
pub mod build;
pub mod cli;
pub mod clock;
pub mod config;
pub mod error;
pub mod fairness;
pub mod health;
pub mod http;
pub mod label;
pub mod language;
pub mod lifecycle;
pub mod limits;
pub mod mail;
pub mod operations;
pub mod outbox;
pub mod outgoing;
pub mod page_templates;
pub mod password;
pub mod password_policy;
pub mod redaction;
pub mod sealing;
pub mod serve;
pub mod server;
pub mod state;
pub mod store;
pub mod telemetry;
pub mod templates;
pub mod text;
pub mod tls;
pub mod tokens;
pub mod values;
pub mod webhooks;
