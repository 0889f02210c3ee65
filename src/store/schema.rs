//! The tables, once for both databases.
//!
//! The custom types name what each database stores natively: an id is a `uuid` or 16 bytes, a point in time a
//! `timestamptz` or microseconds since 1970, a document `jsonb` or text. Their values are in [`types`](super::types).

use diesel::query_builder::QueryId;
use diesel::sql_types::{SqlOrd, SqlType};

/// An id.
#[derive(Clone, Copy, Debug, QueryId, SqlType)]
#[diesel(postgres_type(oid = 2950, array_oid = 2951))]
#[diesel(sqlite_type(name = "Binary"))]
pub struct UuidSql;

/// A point in time, UTC, in microseconds.
#[derive(Clone, Copy, Debug, QueryId, SqlType)]
#[diesel(postgres_type(oid = 1184, array_oid = 1185))]
#[diesel(sqlite_type(name = "Long"))]
pub struct InstantSql;

impl SqlOrd for InstantSql {}

/// A JSON document.
#[derive(Clone, Copy, Debug, QueryId, SqlType)]
#[diesel(postgres_type(oid = 3802, array_oid = 3807))]
#[diesel(sqlite_type(name = "Text"))]
pub struct JsonSql;

diesel::table! {
    use diesel::sql_types::{Bool, Nullable, Text};
    use super::{InstantSql, UuidSql};

    users (id) {
        id -> UuidSql,
        email -> Text,
        email_key -> Text,
        full_name -> Text,
        password_hash -> Text,
        is_active -> Bool,
        created_at -> InstantSql,
        updated_at -> InstantSql,
        email_verified_at -> Nullable<InstantSql>,
    }
}

diesel::table! {
    use diesel::sql_types::{Nullable, Text};
    use super::{InstantSql, JsonSql, UuidSql};

    audit_log (id) {
        id -> UuidSql,
        occurred_at -> InstantSql,
        action -> Text,
        actor -> Text,
        user_id -> Nullable<UuidSql>,
        client_ip -> Nullable<Text>,
        request_id -> Text,
        trace_id -> Text,
        details -> JsonSql,
    }
}

diesel::table! {
    use diesel::sql_types::{Integer, Nullable, Text};
    use super::{InstantSql, JsonSql, UuidSql};

    outbox_jobs (id) {
        id -> UuidSql,
        topic -> Text,
        state -> Text,
        payload -> JsonSql,
        user_id -> Nullable<UuidSql>,
        request_id -> Text,
        traceparent -> Text,
        attempts -> Integer,
        created_at -> InstantSql,
        run_at -> InstantSql,
        lease_until -> Nullable<InstantSql>,
        lease_token -> Nullable<UuidSql>,
        finished_at -> Nullable<InstantSql>,
        last_error -> Nullable<Text>,
        failing_since -> Nullable<InstantSql>,
        unanswered -> Integer,
    }
}

diesel::table! {
    use diesel::sql_types::{Binary, Text};

    shared_keys (name) {
        name -> Text,
        value -> Binary,
    }
}
