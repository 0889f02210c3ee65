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
        role -> Text,
        locale -> Nullable<Text>,
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

diesel::table! {
    use diesel::sql_types::{Binary, Nullable, Text};
    use super::{InstantSql, UuidSql};

    sessions (id) {
        id -> UuidSql,
        user_id -> UuidSql,
        created_at -> InstantSql,
        last_used_at -> InstantSql,
        expires_at -> InstantSql,
        client_ip -> Nullable<Text>,
        user_agent -> Nullable<Text>,
        cookie_hash -> Nullable<Binary>,
    }
}

diesel::table! {
    use diesel::sql_types::{Binary, Nullable};
    use super::{InstantSql, UuidSql};

    refresh_tokens (token_hash) {
        token_hash -> Binary,
        session_id -> UuidSql,
        created_at -> InstantSql,
        expires_at -> InstantSql,
        rotated_at -> Nullable<InstantSql>,
        successor -> Nullable<Binary>,
    }
}

diesel::table! {
    use diesel::sql_types::{Binary, Integer, Nullable};
    use super::{InstantSql, UuidSql};

    login_failures (address_hash) {
        address_hash -> Binary,
        user_id -> Nullable<UuidSql>,
        failures -> Integer,
        last_failed_at -> InstantSql,
    }
}

diesel::table! {
    use diesel::sql_types::Binary;
    use super::{InstantSql, UuidSql};

    registration_keys (key_hash) {
        key_hash -> Binary,
        fingerprint -> Binary,
        user_id -> UuidSql,
        created_at -> InstantSql,
    }
}

diesel::table! {
    use diesel::sql_types::{Binary, Text};

    use super::InstantSql;

    code_emails (code_hash) {
        code_hash -> Binary,
        purpose -> Text,
        address_hash -> Binary,
        sent_at -> InstantSql,
    }
}

diesel::table! {
    use diesel::sql_types::{Binary, Nullable, Text};
    use super::{InstantSql, UuidSql};

    one_time_codes (code_hash) {
        code_hash -> Binary,
        purpose -> Text,
        user_id -> UuidSql,
        email -> Text,
        email_key -> Text,
        session_id -> Nullable<UuidSql>,
        created_at -> InstantSql,
        expires_at -> InstantSql,
        used_at -> Nullable<InstantSql>,
    }
}

diesel::table! {
    use diesel::sql_types::{Binary, Text};
    use super::InstantSql;

    webhooks_off (topic) {
        topic -> Text,
        url_hash -> Binary,
        switched_off_at -> InstantSql,
    }
}

diesel::table! {
    use diesel::sql_types::{Binary, Bool, Integer, Text};
    use super::InstantSql;

    signing_keys (number) {
        number -> Integer,
        kid -> Text,
        public_key -> Binary,
        private_key -> Binary,
        is_sealed -> Bool,
        created_at -> InstantSql,
        signs_from -> InstantSql,
    }
}

diesel::table! {
    use super::UuidSql;

    unwiped_erasures (user_id) {
        user_id -> UuidSql,
    }
}

diesel::joinable!(sessions -> users (user_id));
diesel::joinable!(registration_keys -> users (user_id));
diesel::joinable!(refresh_tokens -> sessions (session_id));
diesel::allow_tables_to_appear_in_same_query!(users, sessions, refresh_tokens, registration_keys, one_time_codes);
