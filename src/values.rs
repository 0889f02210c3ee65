//! Value types: what they hold is valid, and what is private stays private in any log. No I/O.

pub mod accept;
mod email;
mod fault;
mod fields;
mod full_name;
pub mod job;
pub mod json;
mod locale;
mod new_password;
mod origin;
mod password;
mod personal;
pub mod timestamp;

pub use self::email::{AddressPrefix, Email};
pub use self::fault::{Fault, FaultCode};
pub(crate) use self::fields::text_field;
pub use self::fields::{Fields, FromText, Member, OrNull};
pub use self::full_name::FullName;
pub use self::new_password::{LENGTH_SET_BY, NewPassword};
pub use self::origin::Origin;
pub use self::password::Password;
pub use self::personal::Personal;

#[cfg(test)]
mod testing {
    use std::time::{Duration, Instant};

    /// What a piece of work takes when nothing disturbs it.
    pub fn cost<T>(work: impl Fn() -> T) -> Duration {
        let took = || {
            let began = Instant::now();
            (0..50).for_each(|_| drop(std::hint::black_box(work())));
            began.elapsed()
        };
        (0..5).map(|_| took()).min().unwrap_or_default()
    }
}
