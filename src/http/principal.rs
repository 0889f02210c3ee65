//! Who calls, as far as that was shown; not whom a request is about.

/// Who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Principal {
    /// Somebody who has not said who it is.
    Anonymous,
    /// Somebody who knows the token of the operations listener.
    Operator,
}
