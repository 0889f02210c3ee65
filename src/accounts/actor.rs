//! Who does something to a user.

use serde_json::Value;
use uuid::Uuid;

use super::audit::{ANONYMOUS, AuditEntry, OPERATOR, SERVICE};
use crate::clock;
use crate::http::Context;
use crate::store::types::to_micros;
use crate::telemetry::metrics::{self, ChangedBy, UserChange};
use crate::values::Origin;

/// Who does something to a user, and the request or the command that it is done with.
#[derive(Clone, Debug)]
pub struct Actor {
    who: Who,
    origin: Origin,
    insists: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Anonymous,
    Operator,
    Service,
    User(Uuid),
}

impl Actor {
    /// The operator who runs this command.
    pub fn operator() -> Self {
        let request_id = format!("command-{}", Uuid::now_v7());
        let origin = Origin { request_id, trace_id: String::new(), traceparent: String::new(), client_ip: None };
        Actor { who: Who::Operator, origin, insists: false }
    }

    /// The service itself, as it is set to.
    pub(super) fn service() -> Self {
        let request_id = format!("service-{}", Uuid::now_v7());
        let origin = Origin { request_id, trace_id: String::new(), traceparent: String::new(), client_ip: None };
        Actor { who: Who::Service, origin, insists: false }
    }

    /// The user who calls.
    pub fn user(id: Uuid, origin: Origin) -> Self {
        Actor { who: Who::User(id), origin, insists: false }
    }

    /// Who calls, as far as that was shown.
    pub(super) fn of(context: &Context) -> Self {
        let who = context.caller().map_or(Who::Anonymous, Who::User);
        Actor { who, origin: context.origin(), insists: false }
    }

    /// The same, who insists on what leaves nobody to administer users.
    pub fn insisting(self) -> Self {
        Actor { insists: true, ..self }
    }

    /// See [`Actor::insisting`].
    pub(super) fn insists(&self) -> bool {
        self.insists
    }

    /// Whether it is this user.
    pub fn is(&self, id: Uuid) -> bool {
        self.who == Who::User(id)
    }

    /// The request or the command.
    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The same, with nothing that tells from where.
    pub(super) fn without_origin(mut self) -> Self {
        self.origin.client_ip = None;
        self
    }

    /// Counts what it has done to a user.
    pub(super) fn has_done(&self, change: UserChange, id: Uuid) {
        metrics::user_changed(change, if self.is(id) { ChangedBy::Oneself } else { ChangedBy::Another });
    }

    /// What it does, to a user where it is about one, for the audit trail.
    pub(super) fn entry(&self, action: &str, user_id: impl Into<Option<Uuid>>, details: Value) -> AuditEntry {
        let name = match self.who {
            Who::Anonymous => ANONYMOUS.to_owned(),
            Who::Operator => OPERATOR.to_owned(),
            Who::Service => SERVICE.to_owned(),
            Who::User(id) => id.to_string(),
        };
        AuditEntry { details, ..AuditEntry::new(action, &name, user_id, &self.origin, to_micros(clock::now())) }
    }
}
