//! People who register, each from an address of their own.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use crate::common::http;
use crate::common::load::Load;

/// As many as it takes to keep the workers busy.
const CLIENTS_WITHOUT_PAUSE: u32 = 16;
/// Nobody registers more often, whatever the load: limits are for others.
const SECONDS_BETWEEN: f64 = 4.0;

/// Some clients who send the next registration as soon as the last is answered.
pub fn without_pause(api_url: &str) -> Load {
    Load::paced(api_url, clients(CLIENTS_WITHOUT_PAUSE), Duration::ZERO)
}

/// So many registrations a second, however long the answers take, from as many clients as that needs.
pub fn paced(api_url: &str, rate: f64) -> Load {
    let count = (rate * SECONDS_BETWEEN).ceil().max(1.0);
    Load::paced(api_url, clients(count as u32), Duration::from_secs_f64(count / rate))
}

fn clients(count: u32) -> impl Iterator<Item = reqwest::Client> {
    let addresses = (0..count).map(|number| Ipv4Addr::from_bits(Ipv4Addr::new(127, 1, 0, 1).to_bits() + number));
    addresses.map(|address| http::builder().local_address(IpAddr::V4(address)).build().unwrap())
}
