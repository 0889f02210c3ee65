//! Who does something to a user.

use serde_json::Value;
use uuid::Uuid;

use super::audit::AuditEntry;
use crate::clock;
use crate::store::types::to_micros;
use crate::values::Origin;

/// How the audit trail names whoever runs the commands.
const OPERATOR: &str = "operator";

/// Who does something to a user, and the request or the command that it is done with.
#[derive(Clone, Debug)]
pub struct Actor {
    /// None for an operator.
    user_id: Option<Uuid>,
    origin: Origin,
}

impl Actor {
    /// The operator who runs this command.
    pub fn operator() -> Self {
        let request_id = format!("command-{}", Uuid::now_v7());
        let origin = Origin { request_id, trace_id: String::new(), traceparent: String::new(), client_ip: None };
        Actor { user_id: None, origin }
    }

    /// The user who calls.
    pub fn user(id: Uuid, origin: Origin) -> Self {
        Actor { user_id: Some(id), origin }
    }

    /// Whether it is this user.
    pub fn is(&self, id: Uuid) -> bool {
        self.user_id == Some(id)
    }

    /// The same, with nothing that tells from where.
    pub(super) fn without_origin(mut self) -> Self {
        self.origin.client_ip = None;
        self
    }

    /// What it does to a user, for the audit trail.
    pub(super) fn entry(&self, action: &str, user_id: Uuid, details: Value) -> AuditEntry {
        let name = self.user_id.map_or_else(|| OPERATOR.to_owned(), |id| id.to_string());
        AuditEntry { details, ..AuditEntry::new(action, &name, user_id, &self.origin, to_micros(clock::now())) }
    }
}
