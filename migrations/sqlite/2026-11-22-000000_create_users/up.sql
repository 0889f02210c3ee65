-- Ids are 16 bytes, points in time microseconds since 1970 (UTC).
CREATE TABLE users (
    id            BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    email         TEXT    NOT NULL,
    email_key     TEXT    NOT NULL UNIQUE,
    full_name     TEXT    NOT NULL,
    password_hash TEXT    NOT NULL,
    is_active     INTEGER NOT NULL CHECK (is_active IN (0, 1)),
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL
) STRICT;

-- The trail outlives the user it tells of: no foreign key.
CREATE TABLE audit_log (
    id          BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    occurred_at INTEGER NOT NULL,
    action      TEXT    NOT NULL,
    actor       TEXT    NOT NULL,
    user_id     BLOB    CHECK (length(user_id) = 16),
    client_ip   TEXT,
    request_id  TEXT    NOT NULL,
    trace_id    TEXT    NOT NULL,
    details     TEXT    NOT NULL CHECK (json_valid(details))
) STRICT;

CREATE INDEX audit_log_by_user ON audit_log (user_id, occurred_at);
