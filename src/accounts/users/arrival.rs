//! Users who come many at a time, from elsewhere.

use diesel::QueryResult;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Array, Bool, Nullable, Text};
use diesel::sqlite::Sqlite;
use diesel_async::RunQueryDsl;

use super::{User, insertion};
use crate::error::Result;
use crate::language::Language;
use crate::store::Transaction;
use crate::store::query::on_lease;
use crate::store::schema::{InstantSql, UuidSql};
use crate::store::transaction::Connection;
use crate::store::types::{Id, UtcTime};
use crate::telemetry::metrics::DbOperation;

/// Inserts those whose address is not registered yet, and says how many they were.
///
/// # Errors
/// When the database fails.
pub async fn insert_new(tx: &mut Transaction, arrivals: &[User]) -> Result<usize> {
    let inserted = match tx.ready().await? {
        Connection::Sqlite(lease) => on_lease!(lease, DbOperation::InsertRows, |conn| async {
            let mut inserted = 0;
            for user in arrivals {
                inserted += UnlessTaken(insertion(user)).execute(conn).await?;
            }
            Ok(inserted)
        }),
        Connection::Postgres(lease) => {
            on_lease!(lease, DbOperation::InsertRows, |conn| insertion_by_column(arrivals).execute(conn))
        }
    };
    tx.note(inserted)
}

/// An insertion that does nothing where the address is registered.
struct UnlessTaken<T>(T);

impl<T: QueryFragment<Sqlite>> QueryFragment<Sqlite> for UnlessTaken<T> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(" ON CONFLICT (email_key) DO NOTHING");
        Ok(())
    }
}

impl<T: QueryId> QueryId for UnlessTaken<T> {
    type QueryId = UnlessTaken<T::QueryId>;
    const HAS_STATIC_QUERY_ID: bool = T::HAS_STATIC_QUERY_ID;
}

/// One statement, whose text is the same for any number of users: their values come column by column.
fn insertion_by_column(arrivals: &[User]) -> impl QueryFragment<Pg> + QueryId + Send {
    fn column<'a, T>(arrivals: &'a [User], value: impl Fn(&'a User) -> T) -> Vec<T> {
        arrivals.iter().map(value).collect()
    }
    diesel::sql_query(
        "INSERT INTO users (id, email, email_key, full_name, password_hash, is_active, created_at, updated_at, email_verified_at, locale)
         SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         ON CONFLICT (email_key) DO NOTHING",
    )
    .bind::<Array<UuidSql>, _>(column(arrivals, |user| Id(user.id)))
    .bind::<Array<Text>, _>(column(arrivals, |user| user.email.expose()))
    .bind::<Array<Text>, _>(column(arrivals, |user| user.email_key.expose()))
    .bind::<Array<Text>, _>(column(arrivals, |user| user.full_name.expose()))
    .bind::<Array<Text>, _>(column(arrivals, |user| user.password_hash.expose()))
    .bind::<Array<Bool>, _>(column(arrivals, |user| user.is_active))
    .bind::<Array<InstantSql>, _>(column(arrivals, |user| UtcTime(user.created_at)))
    .bind::<Array<InstantSql>, _>(column(arrivals, |user| UtcTime(user.updated_at)))
    .bind::<Array<Nullable<InstantSql>>, _>(column(arrivals, |user| user.email_verified_at.map(UtcTime)))
    .bind::<Array<Nullable<Text>>, _>(column(arrivals, |user| user.locale.as_ref().map(Language::as_str)))
}
