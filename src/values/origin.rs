//! Where an action comes from.

use std::net::IpAddr;

/// What caused an action: a request, or an operator's command. It stands in the audit trail, and in what follows.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The request's id, as in the log.
    pub request_id: String,
    /// The trace's id, as in the log.
    pub trace_id: String,
    /// The trace, as calls made for the action carry it on (W3C Trace Context).
    pub traceparent: String,
    /// The address that the request came from.
    pub client_ip: Option<IpAddr>,
}
