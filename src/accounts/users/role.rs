//! What a user may do beside what all may.

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql};
use diesel::sql_types::Text;

use crate::http::Permission;
use crate::label::{self, labels};
use crate::store::types::column;
use crate::values::{Fault, FaultCode, text_field};

labels! {
    /// The role of a user. Each includes those before it, so that a user has one.
    pub enum Role("role") {
        /// May see and change what is the user's own.
        User = "user",
        /// May see other users as well.
        Support = "support",
        /// May change them.
        Admin = "admin",
    }
}

impl Role {
    /// Whether a user of this role may do this.
    pub fn may(self, permission: Permission) -> bool {
        match permission {
            Permission::UsersRead | Permission::AuditRead => matches!(self, Role::Support | Role::Admin),
            Permission::UsersWrite | Permission::UsersDelete => self == Role::Admin,
        }
    }
}

impl Role {
    /// Reads the name of a role.
    ///
    /// # Errors
    /// A [`Fault`] that says which there are.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        label::parse(text).ok_or_else(|| Fault::new(FaultCode::Choice, "must be user, support or admin"))
    }
}

text_field!(Role, "Role", { "type": "string", "enum": ["user", "support", "admin"] });

impl<DB: Backend> FromSql<Text, DB> for Role
where
    String: FromSql<Text, DB>,
{
    fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
        let name = <String as FromSql<Text, DB>>::from_sql(value)?;
        label::parse(&name).ok_or_else(|| "an unknown role".into())
    }
}

column! { Role: Text }
