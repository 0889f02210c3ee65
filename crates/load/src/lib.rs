//! When requests are sent: the engine of everything here that sends many of them, to look at, to measure or to test a service.
//!
//! - A closed loop ([`Callers`]): each caller waits for its answer before it makes the next call, so a slow
//!   service gets fewer calls. It shows what a service can do.
//! - An open loop ([`Arrivals`]): requests come at their own pace, whatever the service does, as people do. It shows what
//!   they get from a slow service.
//!
//! What a request is, and by which client it is sent, is up to the user.

#![forbid(unsafe_code)]

mod arrivals;
mod callers;

pub use arrivals::{Arrivals, Event, Pace};
pub use callers::{Call, Caller, Callers};
