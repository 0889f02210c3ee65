//! What one client may take of what all share: places at once, a rate, and turns.
//!
//! A client is an IPv4 address, or the /64 of an IPv6 address, which is what one customer or machine is given (RFC 6177,
//! RFC 8981). All that is kept here is bounded, however many clients there are.

mod client;
mod places;
mod rate;
mod round_robin;
mod turns;

pub use self::client::ClientKey;
pub use self::places::{Full, Place, Places, Tenant, Use};
pub use self::rate::{Left, Rate};
pub use self::round_robin::RoundRobin;
pub use self::turns::{Turn, Turns};
