//! A row of the driver's as diesel reads it.

use std::error::Error;
use std::num::NonZeroU32;
use std::ops::Range;

use diesel::pg::{Pg, PgValue};
use diesel::row::{Field, PartialRow, Row, RowIndex, RowSealed};
use tokio_postgres::types::{FromSql, Type};

/// A row.
pub struct PostgresRow(pub(super) tokio_postgres::Row);

/// A field of a row.
pub struct PostgresField<'row> {
    name: &'row str,
    value: Option<&'row [u8]>,
    oid: NonZeroU32,
}

impl RowSealed for PostgresRow {}

impl<'a> Row<'a, Pg> for PostgresRow {
    type Field<'row>
        = PostgresField<'row>
    where
        'a: 'row,
        Self: 'row;
    type InnerPartialRow = Self;

    fn field_count(&self) -> usize {
        self.0.len()
    }

    fn get<'row, I>(&'row self, index: I) -> Option<Self::Field<'row>>
    where
        'a: 'row,
        Self: RowIndex<I>,
    {
        let index = self.idx(index)?;
        let column = self.0.columns().get(index)?;
        let Bytes(value) = self.0.try_get(index).ok()?;
        Some(PostgresField { name: column.name(), value, oid: NonZeroU32::new(column.type_().oid())? })
    }

    fn partial_row(&self, range: Range<usize>) -> PartialRow<'_, Self::InnerPartialRow> {
        PartialRow::new(self, range)
    }
}

impl RowIndex<usize> for PostgresRow {
    fn idx(&self, index: usize) -> Option<usize> {
        (index < self.0.len()).then_some(index)
    }
}

impl RowIndex<&str> for PostgresRow {
    fn idx(&self, name: &str) -> Option<usize> {
        self.0.columns().iter().position(|column| column.name() == name)
    }
}

impl Field<'_, Pg> for PostgresField<'_> {
    fn field_name(&self) -> Option<&str> {
        Some(self.name)
    }

    fn value(&self) -> Option<PgValue<'_>> {
        Some(PgValue::new(self.value?, &self.oid))
    }
}

/// What stands on the wire, or NULL.
struct Bytes<'row>(Option<&'row [u8]>);

impl<'row> FromSql<'row> for Bytes<'row> {
    fn from_sql(_: &Type, raw: &'row [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(Some(raw)))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(None))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}
