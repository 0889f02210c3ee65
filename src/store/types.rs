//! Values of the schema's own types, as each database stores them.

use std::io::Write;

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::{BigInt, Binary, Text};
use diesel::sqlite::Sqlite;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::schema::{InstantSql, JsonSql, UuidSql};
use crate::language::Language;
use crate::values::Personal;

/// Microseconds from 1970 to 2000, where PostgreSQL's clock begins.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

/// The first byte of a `jsonb` on the wire: the version of its format.
const JSONB_VERSION: u8 = 1;

/// The time to the microsecond, in UTC: what both databases keep of it.
pub fn to_micros(time: OffsetDateTime) -> OffsetDateTime {
    let utc = time.to_offset(time::UtcOffset::UTC);
    utc - Duration::nanoseconds(i64::from(utc.nanosecond() % 1_000))
}

/// A number of rows, as SQL wants it.
pub(crate) fn to_bigint(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// An id.
#[derive(Clone, Copy, Debug, AsExpression, FromSqlRow)]
#[diesel(sql_type = UuidSql)]
pub struct Id(pub Uuid);

/// A point in time.
#[derive(Clone, Copy, Debug, AsExpression, FromSqlRow)]
#[diesel(sql_type = InstantSql)]
pub struct UtcTime(pub OffsetDateTime);

/// A JSON document.
#[derive(Clone, Debug, AsExpression, FromSqlRow)]
#[diesel(sql_type = JsonSql)]
pub struct Json(pub serde_json::Value);

/// Lets rows hold what can be read from a column of this type.
macro_rules! column {
    ($value:ty: $sql:ty) => {
        impl<DB: diesel::backend::Backend> diesel::deserialize::Queryable<$sql, DB> for $value
        where
            $value: diesel::deserialize::FromSql<$sql, DB>,
        {
            type Row = Self;

            fn build(value: Self) -> diesel::deserialize::Result<Self> {
                Ok(value)
            }
        }
    };
}

pub(crate) use column;

/// Lets rows hold the plain value, also where it may be missing.
macro_rules! read_plainly {
    ($($plain:ty = $stored:ident of $sql:ty),+) => {$(
        impl<DB: Backend> FromSql<$sql, DB> for $plain
        where
            $stored: FromSql<$sql, DB>,
        {
            fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
                Ok($stored::from_sql(value)?.0)
            }
        }

        column! { $plain: $sql }
    )+};
}

impl<DB: Backend> FromSql<Text, DB> for Personal
where
    String: FromSql<Text, DB>,
{
    fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
        Ok(<String as FromSql<Text, DB>>::from_sql(value)?.into())
    }
}

column! { Personal: Text }

impl<DB: Backend> FromSql<Text, DB> for Language
where
    String: FromSql<Text, DB>,
{
    fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
        Ok(<String as FromSql<Text, DB>>::from_sql(value)?.try_into()?)
    }
}

column! { Language: Text }

read_plainly! { Uuid = Id of UuidSql, OffsetDateTime = UtcTime of InstantSql, serde_json::Value = Json of JsonSql }

impl UtcTime {
    fn unix_micros(self) -> Result<i64, std::num::TryFromIntError> {
        i64::try_from(self.0.unix_timestamp_nanos().div_euclid(1_000))
    }

    fn from_unix_micros(micros: i64) -> deserialize::Result<Self> {
        Ok(Self(OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000)?))
    }
}

impl ToSql<UuidSql, Pg> for Id {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(self.0.as_bytes())?;
        Ok(IsNull::No)
    }
}

impl ToSql<UuidSql, Sqlite> for Id {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.as_bytes().as_slice());
        Ok(IsNull::No)
    }
}

impl FromSql<UuidSql, Pg> for Id {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(Uuid::from_slice(value.as_bytes())?))
    }
}

impl FromSql<UuidSql, Sqlite> for Id {
    fn from_sql(value: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        let bytes = <Vec<u8> as FromSql<Binary, Sqlite>>::from_sql(value)?;
        Ok(Self(Uuid::from_slice(&bytes)?))
    }
}

impl ToSql<InstantSql, Pg> for UtcTime {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(&(self.unix_micros()? - POSTGRES_EPOCH).to_be_bytes())?;
        Ok(IsNull::No)
    }
}

impl ToSql<InstantSql, Sqlite> for UtcTime {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.unix_micros()?);
        Ok(IsNull::No)
    }
}

impl FromSql<InstantSql, Pg> for UtcTime {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let micros = <i64 as FromSql<BigInt, Pg>>::from_sql(value)?;
        Self::from_unix_micros(micros.saturating_add(POSTGRES_EPOCH))
    }
}

impl FromSql<InstantSql, Sqlite> for UtcTime {
    fn from_sql(value: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        Self::from_unix_micros(<i64 as FromSql<BigInt, Sqlite>>::from_sql(value)?)
    }
}

impl ToSql<JsonSql, Pg> for Json {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(&[JSONB_VERSION])?;
        serde_json::to_writer(out, &self.0)?;
        Ok(IsNull::No)
    }
}

impl ToSql<JsonSql, Sqlite> for Json {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.to_string());
        Ok(IsNull::No)
    }
}

impl FromSql<JsonSql, Pg> for Json {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        match value.as_bytes() {
            [JSONB_VERSION, document @ ..] => Ok(Self(serde_json::from_slice(document)?)),
            _ => Err("an unknown version of the jsonb format".into()),
        }
    }
}

impl FromSql<JsonSql, Sqlite> for Json {
    fn from_sql(value: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        let document = <String as FromSql<Text, Sqlite>>::from_sql(value)?;
        Ok(Self(serde_json::from_str(&document)?))
    }
}
