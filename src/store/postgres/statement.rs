//! A query of diesel's as the driver takes it: its text, and its values in PostgreSQL's binary format.

use std::error::Error;

use bytes::BytesMut;
use diesel::QueryResult;
use diesel::pg::{Pg, PgMetadataLookup, PgQueryBuilder, PgTypeMetadata};
use diesel::query_builder::bind_collector::RawBytesBindCollector;
use diesel::query_builder::{QueryBuilder, QueryFragment};
use diesel::result::Error as QueryError;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

/// A statement and its values.
pub(super) struct Statement {
    pub(super) text: String,
    pub(super) types: Vec<Type>,
    pub(super) values: Vec<Value>,
    /// Whether its text comes again, whatever the values.
    pub(super) recurs: bool,
}

impl Statement {
    pub(super) fn of(query: &impl QueryFragment<Pg>) -> QueryResult<Self> {
        let mut text = PgQueryBuilder::default();
        query.to_sql(&mut text, &Pg)?;
        let mut collected = RawBytesBindCollector::<Pg>::new();
        query.collect_binds(&mut collected, &mut OwnTypesOnly, &Pg)?;
        Ok(Self {
            text: text.finish(),
            types: collected.metadata.iter().map(type_of).collect::<QueryResult<_>>()?,
            values: collected.binds.into_iter().map(Value).collect(),
            recurs: query.is_safe_to_cache_prepared(&Pg)?,
        })
    }
}

fn type_of(metadata: &PgTypeMetadata) -> QueryResult<Type> {
    let oid = metadata.oid().map_err(|error| QueryError::SerializationError(Box::new(error)))?;
    Type::from_oid(oid)
        .ok_or_else(|| QueryError::SerializationError(format!("no type of PostgreSQL has oid {oid}").into()))
}

/// All types that the schema uses are PostgreSQL's own, whose ids are the same everywhere.
struct OwnTypesOnly;

impl PgMetadataLookup for OwnTypesOnly {
    fn lookup_type(&mut self, _name: &str, _schema: Option<&str>) -> PgTypeMetadata {
        PgTypeMetadata::new(0, 0)
    }
}

/// A value, or NULL.
#[derive(Debug)]
pub(super) struct Value(Option<Vec<u8>>);

impl ToSql for Value {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        Ok(match &self.0 {
            Some(bytes) => {
                out.extend_from_slice(bytes);
                IsNull::No
            }
            None => IsNull::Yes,
        })
    }

    // diesel has seen to that.
    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}
