//! The table `users`.

mod address;
mod admins;
mod arrival;
mod page;
mod role;
mod write;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool};
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;
use uuid::Uuid;

pub use self::address::{
    address_hash, as_address_taken, email_exists, is_kept, kept_among, kept_for_another, kept_of, registered_among,
};
pub use self::admins::expect_another_admin;
pub use self::arrival::insert_new;
pub use self::page::{Order, Page, UserFilter, list, unverified};
pub use self::role::Role;
pub use self::write::{Version, delete, find_to_change, replace, set_email, set_password, set_verified};
use crate::error::Result;
use crate::language::Language;
use crate::store::Db;
use crate::store::query::{insertion, row, with_read};
use crate::store::schema::users;
use crate::store::types::{Id, UtcTime};
use crate::telemetry::metrics::DbOperation;
use crate::values::Personal;

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct User {
    /// A UUIDv7: ids of later users are greater.
    pub id: Uuid,
    /// The address as the user writes it.
    pub email: Personal,
    /// The address in the form in which it is unique.
    pub email_key: Personal,
    /// The name as the user writes it.
    pub full_name: Personal,
    /// A PHC string; never the password.
    pub password_hash: Personal,
    /// May the user use the service?
    pub is_active: bool,
    /// When the user came to be, in UTC; kept to the microsecond.
    pub created_at: OffsetDateTime,
    /// When the user last changed, in UTC; kept to the microsecond.
    pub updated_at: OffsetDateTime,
    /// When the address was shown to be the user's own, if it was.
    pub email_verified_at: Option<OffsetDateTime>,
    /// What the user may do beside what all may.
    pub role: Role,
    /// What the user is written to in, where that is known.
    pub locale: Option<Language>,
}

/// How many users there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UserCounts {
    /// Those who may use the service.
    pub active: u64,
    /// Those who may not.
    pub inactive: u64,
}

row!(User, insertion);

fn insertion(user: &User) -> insertion!() {
    diesel::insert_into(users::table).values((
        users::id.eq(Id(user.id)),
        users::email.eq(user.email.expose()),
        users::email_key.eq(user.email_key.expose()),
        users::full_name.eq(user.full_name.expose()),
        users::password_hash.eq(user.password_hash.expose()),
        users::is_active.eq(user.is_active),
        users::created_at.eq(UtcTime(user.created_at)),
        users::updated_at.eq(UtcTime(user.updated_at)),
        users::email_verified_at.eq(user.email_verified_at.map(UtcTime)),
        users::role.eq(user.role.as_str()),
        users::locale.eq(user.locale.as_ref().map(Language::as_str)),
    ))
}

/// The user with this id.
///
/// # Errors
/// When the database fails.
pub async fn find(db: &Db, id: Uuid) -> Result<Option<User>> {
    with_read!(db, DbOperation::FindUser, |conn| async {
        users::table.find(Id(id)).first::<User>(conn).await.optional()
    })
}

/// The user with this address, in the form in which it is unique.
///
/// # Errors
/// When the database fails.
pub async fn find_by_key(db: &Db, email_key: &str) -> Result<Option<User>> {
    with_read!(db, DbOperation::FindUser, |conn| async {
        users::table.filter(users::email_key.eq(email_key)).first::<User>(conn).await.optional()
    })
}

/// The hash of the password of a user: of the one who comes next at this point of the order of addresses, or of the first.
///
/// # Errors
/// When the database fails.
pub async fn hash_near(db: &Db, point: &str) -> Result<Option<Personal>> {
    with_read!(db, DbOperation::FindUser, |conn| async {
        let first = || users::table.order(users::email_key).select(users::password_hash);
        match first().filter(users::email_key.ge(point)).first::<Personal>(conn).await.optional()? {
            Some(hash) => Ok(Some(hash)),
            None => first().first::<Personal>(conn).await.optional(),
        }
    })
}

/// When the latest user came to be.
///
/// # Errors
/// When the database fails.
pub async fn newest(db: &Db) -> Result<Option<OffsetDateTime>> {
    with_read!(db, DbOperation::FindUser, |conn| async {
        users::table.order(users::id.desc()).select(users::created_at).first(conn).await.optional()
    })
}

/// How many users there are: the database keeps count, so that this costs the same however many there are.
///
/// # Errors
/// When the database fails.
pub async fn count_by_state(db: &Db) -> Result<UserCounts> {
    let counts = match db {
        Db::Sqlite { .. } => "SELECT is_active, users FROM user_counts",
        Db::Postgres { .. } => "SELECT is_active, users FROM count_users()",
    };
    let counts: Vec<StateCount> = with_read!(db, DbOperation::CountUsers, |conn| diesel::sql_query(counts).load(conn))?;
    let of = |is_active| counts.iter().find(|count| count.is_active == is_active).map_or(0, |count| count.users);
    Ok(UserCounts { active: of(true).unsigned_abs(), inactive: of(false).unsigned_abs() })
}

#[derive(QueryableByName)]
struct StateCount {
    #[diesel(sql_type = Bool)]
    is_active: bool,
    #[diesel(sql_type = BigInt)]
    users: i64,
}
